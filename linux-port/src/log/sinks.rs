//! The destinations of lines: two files, syslog, standard error.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::format::{Names, Shape, render};
use super::logd::{Fate, Logd};
use super::{Facility, Level, LogConfig, Record, Stderr};
use crate::sys::fault;
use crate::terminal::counted;

/// The socket to which systemd links `/dev/log`, unless another program listens there.
const JOURNAL: &str = "/run/systemd/journal/dev-log";
/// The interval at which the files' names are looked up again: a rotated file is noticed within this time.
const RECHECK: Duration = Duration::from_secs(1);

/// The line of 3.0.6 for a logging daemon that does not run.
const LOGD_IS_AWAY: &str =
    "Initializing connection to logging daemon failed. Logging daemon may not be running; lines go to the other places";

/// Log files that cannot be opened and were already reported. A process forked since then knows them too.
static TOLD: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// All destinations. Only one thread at a time uses them; a slow disk may block it.
#[derive(Debug)]
pub(super) struct Sinks {
    names: Names,
    file_shape: Shape,
    logfile: Option<LogFile>,
    debugfile: Option<LogFile>,
    syslog: Option<Syslog>,
    logd: Option<Logd>,
    /// Syslog gets only the lines that the logging daemon does not take.
    logd_replaces_syslog: bool,
    /// For faults of the log itself, even if no facility is configured.
    syslog_socket: PathBuf,
    stderr: Stderr,
    line: Vec<u8>,
}

impl Sinks {
    pub(super) fn new(config: LogConfig) -> Self {
        let LogConfig {
            entity,
            host,
            logfile,
            debugfile,
            facility,
            logd,
            syslog_socket,
            syslog_format,
            stderr,
            owner,
            ..
        } = config;
        Self {
            names: Names { entity, host },
            file_shape: if syslog_format { Shape::Syslog } else { Shape::Dated },
            logfile: logfile.map(|path| LogFile::new(path, owner)),
            debugfile: debugfile.map(|path| LogFile::new(path, owner)),
            logd_replaces_syslog: logd.as_ref().is_some_and(|logd| logd.replaces_syslog),
            logd: logd.map(|l| Logd::new(l.socket, facility.unwrap_or(Facility::DAEMON), l.pause)),
            syslog: facility.map(|facility| Syslog::new(facility, &syslog_socket)),
            syslog_socket,
            stderr,
            line: Vec::with_capacity(super::TEXT_CAPACITY + 200),
        }
    }

    /// Changes the kind of output on standard error.
    pub(super) fn set_stderr(&mut self, stderr: Stderr) {
        self.stderr = stderr;
    }

    /// Writes one line everywhere. Failures can be reported only on standard error; they never stop the rest.
    pub(super) fn write(&mut self, record: &Record) {
        for text in self.write_files(record) {
            let complaint = Record::new(Level::Error, record.seconds, record.pid, format_args!("{text}"));
            let _ = writeln!(io::stderr(), "{text}");
            // The complaint goes to the file that works and, whatever is configured, to syslog: the operator must see it.
            self.write_files(&complaint);
            let mut syslog =
                Syslog::new(self.syslog.as_ref().map_or(Facility::DAEMON, |s| s.facility), &self.syslog_socket);
            render(&mut self.line, Shape::Datagram(syslog.facility), &self.names, &complaint);
            syslog.send(&self.line);
        }
        let logd = self.logd.as_mut().map(|logd| logd.append(&self.names.entity, record));
        if logd == Some(Fate::Refused { is_news: true }) {
            let text = format_args!("{LOGD_IS_AWAY}");
            self.write(&Record::new(Level::Warn, record.seconds, record.pid, text));
        }
        let in_logd = logd == Some(Fate::Taken) && self.logd_replaces_syslog;
        let Self { names, line, .. } = self;
        let mut in_journal = false;
        if let Some(syslog) = self.syslog.as_mut().filter(|_| !in_logd) {
            let shape = Shape::Datagram(syslog.facility);
            render(line, shape, names, record);
            let taken = syslog.append(line, |lost| {
                let lost = counted(lost, "message is", "messages are");
                let text = format_args!("{lost} missing here: syslog did not take them");
                let mut report = Vec::new();
                render(&mut report, shape, names, &Record::new(Level::Warn, record.seconds, record.pid, text));
                report
            });
            in_journal = taken && syslog.is_journal;
        }
        let shape = match self.stderr {
            Stderr::Off => return,
            Stderr::Plain => Shape::Syslog,
            // The journal reads both sockets: it would show the line twice.
            Stderr::Journal if in_journal => return,
            Stderr::Journal => Shape::Journal,
        };
        render(line, shape, names, record);
        let _ = io::stderr().write_all(line);
    }

    /// Writes one line to the files. Returns a complaint about each file that cannot be opened, once for each.
    fn write_files(&mut self, record: &Record) -> Vec<String> {
        let Self { names, line, .. } = self;
        let mut complaints = Vec::new();
        render(line, self.file_shape, names, record);
        let log = self.logfile.as_mut().filter(|_| record.level != Level::Debug);
        for file in [log, self.debugfile.as_mut()].into_iter().flatten() {
            file.append(line, |lost| {
                let lost = counted(lost, "message is", "messages are");
                let text = format_args!("{lost} missing here: this file could not be written");
                let mut report = Vec::new();
                render(
                    &mut report,
                    self.file_shape,
                    names,
                    &Record::new(Level::Warn, record.seconds, record.pid, text),
                );
                report
            });
            complaints.extend(file.complaint.take());
        }
        complaints
    }

    /// The places whose last line was lost, with the reason, and those whose last line was written, without. A line that
    /// syslog did not take is not lost if standard error has it: syslog is the default, and in a container nobody listens.
    pub(super) fn states(&self) -> impl Iterator<Item = (&Path, Option<&str>)> {
        let files = [&self.logfile, &self.debugfile].into_iter().flatten();
        let files = files.map(|file| (file.path.as_path(), file.lost, file.refusal.as_str()));
        let syslog = self.syslog.as_ref().filter(|_| self.stderr == Stderr::Off);
        let syslog = syslog.map(|syslog| (syslog.path.as_path(), syslog.lost, syslog.refusal.as_str()));
        files.chain(syslog).map(|(path, lost, refusal)| (path, (lost > 0).then_some(refusal)))
    }

    /// Opens the files anew at the next line, however recently they were looked up.
    pub(super) fn reopen(&mut self) {
        for file in [&mut self.logfile, &mut self.debugfile].into_iter().flatten() {
            file.close();
        }
    }
}

/// A file that lines are appended to, found again after rotation.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    owner: Option<(u32, u32)>,
    open: Option<File>,
    checked: Option<Instant>,
    /// Lines that could not be written since the file last reported a loss.
    lost: u64,
    /// The reason for the last of these losses.
    refusal: String,
    /// The file's last line is incomplete.
    torn: bool,
    /// A complaint about the file, for the other destinations.
    complaint: Option<String>,
}

impl LogFile {
    fn new(path: PathBuf, owner: Option<(u32, u32)>) -> Self {
        Self { path, owner, open: None, checked: None, lost: 0, refusal: String::new(), torn: false, complaint: None }
    }

    fn close(&mut self) {
        self.open = None;
        self.checked = None;
    }

    /// Adds a line. If lines were lost before, it first adds the line of `report` with their count.
    fn append(&mut self, line: &[u8], report: impl FnOnce(u64) -> Vec<u8>) {
        self.follow_rotation();
        if self.lost > 0 && self.open.is_some() && self.put(&report(self.lost)) {
            self.lost = 0;
        }
        if !self.put(line) {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Whether the whole line is in the file.
    fn put(&mut self, line: &[u8]) -> bool {
        let Some(file) = &mut self.open else { return false };
        let mended = if self.torn { file.write(b"\n").map(|_| ()) } else { Ok(()) };
        let is_mended = mended.is_ok();
        let written = mended.and_then(|()| file.write(line)).unwrap_or_else(|error| {
            self.refusal = error.to_string();
            0
        });
        if 0 < written && written < line.len() {
            "there is no room for more".clone_into(&mut self.refusal);
        }
        self.torn = !is_mended || (0 < written && written < line.len());
        if written < line.len() {
            // A full disk or a dead mount: try a fresh descriptor at the next check.
            self.open = None;
        }
        written == line.len()
    }

    /// Makes `open` the file that the path names now; looks at most once in [`RECHECK`].
    fn follow_rotation(&mut self) {
        let now = Instant::now();
        if self.checked.is_some_and(|at| now.duration_since(at) < RECHECK) {
            return;
        }
        self.checked = Some(now);
        if self.open.as_ref().is_some_and(|file| is_still(&self.path, file)) {
            return;
        }
        match open_append(&self.path, self.owner) {
            Ok(file) => self.open = Some(file),
            Err(error) => {
                self.open = None;
                self.refusal = error.to_string();
                let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
                if !told.contains(&self.path) {
                    told.push(self.path.clone());
                    let path = self.path.display();
                    self.complaint = Some(format!("Cannot open log file [{path}]: {error}; its lines are lost"));
                }
            }
        }
    }
}

/// Whether `path` still names the file that is open.
fn is_still(path: &Path, file: &File) -> bool {
    match (path.metadata(), file.metadata()) {
        (Ok(named), Ok(open)) => (named.dev(), named.ino()) == (open.dev(), open.ino()),
        _ => false,
    }
}

/// Opens for appending, creates with mode 0644 and gives a created file to `owner`.
fn open_append(path: &Path, owner: Option<(u32, u32)>) -> io::Result<File> {
    fault::gate(fault::Call::Open, "log file")?;
    let options = || {
        let mut options = OpenOptions::new();
        // To open a FIFO without a reader would block, and so would the start; a slow reader would block each line.
        options.append(true).mode(0o644).custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK);
        options
    };
    match options().open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    let file = options().create(true).open(path)?;
    if let Some((user, group)) = owner {
        // Without the privilege the file keeps the owner that it has.
        let _ = std::os::unix::fs::fchown(&file, Some(user), Some(group));
    }
    Ok(file)
}

/// The local syslog daemon. It is found again after its restart.
#[derive(Debug)]
struct Syslog {
    facility: Facility,
    path: PathBuf,
    socket: Option<UnixDatagram>,
    /// Lines that it did not take, since it was last told how many.
    lost: u64,
    /// Why it did not take the last of them.
    refusal: String,
    /// The socket belongs to the journal of systemd.
    is_journal: bool,
}

impl Syslog {
    fn new(facility: Facility, path: &Path) -> Self {
        Self { facility, path: path.to_owned(), socket: None, lost: 0, refusal: String::new(), is_journal: false }
    }

    /// Sends a line, and tells whether it was taken. If lines were lost before, `report` gives the datagram that says how
    /// many.
    fn append(&mut self, datagram: &[u8], report: impl FnOnce(u64) -> Vec<u8>) -> bool {
        if self.lost > 0 && self.send(&report(self.lost)) {
            self.lost = 0;
        }
        let taken = self.send(datagram);
        if !taken {
            self.lost = self.lost.saturating_add(1);
        }
        taken
    }

    /// Sends one datagram, and tells whether it was taken. Connects first when necessary, and once more if the daemon was
    /// restarted. If the socket is full or the daemon absent, the line is lost.
    fn send(&mut self, datagram: &[u8]) -> bool {
        for _ in 0..2 {
            let sent = match &self.socket {
                Some(socket) => socket.send(datagram).map(drop),
                None => connect(&self.path).and_then(|socket| {
                    let sent = socket.send(datagram).map(drop);
                    self.is_journal = self.path.canonicalize().is_ok_and(|path| path == Path::new(JOURNAL));
                    self.socket = Some(socket);
                    sent
                }),
            };
            let Err(error) = sent else { return true };
            self.refusal = error.to_string();
            if self.socket.is_none() || error.kind() == io::ErrorKind::WouldBlock {
                return false;
            }
            self.socket = None;
        }
        false
    }
}

fn connect(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
