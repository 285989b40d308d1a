//! Common parts of the scenarios of the host side: a directory that is removed, scripts, and waiting for a condition.
#![allow(dead_code, reason = "each scenario file uses its own part")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hbcore_linux::log::{EarlyLog, LogConfig, Logger, Stderr};

/// The directory of one scenario, removed at its end.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // A killed test leaves its directory, and process ids return.
        let made = (0..1000).find_map(|_| {
            let name = format!("hbcore-host-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).is_ok().then_some(path)
        });
        Self(made.expect("a directory for the scenario"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.join(name)).unwrap_or_default()).into_owned()
    }

    /// Writes an executable shell script.
    pub(crate) fn script(&self, name: &str, body: &str) -> PathBuf {
        self.file(name, &format!("#!/bin/sh\n{body}\n"), 0o755)
    }

    pub(crate) fn file(&self, name: &str, content: &str, mode: u32) -> PathBuf {
        let path = self.join(name);
        // A fork in another thread may hold a descriptor for writing open for a moment, and the script could then not
        // be executed, so a child process writes it.
        let mut cp = std::process::Command::new("dd")
            .arg(format!("of={}", path.display()))
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("dd starts");
        std::io::Write::write_all(&mut cp.stdin.take().expect("a pipe"), content.as_bytes()).expect("written");
        assert!(cp.wait().expect("dd ends").success());
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode set");
        path
    }

    /// A log that writes every line to `log` and `debug` here.
    pub(crate) fn log(&self) -> Logger {
        EarlyLog::new(self.log_config()).start().expect("a writer thread")
    }

    pub(crate) fn log_config(&self) -> LogConfig {
        LogConfig {
            logfile: Some(self.join("log")),
            debugfile: Some(self.join("debug")),
            stderr: Stderr::Off,
            ..LogConfig::early("alpha")
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until `condition` holds, twenty seconds at most: the machine may be busy.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < until, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process lives; a zombie does not.
pub(crate) fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}
