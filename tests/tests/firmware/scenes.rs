//! Scenarios of a board beside a Linux node.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hbcore_tests::lab::{Daemon, Host, Lab, Media, Site};

use crate::board::{Board, in_c};
use crate::cable::{Cable, Noise};

/// A 3.0.6 needs its 10 s of settling, and a node that waits for another its initdead.
const START_LIMIT: Duration = Duration::from_mins(1);
/// The deadtime of 5 s, the delays of a busy machine and of the phases of a 3.0.6, and the start of a group.
const MOVE_LIMIT: Duration = Duration::from_secs(15);

const HA_CF: &str = "logfile /var/log/ha-log\nlogfacility none\nkeepalive 1\ndeadtime 5\ninitdead 10\nauto_failback on\ncrm off\n\
                     baud 19200\nserial /dev/ttyHB0\nnode alpha charlie\n";

/// A resource that is visible from outside: a file that is lost with the power.
const LAMP: &str = "#!/bin/sh\ncase $2 in\n  start) echo on > /run/lamp-$1;;\n  stop) rm -f /run/lamp-$1;;\n  \
                    *) if [ -e /run/lamp-$1 ]; then echo running; else echo stopped; fi;;\nesac\n";

/// Both nodes find each other; each takes over from the other and gives the group back.
pub(crate) fn life(daemon: Daemon, image: &Path) {
    let lab = lab(daemon, "the firmware's life");
    let ports = ports(&lab);
    lab.alpha.start();
    let board = Board::start(image, &[]);
    let cable = Cable::new(&ports, &board.cable());
    both_active(&lab, &board, 1);
    await_groups(&lab, &board, "each to run its own group", true, false, 0b10);
    settled(&lab);

    lab.alpha.cut_power();
    cable.set_plugged(false);
    await_board(&lab, &board, MOVE_LIMIT, "the board to notice the cut", || {
        board.said().contains("node alpha is dead")
    });
    await_board(&lab, &board, MOVE_LIMIT, "the board to run both groups", || board.pins() == 0b11);
    assert!(board.said().contains("group 0 runs here"), "{}", board.said());

    lab.alpha.boot();
    cable.set_plugged(true);
    lab.alpha.start();
    await_groups(&lab, &board, "alpha to have its group back", true, false, 0b10);
    both_active(&lab, &board, 2);
    settled(&lab);

    drop(cable);
    drop(board);
    lab.await_until(MOVE_LIMIT, "alpha to notice the board's death", || lab.alpha.logged("node charlie: is dead"));
    lab.await_until(START_LIMIT, "alpha to run both groups", || lamps(&lab.alpha) == (true, true));

    let board = Board::start(image, &[]);
    let _cable = Cable::new(&ports, &board.cable());
    await_groups(&lab, &board, "the board to have its group back", true, false, 0b10);
}

/// Noise on the line, one byte in a hundred: no node is declared dead, and afterwards every message is understood. A
/// 3.0.6 does not repeat its heartbeats, so that a board may miss too many of them; with it, the test checks only the
/// state of the board.
pub(crate) fn noise(daemon: Daemon, noise: Noise) {
    let image = in_c();
    let lab = lab(daemon, "noise");
    lab.alpha.start();
    let board = Board::start(image, &[]);
    let cable = Cable::new(&ports(&lab), &board.cable());
    both_active(&lab, &board, 1);
    await_groups(&lab, &board, "each to run its own group", true, false, 0b10);
    settled(&lab);

    cable.set_noise(noise);
    let ours = daemon == Daemon::Ours;
    let no_death =
        || (!ours || !board.said().contains("node alpha is dead")) && !lab.alpha.logged("node charlie: is dead");
    lab.stays(Duration::from_secs(30), "nobody dead", no_death);
    cable.set_noise(Noise::None);
    let (carried, hit) = cable.counts();
    let before = report(&lab, &board);
    assert!(hit > 30, "only {hit} of {carried} bytes were hit");
    assert!(before.refused > 0, "{before:?}");
    if !ours {
        return;
    }

    // A message that was under way when the noise ended may still be damaged, but none after it.
    lab.stays(Duration::from_secs(3), "nobody dead", no_death);
    let quiet = report(&lab, &board);
    lab.stays(Duration::from_secs(5), "nobody dead", no_death);
    let after = report(&lab, &board);
    assert_eq!(quiet.refused, after.refused, "damage without noise");
    assert!(quiet.refused <= before.refused + 1, "{before:?}, then {quiet:?}");
    assert!(after.received >= quiet.received + 4, "{quiet:?}, then {after:?}");
}

/// A node that hangs is reset by its watchdog, and starts with a higher number.
pub(crate) fn watchdog() {
    let image = in_c();
    let board = Board::start(image, &[]);
    board.unplug();
    let starts = |count| move |board: &Board| board.count_said("charlie starts") >= count;
    await_alone(&board, "a start", starts(1));
    board.type_key(b'h');
    await_alone(&board, "a second start", starts(2));
    let runs: Vec<u32> =
        board.said().lines().filter_map(|line| line.split("run ").nth(1)?.trim().parse().ok()).collect();
    assert!(matches!(runs[..], [first, second, ..] if second > first), "{runs:?}");
}

fn lab(daemon: Daemon, name: &str) -> Lab {
    let lab = Lab::new(name, daemon, Daemon::Ours, &Site { media: Media::Serial, ..Site::default() });
    lab.alpha.write("ha.cf", HA_CF);
    lab.alpha.write("haresources", "alpha Lamp::a\ncharlie Lamp::c\n");
    lab.alpha.write_script("Lamp", LAMP);
    lab
}

/// The end of the lab's serial line that bravo would have.
fn ports(lab: &Lab) -> PathBuf {
    let [_, other] = lab.serial.as_ref().expect("a serial cable").ports();
    other
}

fn both_active(lab: &Lab, board: &Board, times: usize) {
    await_board(lab, board, START_LIMIT, "the board to see alpha active", || {
        board.count_said("node alpha is active") >= times
    });
    await_board(lab, board, START_LIMIT, "alpha to see the board active", || {
        lab.alpha.count_logged("Status update for node charlie: status active") >= times
    });
}

fn await_groups(lab: &Lab, board: &Board, what: &str, a: bool, c: bool, pins: u32) {
    await_board(lab, board, START_LIMIT, what, || lamps(&lab.alpha) == (a, c) && board.pins() == pins);
}

/// Waits until alpha has settled: a 3.0.6 that is cut off before that hands nothing over.
fn settled(lab: &Lab) {
    if lab.alpha.daemon() == Daemon::Reference {
        lab.await_until(START_LIMIT, "alpha to settle", || lab.alpha.logged("resource transition completed."));
    }
}

fn await_board(lab: &Lab, board: &Board, limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < end, "waited {limit:?} for {what}\n{}\n--- board:\n{}", lab.state(), board.said());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn await_alone(board: &Board, what: &str, condition: impl Fn(&Board) -> bool) {
    let end = Instant::now() + MOVE_LIMIT;
    while !condition(board) {
        assert!(Instant::now() < end, "waited for {what}\n{}", board.said());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn lamps(host: &Host) -> (bool, bool) {
    let lit = |name: &str| host.run("test", &["-e", &format!("/run/lamp-{name}")]).code == Some(0);
    (lit("a"), lit("c"))
}

/// Asks the board for a report.
fn report(lab: &Lab, board: &Board) -> crate::board::Report {
    let before = board.count_said(" stalls ");
    board.type_key(b'i');
    await_board(lab, board, MOVE_LIMIT, "a report", || {
        board.count_said(" stalls ") > before && board.said().ends_with('\n')
    });
    board.report().expect("a report")
}
