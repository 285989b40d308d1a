//! `drbd-peer-outdater`, the `fence-peer` handler of DRBD. It asks `dopd` of this node, and its exit code is the answer.

use super::session::run_dir;
use crate::ipc::{BODY_MAX, Composer, Inbox};
use hbcore::wire::{Form, Structure};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Where `dopd` listens, below the run directory.
pub(super) const SOCKET: &str = "heartbeat/dopd/outdater";
/// The exit code for a peer that cannot be reached.
pub(super) const UNREACHABLE: u8 = 5;
/// The same for an outcome that is not known.
pub(super) const FAILED: u8 = 20;
const USAGE_CODE: u8 = 1;
const LIMIT_SECONDS: u64 = 60;

const USAGE: &str = "\
usage: drbd-peer-outdater -r <string> -p <string> [-t <int>]
\t-p <string>\tdrbd peer
\t-r <string>\tdrbd resource
\t-t <int>\ttimeout in seconds; default: 60

The drbd peer and drbd resource have to be specified either on the
commandline using the -p and -r options, or using the $DRBD_PEER and
$DRBD_RESOURCE environment variables. $DRBD_RESOURCE and $DRBD_PEER
will be ignored, if the command line options are used.
";

/// The request of a command line.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    peer: String,
    resource: String,
    limit: Duration,
}

/// Does what a command line says, without the program's name. Returns the exit code.
pub(super) fn run(words: &[String]) -> u8 {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match wish(words, variable("DRBD_PEER"), variable("DRBD_RESOURCE")) {
        Ok(wish) => ask(&wish).unwrap_or(UNREACHABLE),
        Err(code) => {
            let _ = std::io::stderr().write_all(USAGE.as_bytes());
            code
        }
    }
}

/// Reads options as `getopt` of C does. The code to end with if they make no sense, or ask for help.
fn wish(words: &[String], peer: Option<String>, resource: Option<String>) -> Result<Wish, u8> {
    let (mut peer, mut resource, mut seconds) = (peer, resource, LIMIT_SECONDS);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut letters = word.strip_prefix('-').unwrap_or_default().chars();
        let Some(letter) = letters.next() else { continue };
        let mut value = || {
            let rest: String = letters.as_str().to_owned();
            let value = if rest.is_empty() { words.next().cloned() } else { Some(rest) };
            value.ok_or(USAGE_CODE)
        };
        match letter {
            'p' => peer = Some(value()?),
            'r' => resource = Some(value()?),
            't' => seconds = value()?.parse().unwrap_or(0),
            'h' => return Err(0),
            _ => return Err(USAGE_CODE),
        }
    }
    let (Some(peer), Some(resource)) = (peer, resource) else { return Err(USAGE_CODE) };
    Ok(Wish { peer: peer.to_lowercase(), resource, limit: Duration::from_secs(seconds) })
}

/// The answer of `dopd`; `None` if there is none.
fn ask(wish: &Wish) -> Option<u8> {
    let until = Instant::now() + wish.limit;
    let mut stream = UnixStream::connect(run_dir().join(SOCKET)).ok()?;
    let frame = Composer::default().frame(Form::Classic, |w| {
        w.text("t", b"outdater");
        w.text("src", b"drbd-peer-outdater");
        w.text("outdater_peer", wish.peer.as_bytes());
        w.text("outdater_res", wish.resource.as_bytes());
    });
    stream.write_all(&frame?).ok()?;
    let (mut inbox, mut buffer) = (Inbox::default(), [0; 1024]);
    loop {
        while let Some(body) = inbox.next(BODY_MAX).ok()? {
            let Ok(message) = Structure::local(&body) else { continue };
            if message.text("t") == Some(b"outdater_rc") {
                let value = message.text("dop_value").and_then(|value| std::str::from_utf8(value).ok());
                return Some(value.and_then(|value| value.trim().parse().ok()).unwrap_or(FAILED));
            }
        }
        let left = until.saturating_duration_since(Instant::now());
        stream.set_read_timeout(Some(left).filter(|left| !left.is_zero())).ok()?;
        if left.is_zero() {
            return None;
        }
        match stream.read(&mut buffer) {
            Ok(length) if length > 0 => inbox.push(buffer.get(..length).unwrap_or_default()),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &str, peer: Option<&str>, resource: Option<&str>) -> Result<Wish, u8> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        wish(&words, peer.map(str::to_owned), resource.map(str::to_owned))
    }

    #[test]
    fn options_come_before_variables_and_the_peer_is_in_lower_case() {
        let wish = |peer: &str, resource: &str, seconds| {
            Ok(Wish { peer: peer.to_owned(), resource: resource.to_owned(), limit: Duration::from_secs(seconds) })
        };
        assert_eq!(of("-r r0 -p Bravo", Some("x"), Some("y")), wish("bravo", "r0", 60));
        assert_eq!(of("-t5 -pb", None, Some("r1")), wish("b", "r1", 5));
        assert_eq!(of("", Some("B"), Some("r1")), wish("b", "r1", 60));
    }

    #[test]
    fn command_line_without_sense_is_refused() {
        for words in ["-r r0", "-p b", "", "-V", "-r r0 -p"] {
            assert_eq!(of(words, None, None), Err(USAGE_CODE), "{words}");
        }
        assert_eq!(of("-h", None, None), Err(0));
    }
}
