//! Scenarios of the state files: generations over crashes, identities, host lists, the pid file.

mod host;

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::process::{Child, Command};

use hbcore::config::GenerationMethod;
use hbcore::id::{Generation, Uuid};
use hbcore_linux::state::{
    ClaimError, GenerationOrigin, Guard, HostEntry, HostList, PidFile, Running, StateDir, StateError, UuidOrigin,
    empty_scratch, plausible_now, probe,
};
use host::{Place, eventually};

const CLOCK: u64 = 1_795_362_618;

fn next(state: &StateDir) -> (u64, GenerationOrigin) {
    let next = state.next_generation(GenerationMethod::File, CLOCK).expect("a generation");
    (next.value.0, next.origin)
}

#[test]
fn first_generation_is_the_clock_plus_one_and_each_start_adds_one() {
    let place = Place::new();
    let state = StateDir::new(place.path());
    assert_eq!(next(&state), (CLOCK + 1, GenerationOrigin::Absent));
    assert_eq!(place.read("hb_generation"), "     1795362619\n", "the sixteen bytes of 3.0.6");
    assert_eq!(next(&state), (CLOCK + 2, GenerationOrigin::Stored));
    assert_eq!(next(&state), (CLOCK + 3, GenerationOrigin::Stored));
}

#[test]
fn crash_between_write_and_rename_costs_nothing() {
    let place = Place::new();
    let state = StateDir::new(place.path());
    fs::write(place.join("hb_generation"), "     1795321459\n").expect("left by 3.0.6");
    fs::write(place.join("hb_generation.new"), "     17953").expect("left half-written by a crash");
    assert_eq!(next(&state), (1_795_321_460, GenerationOrigin::Stored), "the old number is intact");
    assert!(!place.join("hb_generation.new").exists());
}

#[test]
fn corrupt_generation_is_recognised_and_the_clock_used() {
    for content in ["", "garbage\n", "-5\n", "\0\0\0\0", "99999999999999999999999\n", "1 2\n"] {
        let place = Place::new();
        fs::write(place.join("hb_generation"), content).expect("written");
        assert_eq!(next(&StateDir::new(place.path())), (CLOCK + 1, GenerationOrigin::Corrupt), "{content:?}");
    }
}

#[test]
fn time_method_uses_the_clock_but_never_goes_back() {
    let place = Place::new();
    let state = StateDir::new(place.path());
    let at = |clock| state.next_generation(GenerationMethod::Time, clock).expect("a generation").value;
    assert_eq!(at(CLOCK), Generation(CLOCK));
    assert_eq!(at(CLOCK), Generation(CLOCK + 1), "a restart within the same second");
    assert_eq!(at(CLOCK - 86_400), Generation(CLOCK + 2), "the clock was set back a day");
    assert_eq!(at(CLOCK + 60), Generation(CLOCK + 60));
}

#[test]
fn missing_directory_is_an_error_that_names_the_file_and_the_remedy() {
    let place = Place::new();
    let error =
        StateDir::new(place.join("none")).next_generation(GenerationMethod::File, CLOCK).expect_err("no directory");
    let text = error.to_string();
    assert!(text.contains("none/hb_generation") && text.contains("--state-dir"), "{text}");
}

#[test]
fn identity_is_made_once_and_kept() {
    let place = Place::new();
    let state = StateDir::new(place.path());
    let (uuid, origin) = state.uuid().expect("an identity");
    assert_eq!(origin, UuidOrigin::Created);
    assert_eq!(state.uuid().expect("an identity"), (uuid, UuidOrigin::Stored));
    let file = place.join("hb_uuid");
    assert_eq!(fs::read(&file).expect("readable"), uuid.0);
    assert_eq!(fs::metadata(&file).expect("there").mode() & 0o777, 0o644);
    fs::write(&file, b"short").expect("damaged");
    let (other, origin) = state.uuid().expect("an identity");
    assert_eq!(origin, UuidOrigin::Replaced);
    assert_ne!(other, uuid);
}

#[test]
fn host_lists_are_written_as_3_0_6_writes_them_and_read_back() {
    let place = Place::new();
    let state = StateDir::new(place.path());
    assert_eq!(state.read_hosts(HostList::Known).expect("no file is an empty list"), []);
    let entry = |name: &str, uuid, weight, site: &str| HostEntry { name: name.into(), uuid, weight, site: site.into() };
    let known = Uuid([0x27, 0xf3, 0x0c, 0x64, 0xe5, 0xb8, 0xef, 0xa7, 0xb7, 0x3a, 0x40, 0xb5, 0x43, 0x21, 0x83, 0xeb]);
    let hosts = [entry("p3", known, 100, ""), entry("p4", Uuid::NIL, 7, "site b")];
    state.write_hosts(HostList::Known, &hosts).expect("written");
    let expected = "p3\t27f30c64-e5b8-efa7-b73a-40b5432183eb\t100\t\n\
                    p4\t00000000-0000-0000-0000-000000000000\t7\tsite b\n";
    assert_eq!(place.read("hostcache"), expected);
    assert_eq!(state.read_hosts(HostList::Known).expect("readable"), hosts);
    state.write_hosts(HostList::Deleted, &[]).expect("written");
    assert_eq!(fs::metadata(place.join("delhostcache")).expect("there").len(), 0);
}

#[test]
fn bad_host_list_is_removed_and_its_line_named() {
    for bad in
        ["p3\tno-uuid\t100\t\n", "p3\n", "p3\t27f30c64-e5b8-efa7-b73a-40b5432183eb\tx\t\n", "\t\t\t\n", "\u{fffd}\n"]
    {
        let place = Place::new();
        let state = StateDir::new(place.path());
        let good = "p1\t27f30c64-e5b8-efa7-b73a-40b5432183eb\t100\t\n";
        fs::write(place.join("hostcache"), format!("{good}{bad}")).expect("written");
        let error = state.read_hosts(HostList::Known).expect_err("a bad line");
        assert!(matches!(error, StateError::BadHostList { line: 2, .. }), "{error:?} for {bad:?}");
        assert!(error.to_string().starts_with("Invalid host/uuid map file ["), "{error}");
        assert!(!place.join("hostcache").exists());
    }
}

#[test]
fn fifo_is_private_quiet_and_survives_its_writers() {
    let place = Place::new();
    fs::write(place.join("fifo"), "something else of that name").expect("written");
    let fifo = StateDir::new(place.path()).create_fifo().expect("a FIFO");
    let meta = fs::metadata(place.join("fifo")).expect("there");
    assert!(meta.file_type().is_fifo());
    assert_eq!(meta.mode() & 0o777, 0o600);
    let mut buffer = [0; 100];
    assert_eq!(fifo.read(&mut buffer).expect("quiet"), 0);
    for _ in 0..2 {
        fs::write(place.join("fifo"), "message\n").expect("a writer comes and goes");
        assert_eq!(fifo.read(&mut buffer).expect("readable"), 8);
        assert_eq!(fifo.read(&mut buffer).expect("not at its end"), 0);
    }
}

#[test]
fn scratch_directory_is_emptied_and_a_link_of_its_name_is_not_followed() {
    let place = Place::new();
    fs::create_dir_all(place.join("rsctmp/deep/er")).expect("made");
    empty_scratch(place.path()).expect("emptied");
    let mode = || fs::symlink_metadata(place.join("rsctmp")).expect("there").permissions().mode() & 0o7777;
    assert_eq!(mode(), 0o1755);
    assert_eq!(fs::read_dir(place.join("rsctmp")).expect("readable").count(), 0);

    fs::create_dir(place.join("precious")).expect("made");
    fs::write(place.join("precious/file"), "x").expect("written");
    fs::remove_dir(place.join("rsctmp")).expect("removed");
    std::os::unix::fs::symlink("precious", place.join("rsctmp")).expect("linked");
    empty_scratch(place.path()).expect("emptied");
    assert_eq!(mode(), 0o1755);
    assert!(place.join("precious/file").exists());
}

/// A process that looks like a daemon 3.0.6: its executable is called `heartbeat`.
struct LookAlike(Child);

impl LookAlike {
    fn start(place: &Place) -> Self {
        let program = place.join("heartbeat");
        std::os::unix::fs::symlink("/bin/sleep", &program).expect("linked");
        Self(Command::new(program).arg("600").spawn().expect("started"))
    }

    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for LookAlike {
    fn drop(&mut self) {
        self.end();
    }
}

#[test]
fn pid_file_tells_running_stale_and_absent_apart() {
    let place = Place::new();
    let file = place.join("heartbeat.pid");
    assert_eq!(probe(&file), Running::NoFile);
    let mut daemon = LookAlike::start(&place);
    let pid = daemon.0.id();
    fs::write(&file, format!("{pid:10}\n")).expect("written");
    eventually("exec has happened", || probe(&file) == Running::Yes(pid));
    assert!(matches!(PidFile::claim(&file), Err(ClaimError::AlreadyRunning(found)) if found == pid));
    assert_eq!(place.read("heartbeat.pid"), format!("{pid:10}\n"), "a refused claim changes nothing");

    daemon.0.kill().expect("killed");
    eventually("a zombie is not running", || probe(&file) == Running::Stale);
    daemon.end();
    for content in ["", "garbage", "0", "-1", "1\n2\n", "99999999999"] {
        fs::write(&file, content).expect("written");
        assert_eq!(probe(&file), Running::Stale, "{content:?}");
    }
    let mut stranger = Command::new("sleep").arg("600").spawn().expect("started");
    fs::write(&file, format!("{}\n", stranger.id())).expect("written");
    eventually("exec has happened", || probe(&file) == Running::Stale);
    stranger.kill().expect("killed");
    stranger.wait().expect("reaped");
}

#[test]
fn guard_keeps_another_start_out_where_no_pid_file_was_and_leaves_none() {
    let place = Place::new();
    let file = place.join("heartbeat.pid");
    let guard = Guard::take(&file).expect("no daemon runs");
    assert!(Guard::take(&file).is_none(), "a second start at the same moment does not clear what the first one clears");
    assert!(PidFile::claim(&file).is_err(), "nor does it begin");
    drop(guard);
    assert!(!file.exists(), "stopped is told as before");
    let claim = PidFile::claim(&file).expect("free");
    assert!(Guard::take(&file).is_none());
    drop(claim);
}

#[test]
fn pid_file_claimed_over_a_stale_one_has_ten_columns_and_excludes_others() {
    let place = Place::new();
    let file = place.join("heartbeat.pid");
    fs::write(&file, "4194303 and more text than a pid file has\n").expect("stale");
    let claim = PidFile::claim(&file).expect("free");
    let own = std::process::id();
    assert_eq!(place.read("heartbeat.pid"), format!("{own:10}\n"));
    assert_eq!(probe(&file), Running::Yes(own));
    assert!(matches!(PidFile::claim(&file), Err(ClaimError::AlreadyRunning(found)) if found == own));
    drop(claim);
    PidFile::claim(&file).expect("the same process after an exec claims it again");
}

#[test]
fn of_many_that_start_at_once_one_wins() {
    let place = Place::new();
    for round in 0..10 {
        // A new file in each round: a child that another scenario is just starting may hold an old lock until its exec.
        let file = place.join(&format!("{round}.pid"));
        let claims: Vec<_> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8).map(|_| scope.spawn(|| PidFile::claim(&file))).collect();
            racers.into_iter().map(|racer| racer.join().expect("no panic")).collect()
        });
        assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1, "{claims:?}");
    }
}

#[test]
fn generation_that_cannot_be_written_leaves_nothing_behind() {
    let place = Place::new();
    // The name of a file can be made, its content cannot be written.
    let script = "ulimit -f 0; trap '' XFSZ; exec \"$0\" --exact full_disk --nocapture --ignored";
    let own = std::env::current_exe().expect("this program");
    let child = Command::new("sh").args(["-c", script]).arg(own).env("HBCORE_PLACE", place.path()).output();
    let child = child.expect("sh");
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(fs::read_dir(place.path()).expect("our own").count(), 0, "nothing, above all no empty file");
}

/// The part of the test above that runs in a process that may not write to files.
#[test]
#[ignore = "runs in a process of its own"]
fn full_disk() {
    let Some(place) = std::env::var_os("HBCORE_PLACE") else { return };
    let refused = StateDir::new(place).next_generation(GenerationMethod::File, CLOCK);
    assert!(matches!(refused, Err(StateError::Io { .. })), "{refused:?}");
}

#[test]
fn advice_names_the_option_of_the_directory() {
    let place = Place::new();
    let nowhere = place.join("nowhere/deeper");
    let state =
        StateDir::new(&nowhere).next_generation(GenerationMethod::File, CLOCK).expect_err("no directory").to_string();
    assert!(state.contains("--state-dir") && !state.contains("--run-dir"), "{state}");
    let run = PidFile::claim(&nowhere.join("heartbeat.pid")).expect_err("no directory").to_string();
    assert!(run.contains("--run-dir") && !run.contains("--state-dir"), "{run}");
}

#[test]
fn clock_that_is_behind_the_files_of_the_node_makes_no_small_generation() {
    let place = Place::new();
    let set = |file: &str, seconds: u64| {
        let file = fs::File::create(place.join(file)).expect("made");
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).expect("our own file");
    };
    let now = |clock| plausible_now(clock, &[&place.join("none"), place.path()]);
    assert_eq!(now(CLOCK), CLOCK, "no file tells anything");
    set("hb_uuid", CLOCK - 1000);
    assert_eq!(now(CLOCK), CLOCK, "files are older than now");
    set("hostcache", CLOCK + 5);
    assert_eq!(now(CLOCK), CLOCK, "another machine's clock may be ahead by a little");
    set("hb_uuid", CLOCK + 86_400);
    assert!(now(CLOCK) > CLOCK + 86_400 + 1000, "later than anything that this node has sent");
}
