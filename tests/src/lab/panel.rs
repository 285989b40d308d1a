//! Makes a call of the daemon fail, at a place that the test chooses: the other end of `hbcore_linux::sys::fault`.

use std::fs;
use std::path::PathBuf;

/// The control panel of one daemon.
#[derive(Clone, Debug)]
pub struct Panel {
    directory: PathBuf,
}

impl Panel {
    /// The variable that names the panel to the daemon.
    pub(super) const VARIABLE: &str = "HBCORE_FAULTS";

    pub(super) fn new(directory: PathBuf) -> Self {
        fs::create_dir_all(&directory).expect("our own directory");
        Self { directory }
    }

    /// Sets the fault for the next call at this place, such as `error 11`, `hang 1500`, `kill`; with `always` before
    /// it, for each call.
    pub fn arm(&self, place: &str, how: &str) {
        // The file appears in one step, because the daemon may pass the place at any time.
        let draft = self.directory.join("draft");
        fs::write(&draft, how).expect("our own file");
        fs::rename(draft, self.directory.join(place)).expect("our own file");
    }

    /// Removes a fault that has not happened yet.
    pub fn disarm(&self, place: &str) {
        let _ = fs::remove_file(self.directory.join(place));
    }

    /// Whether the fault at this place has happened and is gone. A fault with `always` stays.
    pub fn has_struck(&self, place: &str) -> bool {
        !self.directory.join(place).exists()
    }

    /// The places that the daemon has passed, in order, with repetitions.
    pub fn passed(&self) -> Vec<String> {
        let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}
