//! Messages of clients that travel compressed, and long ones.

use hbcore_tests::lab::{Daemon, Host, Lab, Site};
use hbcore_tests::scenario::Pairing;

use crate::clients_abuse::{NAME, in_background, says};
use crate::start::together;
use crate::{MOVE_LIMIT, START_LIMIT};

/// The program that shows what is on the wire.
pub(crate) const NEEDS: &[&str] = &["/usr/bin/tcpdump"];

/// The mark of a message that is compressed as a whole.
const WHOLE: &str = "_compressed_payload";

fn site(algorithm: &str, is_traditional: &str) -> Site {
    let more = format!("compression {algorithm}\ncompression_threshold 1\ntraditional_compression {is_traditional}\n");
    Site { more, ..Site::default() }
}

/// Writes what leaves the host into this file of `/var/log`.
fn watch_the_wire(lab: &Lab, host: &Host) -> String {
    let file = format!("sent-by-{}", host.name());
    let line =
        format!("timeout 120 tcpdump -l -A -s 0 -Q out -i eth0 udp > /var/log/{file} 2> /var/log/{file}-start &");
    assert_eq!(host.run("sh", &["-c", &line]).code, Some(0));
    let start = format!("{file}-start");
    lab.await_until(MOVE_LIMIT, "tcpdump to listen", || host.lines_of(&start).iter().any(|l| l.contains("listening")));
    file
}

/// Both ways, messages longer than the threshold travel compressed and arrive whole.
fn whole_messages(pairing: Pairing, algorithm: &str) {
    let lab = together(&format!("compression {algorithm}"), pairing, &site(algorithm, "on"));
    for (from, to) in [(&lab.alpha, &lab.bravo), (&lab.bravo, &lab.alpha)] {
        let sent = watch_the_wire(&lab, from);
        for size in ["100", "8000", "30000"] {
            let file = format!("{size}-from-{}", from.name());
            in_background(to, &format!("collect-sizes {NAME} 4 100"), &file);
            lab.await_until(MOVE_LIMIT, "the collector to be there", || to.lines_of(&file) == ["ready"]);
            says(from, &["send", NAME, "4", size]);
            let expected: Vec<String> =
                std::iter::once("ready".to_owned()).chain((1..=4).map(|n| format!("{n} {size}"))).collect();
            lab.await_until(START_LIMIT, &format!("four messages of {size} bytes, in order"), || {
                to.lines_of(&file) == expected
            });
        }
        // A compressed payload may have line breaks, so its two fields may be in two lines.
        let method = format!("_compression_algorithm={algorithm}");
        let is_compressed = || {
            let lines = from.lines_of(&sent);
            [WHOLE, &method].iter().all(|field| lines.iter().any(|line| line.contains(field)))
        };
        lab.await_until(MOVE_LIMIT, &format!("{} to send with {algorithm}", from.name()), is_compressed);
    }
}

pub(crate) fn zlib(pairing: Pairing) {
    whole_messages(pairing, "zlib");
}

pub(crate) fn bz2(pairing: Pairing) {
    whole_messages(pairing, "bz2");
}

/// A structure that its client has marked for compression arrives compressed, and the rest of the message as it was.
pub(crate) fn structures(pairing: Pairing) {
    for algorithm in ["zlib", "bz2"] {
        let lab = together(&format!("structures {algorithm}"), pairing, &site(algorithm, "off"));
        for (from, to) in [(&lab.alpha, &lab.bravo), (&lab.bravo, &lab.alpha)] {
            let file = format!("kinds-from-{}", from.name());
            in_background(to, &format!("collect-kinds {NAME} 1 100"), &file);
            lab.await_until(MOVE_LIMIT, "the collector to be there", || to.lines_of(&file) == ["ready"]);
            says(from, &["send-inner", NAME, "8000"]);
            let expected = ["ready".to_owned(), format!("1 Some(Compressed) {algorithm}")];
            lab.await_until(START_LIMIT, "the compressed structure", || to.lines_of(&file) == expected);
        }
    }
}

/// Messages of up to 60 kB arrive as they are, in either form. One that no datagram holds is refused and delays no other;
/// a 3.0.6 loses it on the way.
pub(crate) fn long(pairing: Pairing) {
    for form in ["classic", "netstring"] {
        let lab =
            together(&format!("long {form}"), pairing, &Site { more: format!("msgfmt {form}\n"), ..Site::default() });
        for (from, to) in [(&lab.alpha, &lab.bravo), (&lab.bravo, &lab.alpha)] {
            if from.daemon() == Daemon::Ours {
                says(from, &["send", NAME, "2", "100000"]);
                lab.check(from.logged("cannot be sent: TooLong"), "the long messages to be refused in the log");
            }
            for size in ["30000", "60000"] {
                let file = format!("{size}-from-{}", from.name());
                in_background(to, &format!("collect-sizes {NAME} 2 60"), &file);
                lab.await_until(MOVE_LIMIT, "the collector to be there", || to.lines_of(&file) == ["ready"]);
                says(from, &["send", NAME, "2", size]);
                let expected = ["ready".to_owned(), format!("1 {size}"), format!("2 {size}")];
                lab.await_until(START_LIMIT, &format!("two messages of {size} bytes"), || {
                    to.lines_of(&file) == expected
                });
            }
        }
    }
}
