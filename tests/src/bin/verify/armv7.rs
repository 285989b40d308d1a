//! The daemon for 32-bit ARM machines: its size, the tests of the engine and of the port as such programs, and pairs of it.
//!
//! They run under `qemu-arm-static`, which translates the processor and passes system calls on. Tests that it cannot
//! run are left out, with the reason. The pairs have addresses and no scripts: QEMU itself may hang when a program with
//! threads starts another.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use hbcore_tests::lab::{Auth, Daemon, Host, Lab, Media, Memory, Site, armv7, why_not};
use hbcore_tests::scenario::message_of;

use crate::plain_cargo;
use crate::step::Step;
use crate::tally::Tally;

/// The largest size of the stripped daemon, in bytes.
const BINARY: u64 = 1_500_000;
/// The tests of the libraries of both packages, and those of the port that need no other program of it.
const TESTS: [&str; 8] = ["--release", "-p", "hbcore", "-p", "hbcore-linux", "--lib", "--test", "emulated"];
/// The tests that QEMU's user mode (7.2) cannot run, and why.
const LEFT_OUT: [(&str, &str); 17] = [
    ("cli::stop_that_takes_long_names_the_groups_that_still_stop", EXEC),
    ("cluster::line::noise::single_bytes_that_are_hit_kill_nobody", ARITHMETIC),
    ("jobs::stop_is_a_stop_failure_when_the_interpreter_of_the_script_is_missing", SPAWN),
    ("media::udp::medium_hears_only_its_own_interface", MULTICAST),
    ("media::udp::multicast_sender_hears_itself_only_if_asked", MULTICAST),
    ("media::udp::after_an_interface_came_back_the_medium_is_reopened", MULTICAST),
    ("media::udp::every_kind_carries_messages_both_ways", MULTICAST),
    ("script::script_has_default_signals_and_none_blocked", SIGNALS),
    ("script::that_is_so_when_the_daemon_itself_blocks_and_ignores_signals", EXEC),
    ("script::script_that_cannot_start_is_an_error_and_one_without_interpreter_runs_in_sh", SPAWN),
    ("serial::device_belongs_to_one_program", SPEED),
    ("serial::after_a_hang_up_the_medium_is_reopened", SPEED),
    ("serial::bytes_go_both_ways", SPEED),
    ("serial::line_is_set_as_the_reference_says", SPEED),
    ("serial::when_the_other_side_does_not_read_messages_are_dropped_whole", SPEED),
    ("state::pid_file_claimed_over_a_stale_one_has_ten_columns_and_excludes_others", NAME),
    ("state::generation_that_cannot_be_written_leaves_nothing_behind", EXEC),
];
const ARITHMETIC: &str = "a minute and a half in QEMU of what does not depend on the processor";
const MULTICAST: &str = "QEMU refuses IP_MULTICAST_IF (ENOPROTOOPT)";
const SIGNALS: &str = "QEMU leaves 34 and 35 ignored, to which it moves the C library's own signals";
const EXEC: &str = "it starts itself, and without binfmt_misc the kernel starts no program for ARM";
const SPAWN: &str = "QEMU makes of vfork a fork, so that posix_spawn does not learn that the exec failed";
const SPEED: &str = "QEMU has no TCGETS2 (ENOSYS), by which the speed of a line is set";
const NAME: &str = "QEMU makes up the name in /proc/self/stat, and not that in /proc/self/comm";

/// QEMU forks with locks that its other threads may hold. So a child of a program with threads now and then waits for
/// ever, inside QEMU. A test without an end is started again, up to this many rounds; so is a failed test among those
/// that start children.
const ROUNDS: usize = 4;
/// The tests that start children. Any other failed test has failed for good.
const START_CHILDREN: [&str; 3] = ["jobs::", "notify::", "script::"];
/// A silence of this long means that a test hangs.
const PATIENCE: Duration = Duration::from_secs(90);

/// The pairs: the preferred owner, the other node, and the medium of the heartbeats.
const PAIRS: [(Daemon, Daemon, Media, Auth); 4] = [
    (Daemon::Armv7, Daemon::Armv7, Media::Ucast, Auth::Sha1),
    (Daemon::Armv7, Daemon::Ours, Media::Bcast, Auth::Md5),
    (Daemon::Ours, Daemon::Armv7, Media::Ucast, Auth::Crc),
    (Daemon::Reference, Daemon::Armv7, Media::Ucast, Auth::Sha1),
];
/// A cluster with a 3.0.6 needs its 10 s of settling, and some more, until the address is up.
const START_LIMIT: Duration = Duration::from_mins(1);
/// Time for the group to move when both nodes are up, or one has just died.
const MOVE_LIMIT: Duration = Duration::from_secs(20);

/// All steps for `ARMv7`.
pub(crate) fn steps() -> Vec<Step> {
    vec![
        Step::tally("ARMv7: build", build),
        Step::tally("ARMv7: unit tests", unit_tests),
        Step::tally("ARMv7: pairs of daemons", pairs),
    ]
}

/// Builds all programs that the other steps need, and checks the size of the daemon.
fn build() -> (Tally, String) {
    if let Some(reason) = armv7::why_not() {
        return Tally::skipped(reason);
    }
    // The program of the lab's machines is for this processor.
    let mut machine = plain_cargo();
    machine.args(["build", "--quiet", "--release", "-p", "hbcore-tests", "--bin", "machine"]);
    let mut builds = std::iter::once(machine).chain(builds());
    if let Some(why) = builds.find_map(|mut build| text_of(&mut build).err()) {
        return (Tally::FAILED, why);
    }
    match stripped_size() {
        Ok(size) => {
            let tally = if size <= BINARY { Tally::PASSED } else { Tally::FAILED };
            (tally.with_remark(format!("daemon: {size} bytes, stripped, of {BINARY}")), "it is too large".to_owned())
        }
        Err(why) => (Tally::FAILED, why),
    }
}

/// The builds for the other processor, which take longest.
fn builds() -> [Command; 2] {
    [test_command(&["--no-run"]), armv7::build_of_daemon()]
}

/// Builds them early. The build step reports errors later.
pub(crate) fn build_ahead() {
    if armv7::why_not().is_none() {
        for mut build in builds() {
            let _ = text_of(&mut build);
        }
    }
}

fn stripped_size() -> Result<u64, String> {
    let stripped = armv7::output().join("heartbeat.stripped");
    let mut strip = Command::new("arm-linux-gnueabihf-strip");
    text_of(strip.arg("-o").arg(&stripped).arg(armv7::daemon()))?;
    Ok(std::fs::metadata(&stripped).map_err(|error| error.to_string())?.len())
}

/// The tests that QEMU can run. A test that is left out must exist, or the list is out of date.
fn unit_tests() -> (Tally, String) {
    if let Some(reason) = armv7::why_not() {
        return Tally::skipped(reason);
    }
    let list = match text_of(&mut test_command(&["--", "--list"])) {
        Ok(list) => list,
        Err(why) => return (Tally::FAILED, why),
    };
    let exists = |name: &str| list.lines().any(|line| line.strip_suffix(": test") == Some(name));
    let gone: Vec<&str> = LEFT_OUT.iter().map(|(name, _)| *name).filter(|name| !exists(name)).collect();
    if !gone.is_empty() {
        return (Tally::FAILED, format!("left out, but there is no such test: {}", gone.join(" ")));
    }
    let all: BTreeSet<&str> = list.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    let mut left: BTreeSet<&str> = all.into_iter().filter(|name| LEFT_OUT.iter().all(|(out, _)| out != name)).collect();
    let (mut tally, mut text) = (Tally::default(), String::new());
    for round in 1..=ROUNDS {
        let names: Vec<&str> = left.iter().copied().collect();
        let said = match run_watched(&mut test_command(&["--no-fail-fast", "--", "--exact"]), &names) {
            Ok(said) => said,
            Err(why) => return (Tally::FAILED, why),
        };
        text += &said;
        for line in said.lines() {
            let ends = |how| line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(how));
            let again = |name: &str| round < ROUNDS && START_CHILDREN.iter().any(|module| name.starts_with(module));
            if ends(" ... ok").is_some_and(|name| left.remove(name)) {
                tally.passed += 1;
            } else if ends(" ... FAILED").is_some_and(|name| !again(name) && left.remove(name)) {
                tally.failed += 1;
            } else if let Some(ignored) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ignored")) {
                left.remove(ignored.0);
            }
        }
        if left.is_empty() {
            break;
        }
        if round < ROUNDS {
            let some = left.iter().take(3).copied().collect::<Vec<_>>().join(" ");
            let more = left.len().saturating_sub(3);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            tally = tally.with_remark(format!("begun again, because of QEMU: {some}{more}"));
        } else {
            tally.failed += left.len() as u64;
            let hung = left.iter().copied().collect::<Vec<_>>().join(" ");
            let _ = write!(text, "\nwithout an end in {ROUNDS} rounds: {hung}");
        }
    }
    for (name, why) in LEFT_OUT {
        tally.skipped += 1;
        tally.reasons.push(format!("{name}: {why}"));
    }
    (tally, text)
}

/// The output of a command until it ends, or until it was silent for [`PATIENCE`]: then it is killed with all processes
/// that it started.
fn run_watched(command: &mut Command, names: &[&str]) -> Result<String, String> {
    let path = armv7::output().join("unit-tests.log");
    let explain = |error: std::io::Error| format!("{}: {error}", path.display());
    let log = File::create(&path).map_err(explain)?;
    command.args(names).stdin(Stdio::null()).stdout(log.try_clone().map_err(explain)?).stderr(log).process_group(0);
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let (mut length, mut spoke) = (0, Instant::now());
    while child.try_wait().map_err(|error| error.to_string())?.is_none() {
        let now = std::fs::metadata(&path).map_err(explain)?.len();
        if now > length {
            (length, spoke) = (now, Instant::now());
        } else if spoke.elapsed() > PATIENCE {
            let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status();
            let _ = child.wait();
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let bytes = std::fs::read(&path).map_err(explain)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn test_command(arguments: &[&str]) -> Command {
    let mut test = armv7::cargo(&["test"]);
    test.args(TESTS).args(arguments);
    test
}

/// The output of a command; an error if it fails.
fn text_of(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let text = text(&output.stderr) + &text(&output.stdout);
    if output.status.success() { Ok(text) } else { Err(format!("{text}{command:?}: {}", output.status)) }
}

/// Runs all pairs at once, because they mostly wait.
fn pairs() -> (Tally, String) {
    let mut tally = Tally::default();
    if why_not([Daemon::Armv7, Daemon::Ours]).is_none() {
        // Build now, and not while a cluster waits for its second node.
        Daemon::Ours.program();
        Daemon::Armv7.program();
    }
    // The message of a panic is part of the report.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let said = Mutex::new(Vec::new());
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for (alpha, bravo, media, auth) in PAIRS {
            let name = format!("{alpha}_{bravo} over {media:?}");
            if let Some(reason) = why_not([alpha, bravo]) {
                tally.skipped += 1;
                tally.reasons.push(format!("{name}: {reason}"));
                continue;
            }
            let (said, failed) = (&said, &failed);
            scope.spawn(move || match catch_unwind(AssertUnwindSafe(|| life(&name, [alpha, bravo], media, auth))) {
                Ok(memory) => push(said, memory),
                Err(panic) => push(failed, format!("{name}: {}", message_of(panic.as_ref()))),
            });
        }
    });
    std::panic::set_hook(hook);
    let memories: Vec<Memory> = said.into_inner().unwrap_or_default();
    let failed = failed.into_inner().unwrap_or_default();
    tally.passed += memories.len() as u64;
    tally.failed += failed.len() as u64;
    let mut text = failed.join("\n");
    if let Some(most) = memories.iter().max_by_key(|memory| memory.own) {
        let sum = most.of_a_lone_one();
        if sum > Memory::BOUND {
            tally.failed += 1;
            text.push_str("\nit occupies too much memory");
        }
        let (own, shared, bound) = (most.own, most.shared, Memory::BOUND);
        tally = tally.with_remark(format!(
            "daemon: {sum} KiB of {bound}: {own} of its own, at most, and a quarter of {shared} of libraries, which the programs of a machine share"
        ));
    }
    (tally, text)
}

fn push<T>(list: &Mutex<Vec<T>>, item: T) {
    if let Ok(mut list) = list.lock() {
        list.push(item);
    }
}

/// The nodes see each other; the owner is killed and returns; it is stopped. Returns the memory of a daemon for ARM
/// that has served.
fn life(name: &str, daemons: [Daemon; 2], media: Media, auth: Auth) -> Memory {
    let site = Site { media, auth, ..Site::default() };
    let lab = Lab::new(&format!("ARMv7 {name}"), daemons[0], daemons[1], &site);
    for host in lab.hosts() {
        host.start();
    }
    await_owner(&lab, &lab.alpha, START_LIMIT);
    for (host, peer) in [(&lab.alpha, "bravo"), (&lab.bravo, "alpha")] {
        let what = format!("{peer} to be active for {}", host.name());
        lab.await_until(MOVE_LIMIT, &what, || host.logged(&format!("Status update for node {peer}: status active")));
    }

    lab.alpha.cut_power();
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);
    let of_bravo = lab.bravo.memory();
    lab.alpha.boot();
    lab.alpha.start();
    await_owner(&lab, &lab.alpha, START_LIMIT);
    let of_alpha = lab.alpha.memory();
    lab.alpha.stop();
    await_owner(&lab, &lab.bravo, MOVE_LIMIT);
    lab.bravo.stop();
    lab.check(lab.holders().is_empty(), "no owner when both nodes were stopped");
    let of_both = lab.hosts().into_iter().zip([of_alpha, of_bravo]);
    let of_arm = of_both.filter(|(host, _)| host.daemon() == Daemon::Armv7).filter_map(|(_, memory)| memory);
    of_arm.max_by_key(|memory| memory.own).expect("one of them is for ARM")
}

/// Waits until this host alone has the address, and answers.
#[track_caller]
fn await_owner(lab: &Lab, owner: &Host, limit: Duration) {
    let name = owner.name();
    lab.await_until(limit, &format!("the address on {name} alone"), || lab.holders() == [name]);
    lab.await_until(limit, &format!("the client to be served by {name}"), || lab.client.is_served_by(name));
}
