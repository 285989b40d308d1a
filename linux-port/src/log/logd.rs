//! The logging daemon `ha_logd` (docs/protocol/files.md 14.5).

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

use super::{Facility, Record};
use crate::ipc;
use crate::sys::fault;

/// The socket on which it listens.
pub(super) const SOCKET: &str = "/var/lib/heartbeat/log_daemon";
/// The kind of frame that holds a line.
const LINE: i32 = 2;
/// The room for the program's name, with a zero at its end.
const ENTITY: usize = 64;

/// The connection to it.
#[derive(Debug)]
pub(super) struct Logd {
    path: PathBuf,
    facility: Facility,
    state: State,
    /// The pause between two tries to connect: `conn_logd_time`.
    pause: Duration,
    /// Whether the log has already named its absence.
    told: bool,
}

#[derive(Debug)]
enum State {
    /// A connection, and the end of a frame for which there was no room.
    Connected { socket: OwnedFd, rest: Vec<u8> },
    /// No connection; it is tried again then.
    Away { until: Option<Instant> },
}

/// The fate of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has the line.
    Taken,
    /// It does not run, or does not read. `is_news`: only for the first line of each absence.
    Refused { is_news: bool },
}

impl Logd {
    pub(super) fn new(path: PathBuf, facility: Facility, pause: Duration) -> Self {
        Self { path, facility, state: State::Away { until: None }, pause, told: false }
    }

    /// Sends a line. It never waits: a daemon that does not read is as good as none.
    pub(super) fn append(&mut self, entity: &str, record: &Record) -> Fate {
        self.connect();
        let frame = frame(entity, self.facility, record);
        let State::Connected { socket, rest } = &mut self.state else { return self.refused() };
        let sent = send(socket, rest).and_then(|()| {
            if rest.is_empty() {
                *rest = frame;
                send(socket, rest)
            } else {
                Err(Errno::AGAIN)
            }
        });
        match sent {
            Ok(()) => {
                self.told = false;
                Fate::Taken
            }
            Err(Errno::AGAIN) => self.refused(),
            Err(_) => {
                // It was killed or restarted, so the next try is not put off.
                self.state = State::Away { until: None };
                self.refused()
            }
        }
    }

    fn refused(&mut self) -> Fate {
        Fate::Refused { is_news: !std::mem::replace(&mut self.told, true) }
    }

    fn connect(&mut self) {
        let now = Instant::now();
        match self.state {
            State::Connected { .. } => return,
            State::Away { until } if until.is_some_and(|until| now < until) => return,
            State::Away { .. } => {}
        }
        self.state = match connect(&self.path) {
            Ok(socket) => State::Connected { socket, rest: Vec::new() },
            Err(_) => State::Away { until: Some(now + self.pause) },
        };
    }
}

/// Sends what there is room for. `Ok` if a frame is on its way: its end may still be in `rest`.
fn send(socket: &OwnedFd, rest: &mut Vec<u8>) -> Result<(), Errno> {
    if rest.is_empty() {
        return Ok(());
    }
    match rustix::net::send(socket, rest, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
        Ok(length) => {
            rest.drain(..length);
            Ok(())
        }
        Err(error) => {
            if error == Errno::AGAIN && rest.len() == frame_length(rest) {
                // None of it has gone: the line is lost, and the next one may go.
                rest.clear();
            }
            Err(error)
        }
    }
}

/// The length of the frame that begins here; 0 if none does.
fn frame_length(bytes: &[u8]) -> usize {
    let length = bytes.first_chunk().map_or(0, |length| u32::from_ne_bytes(*length));
    usize::try_from(length).unwrap_or(0).saturating_add(ipc::HEADER)
}

fn connect(path: &std::path::Path) -> io::Result<OwnedFd> {
    fault::gate(fault::Call::Socket, "logd")?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// A line as 3.0.6 sends it: kind, facility, priority, length of the text, whether the text names its priority, process,
/// name, time, and the text with a zero at its end; numbers in the order and width of the host.
fn frame(entity: &str, facility: Facility, record: &Record) -> Vec<u8> {
    let text = record.text();
    let numbers = [
        LINE,
        i32::from(facility.0) << 3,
        record.level as i32,
        i32::try_from(text.len()).unwrap_or(0) + 1,
        0,
        i32::try_from(record.pid).unwrap_or(0),
    ];
    let mut body: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
    let mut name = [0; ENTITY];
    for (place, byte) in name.iter_mut().take(ENTITY - 1).zip(entity.bytes()) {
        *place = byte;
    }
    body.extend(name);
    body.extend(libc::time_t::try_from(record.seconds).unwrap_or(0).to_ne_bytes());
    body.extend(text);
    body.push(0);
    [&ipc::header(body.len())[..], &body].concat()
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixListener;

    /// A frame that `ha_logger` of Debian has sent.
    #[test]
    #[cfg(all(target_pointer_width = "64", target_endian = "little"))]
    fn line_is_framed_as_by_the_tools_of_3_0_6() {
        let record = Record::new(Level::Info, 0x6b0b_675b, 0x5d9b, format_args!("hello world"));
        let numbers = [0x6c_u32, 0xabcd, 2, 8, 6, 12, 0, 0x5d9b];
        let mut expected: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        expected.extend(b"ent");
        expected.resize(expected.len() + 61, 0);
        expected.extend(0x6b0b_675b_u64.to_le_bytes());
        expected.extend(b"hello world\0");
        assert_eq!(frame("ent", Facility(1), &record), expected);
    }

    #[test]
    fn daemon_that_is_away_or_does_not_read_refuses_and_says_so_once() {
        let directory = std::env::temp_dir().join(format!("hbcore-logd-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join("log_daemon");
        let mut logd = Logd::new(path.clone(), Facility::DAEMON, Duration::ZERO);
        let record = Record::new(Level::Info, 1, 1, format_args!("{}", "x".repeat(900)));
        let refused = |is_news| Fate::Refused { is_news };
        assert_eq!([logd.append("h", &record), logd.append("h", &record)], [refused(true), refused(false)]);
        let listener = UnixListener::bind(&path).expect("a socket");
        assert_eq!(logd.append("h", &record), Fate::Taken);
        let (mut stream, _) = listener.accept().expect("a connection");
        let taken = (0..10_000).take_while(|_| logd.append("h", &record) == Fate::Taken).count();
        assert!((10..10_000).contains(&taken), "{taken} lines went to one that does not read");
        assert_eq!(logd.append("h", &record), refused(false), "this was said");
        // It reads again: whole frames only.
        let mut got = Vec::new();
        stream.set_nonblocking(true).expect("a socket option");
        let _ = stream.read_to_end(&mut got);
        assert_eq!(logd.append("h", &record), Fate::Taken);
        let _ = stream.read_to_end(&mut got);
        let length = frame("h", Facility::DAEMON, &record).len();
        assert_eq!((got.len() % length, got.len() / length), (0, taken + 2), "frames of {length} bytes");
        drop((stream, listener));
        let _ = std::fs::remove_dir_all(&directory);
        assert_eq!(logd.append("h", &record), refused(true));
    }
}
