//! Noise on a serial line.

use std::thread;
use std::time::{Duration, Instant};

use hbcore_tests::lab::{Media, Site};

use crate::packets::{noise, running_pair};

/// The pause between two bursts of noise. Each burst may destroy one or two heartbeats; the deadtime is ten of them.
const PAUSE: Duration = Duration::from_millis(150);
const BURSTS: usize = 30;

/// Bursts of noise, of half messages and of markers without messages cause no false death.
pub(crate) fn noise_on_the_cable() {
    let site = Site { media: Media::Serial, ..Site::default() };
    let lab = running_pair("serial noise", &site);
    let cable = lab.serial.as_ref().expect("the medium of the site");
    let began = Instant::now();
    for burst in 0..BURSTS {
        for node in 0..2 {
            match burst % 3 {
                0 => cable.inject(node, &noise(burst, 200)),
                1 => cable.inject(node, b">>>\nt=status\nst=act"),
                _ => cable.inject(node, b"\n>>>\n>>>\n<<<\n<<<\n###\n"),
            }
        }
        // The line must have quiet moments, or no heartbeat could pass.
        thread::sleep(PAUSE);
    }
    lab.stays(Duration::from_secs(2), "the address on alpha", || lab.holders() == ["alpha"]);
    for host in lab.hosts() {
        lab.check(host.is_running(), "both daemons alive");
        lab.check(!host.logged(": is dead"), "no node declared dead");
    }
    lab.check(lab.client.who_answered(began) == ["alpha"], "answers of alpha only");
}
