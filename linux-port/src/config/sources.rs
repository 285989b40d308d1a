//! The files of a configuration folder, as they were read.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use hbcore::config::{File, HaCf, Position, Problem, Severity};

use super::finding::Finding;

/// The longest file that is read, in bytes. A longer one is an error.
const FILE_MAX: u64 = 4 << 20;
/// The permission bits for reading by group and others, which 3.0.6 refuses on `authkeys`.
const READABLE_BY_OTHERS: u32 = 0o044;
/// The permission bits for writing by group and others. 3.0.6 does not check them.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// The folder in 3.0.6's messages; the two slashes are part of them.
const USUAL_FOLDER: &str = "/etc/ha.d//";

/// The texts of a configuration folder and the name of this node. A checked configuration borrows from it.
#[derive(Debug)]
pub struct Sources {
    dir: PathBuf,
    local_name: String,
    ha_cf: io::Result<Vec<u8>>,
    authkeys: io::Result<Vec<u8>>,
    authkeys_mode: Option<u32>,
    haresources: io::Result<Vec<u8>>,
    hbcore_cf: io::Result<Vec<u8>>,
}

impl Sources {
    /// Reads the folder. A file that cannot be read is reported later, when it is known whether it is needed.
    #[cold]
    pub fn read(dir: &Path) -> Self {
        let read = |file: File| read_file(&dir.join(file.name()));
        Self {
            dir: dir.to_owned(),
            local_name: local_name(dir),
            ha_cf: read(File::HaCf),
            authkeys: read(File::AuthKeys),
            authkeys_mode: fs::metadata(dir.join(File::AuthKeys.name())).ok().map(|data| data.mode()),
            haresources: read(File::HaResources),
            hbcore_cf: read(File::HbcoreCf),
        }
    }

    /// The name of this node: the first line of `nodeinfo`, or else the host name, in lower case.
    pub fn local_name(&self) -> &str {
        &self.local_name
    }

    /// The text of a file; empty if it could not be read.
    pub fn text(&self, file: File) -> &[u8] {
        self.content(file).as_deref().unwrap_or_default()
    }

    /// The text of `haresources`; empty if Pacemaker manages the resources.
    pub(super) fn resources(&self, ha_cf: &HaCf<'_>) -> &[u8] {
        if ha_cf.pacemaker.mode.uses_haresources() { self.text(File::HaResources) } else { &[] }
    }

    /// Whether `haresources` can be read.
    pub(super) fn has_resources(&self) -> bool {
        self.haresources.is_ok()
    }

    /// The folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The path of a file.
    pub(super) fn path(&self, file: File) -> PathBuf {
        self.dir.join(file.name())
    }

    /// A problem that core found.
    pub(super) fn finding(&self, problem: &Problem<'_>) -> Finding {
        let (message, help) = (problem.kind.to_string(), problem.kind.help().to_string());
        self.found(problem.file, problem.at, problem.severity, message, help)
    }

    /// A problem at a place, with its line unless that is secret.
    #[cold]
    pub(super) fn found(
        &self,
        file: File,
        at: Option<Position>,
        severity: Severity,
        message: String,
        help: impl Into<String>,
    ) -> Finding {
        let line = at.filter(|_| file != File::AuthKeys).and_then(|at| {
            let number = usize::try_from(at.line.checked_sub(1)?).ok()?;
            let line = self.text(file).split(|byte| *byte == b'\n').nth(number)?;
            Some(String::from_utf8_lossy(line).trim_end().to_owned())
        });
        let here = || format!("{}/", self.dir.display());
        let usual = self.dir == Path::new(USUAL_FOLDER);
        let message = if usual { message } else { message.replace(USUAL_FOLDER, &here()) };
        let (message, help) = (printable(&message), printable(&help.into()));
        Finding { file, path: self.path(file), at, severity, message, help, source: line.as_deref().map(printable) }
    }

    /// Errors about files that are needed and cannot be read, and about keys that others can read.
    pub(super) fn missing_files(&self, ha_cf: &HaCf<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut missing = |file: File, message: String| {
            if let Err(error) = self.content(file) {
                findings.push(self.found(file, None, Severity::Error, message, read_help(file, error)));
            }
        };
        missing(File::HaCf, "Cannot open config file [/etc/ha.d//ha.cf]".to_owned());
        missing(File::AuthKeys, "Cannot open keyfile [/etc/ha.d//authkeys].  Stop.".to_owned());
        // Without an `ha.cf` it is unknown whether `haresources` is needed.
        if self.ha_cf.is_ok() && ha_cf.pacemaker.mode.uses_haresources() {
            missing(File::HaResources, "Cannot open resources file [/etc/ha.d//haresources]".to_owned());
        }
        if !matches!(&self.hbcore_cf, Err(error) if error.kind() == io::ErrorKind::NotFound) {
            missing(File::HbcoreCf, "Cannot open config file [/etc/ha.d//hbcore.cf]".to_owned());
        }
        findings
    }

    /// An error if others can read the keys, a warning if they can write them.
    pub(super) fn permissions(&self) -> Option<Finding> {
        let mode = self.authkeys_mode.filter(|_| self.authkeys.is_ok())?;
        let (severity, message) = if mode & READABLE_BY_OTHERS != 0 {
            (Severity::Error, "Bad permissions on keyfile [/etc/ha.d//authkeys], 600 recommended.".to_owned())
        } else if mode & WRITABLE_BY_OTHERS != 0 {
            let mode = mode & 0o777;
            (Severity::Warning, format!("others may write the keyfile [/etc/ha.d//authkeys], its mode is {mode:o}"))
        } else {
            return None;
        };
        let help = format!("run: chmod 600 {}", self.path(File::AuthKeys).display());
        Some(self.found(File::AuthKeys, None, severity, message, help))
    }

    /// Whether this user may not read one of the files that every start needs.
    pub(super) fn is_denied(&self) -> bool {
        let denied =
            |content: &io::Result<Vec<u8>>| matches!(content, Err(e) if e.kind() == io::ErrorKind::PermissionDenied);
        [&self.ha_cf, &self.authkeys, &self.haresources].into_iter().any(denied)
    }

    fn content(&self, file: File) -> &io::Result<Vec<u8>> {
        match file {
            File::HaCf => &self.ha_cf,
            File::AuthKeys => &self.authkeys,
            File::HaResources => &self.haresources,
            File::HbcoreCf => &self.hbcore_cf,
        }
    }
}

/// `text` without characters that would control a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '?' } else { c }).collect()
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let kind = fs::metadata(path)?.file_type();
    if !kind.is_file() && !kind.is_char_device() {
        // To read a FIFO would wait for its writer. A device may be `/dev/null`.
        return Err(if kind.is_dir() { io::ErrorKind::IsADirectory } else { io::ErrorKind::InvalidInput }.into());
    }
    let mut text = Vec::new();
    fs::File::open(path)?.take(FILE_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > FILE_MAX { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

/// The name of this node, see [`Sources::local_name`].
fn local_name(dir: &Path) -> String {
    let nodeinfo = read_file(&dir.join("nodeinfo")).unwrap_or_default();
    let nodeinfo = String::from_utf8_lossy(&nodeinfo);
    let first = nodeinfo.lines().next().unwrap_or_default().trim();
    if !first.is_empty() {
        return first.to_lowercase();
    }
    rustix::system::uname().nodename().to_string_lossy().to_lowercase()
}

fn read_help(file: File, error: &io::Error) -> String {
    match (file, error.kind()) {
        (_, io::ErrorKind::PermissionDenied) => "this user may not read it: run as root".to_owned(),
        (File::AuthKeys, io::ErrorKind::NotFound) => {
            "create it with mode 600 and two lines: `auth 1` and `1 sha1 SECRET`, the same on all nodes".to_owned()
        }
        (File::HaResources, io::ErrorKind::NotFound) => "create it, the same on all nodes; it may be empty".to_owned(),
        (_, io::ErrorKind::NotADirectory) => {
            "name a directory as the place of the configuration, not a file".to_owned()
        }
        (_, io::ErrorKind::IsADirectory) => "a directory has its name: move it away, and create the file".to_owned(),
        (_, io::ErrorKind::InvalidInput) => {
            "another kind of file has its name: move it away, and create the file".to_owned()
        }
        (_, io::ErrorKind::FileTooLarge) => {
            format!("it has more than {FILE_MAX} bytes: it is probably another file")
        }
        (_, io::ErrorKind::NotFound) => "create it; the documentation has a sample with comments".to_owned(),
        _ => error.to_string(),
    }
}
