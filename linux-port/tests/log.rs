//! Scenarios of the log: the destination of each line, a writer that cannot keep up, rotation.

mod host;

use std::fs;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use hbcore_linux::log::{EarlyLog, Facility, Level, LogConfig, QUEUE_CAPACITY, Stderr};
use hbcore_linux::problems::{Board, Problem};
use host::{Place, eventually};

const SOON: Duration = Duration::from_secs(5);

#[test]
fn debug_lines_go_to_the_debug_file_only_and_all_others_to_both() {
    let place = Place::new();
    let log = place.log();
    for level in [Level::Emerg, Level::Alert, Level::Crit, Level::Error, Level::Warn, Level::Notice, Level::Info] {
        log.log(level, format_args!("one {}", level.word()));
    }
    log.log(Level::Debug, format_args!("one debug"));
    assert!(log.flush(SOON));

    let words = |file: &str| -> Vec<String> {
        let text = place.read(file);
        text.lines().map(|line| line.rsplit_once(" one ").expect("the text").1.to_owned()).collect()
    };
    let loud = ["EMERG", "ALERT", "CRIT", "ERROR", "WARN", "notice", "info"];
    assert_eq!(words("log"), loud);
    assert_eq!(words("debug"), [&loud[..], &["debug"]].concat());
    let first = place.read("log").lines().next().expect("a line").to_owned();
    let pid = std::process::id();
    assert!(first.ends_with(&format!(" alpha heartbeat: [{pid}]: EMERG: one EMERG")), "{first}");
}

#[test]
fn debug_level_decides_what_is_worth_a_debug_line() {
    let place = Place::new();
    let log = place.log();
    log.debug(1, format_args!("silent"));
    log.clone().set_debug_level(2);
    log.debug(2, format_args!("spoken"));
    log.debug(3, format_args!("too detailed"));
    assert!(log.flush(SOON));
    let debug = place.read("debug");
    assert!(debug.contains("debug: spoken") && debug.lines().count() == 1, "{debug}");
}

#[test]
fn without_syslogmsgfmt_a_line_begins_with_the_program() {
    let place = Place::new();
    let mut log = EarlyLog::new(LogConfig { syslog_format: false, ..place.log_config() });
    log.log(Level::Info, format_args!("text"));
    let line = place.read("log");
    let rest = line.strip_prefix(&format!("heartbeat[{}]: ", std::process::id())).expect("program and pid first");
    let (date, text) = rest.split_once(' ').expect("a date");
    assert_eq!(text, "info: text\n");
    assert_eq!(date.replace(|c: char| c.is_ascii_digit(), "9"), "9999/99/99_99:99:99");
}

#[test]
fn syslog_gets_one_datagram_a_line_and_is_found_again_after_its_restart() {
    let place = Place::new();
    let path = place.join("syslog");
    let first = UnixDatagram::bind(&path).expect("a socket");
    let config = LogConfig { facility: Facility::by_name("local0"), syslog_socket: path.clone(), ..place.log_config() };
    let log = EarlyLog::new(config).start().expect("a writer");
    let received = |socket: &UnixDatagram| {
        socket.set_read_timeout(Some(SOON)).expect("a limit");
        let mut datagram = [0; 2000];
        let len = socket.recv(&mut datagram).expect("a datagram");
        String::from_utf8_lossy(&datagram[..len]).into_owned()
    };
    log.error(format_args!("before"));
    let datagram = received(&first);
    assert!(datagram.starts_with("<131>"), "{datagram}");
    assert!(datagram.ends_with(&format!(" heartbeat: [{}]: ERROR: before\0", std::process::id())), "{datagram}");

    drop(first);
    fs::remove_file(&path).expect("removed");
    log.info(format_args!("lost"));
    assert!(log.flush(SOON), "an absent syslog holds nothing up");
    let second = UnixDatagram::bind(&path).expect("a socket");
    log.info(format_args!("after"));
    assert!(received(&second).ends_with("WARN: 1 message is missing here: syslog did not take them\0"));
    assert!(received(&second).ends_with("info: after\0"));
}

#[test]
fn writer_that_is_stuck_costs_lines_but_never_time_and_says_how_many() {
    let place = Place::new();
    // The lock on standard error keeps the writer waiting until the scenario releases it.
    let held = std::io::stderr().lock();
    let log = EarlyLog::new(LogConfig { stderr: Stderr::Plain, ..place.log_config() }).start().expect("a writer");
    let lines = QUEUE_CAPACITY as u64 * 3;
    for number in 0..lines {
        log.info(format_args!("line {number}"));
    }
    let lost = log.lost();
    // The writer may already have taken one line.
    assert!((lines - lost).abs_diff(QUEUE_CAPACITY as u64) <= 1, "{lost} of {lines} lost");
    assert!(!log.flush(Duration::from_millis(20)), "nothing can have been written");

    drop(held);
    assert!(log.flush(SOON), "the writer is let go");
    log.info(format_args!("the last"));
    assert!(log.flush(SOON));
    let seen = place.read("log");
    assert!(seen.ends_with("the last\n"), "{seen}");
    let losses = seen.lines().filter(|line| line.contains(" lost: more came than could be written"));
    let reports = losses.filter_map(|line| line.split_once("WARN: ")?.1.split_once(" message"));
    let reported: u64 = reports.map(|(count, _)| count.parse::<u64>().expect("a number")).sum();
    assert_eq!(reported, lost, "{seen}");
}

#[test]
fn fifo_without_a_reader_costs_its_lines_and_holds_nothing() {
    let place = Place::new();
    let fifo = place.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).expect("a FIFO");
    let config = LogConfig { logfile: Some(fifo), ..place.log_config() };
    // The only thread of a daemon that starts: it would wait here for ever.
    let mut early = EarlyLog::new(config.clone());
    early.log(Level::Info, format_args!("before the daemon detaches"));
    let log = early.start().expect("a writer");
    log.info(format_args!("afterwards"));
    assert!(log.flush(SOON), "the other file goes on");
    let debug = place.read("debug");
    assert!(debug.contains("before the daemon detaches") && debug.contains("afterwards"), "{debug}");
    assert!(debug.contains("Cannot open log file"), "{debug}");
}

#[test]
fn lost_lines_are_a_problem_until_a_line_is_written() {
    let place = Place::new();
    let fifo = place.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).expect("a FIFO");
    let config = LogConfig { logfile: Some(fifo.clone()), ..place.log_config() };
    let (log, board) = (EarlyLog::new(config).start().expect("a thread"), Board::default());
    log.info(format_args!("before anybody looks"));
    assert!(log.show_losses(&board));
    log.info(format_args!("nobody reads this"));
    assert!(log.flush(SOON));
    let standing = board.standing();
    let [only] = &standing[..] else { panic!("one problem instead of {standing:?}") };
    assert_eq!(only.problem, Problem::LogLosesLines { file: fifo.display().to_string() });
    assert!(only.reason.as_deref().is_some_and(|why| why.starts_with("No such device or address")), "{only:?}");

    let mut reader = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&fifo).expect("a reader");
    eventually("a line is written", || {
        log.info(format_args!("somebody reads this"));
        assert!(log.flush(SOON));
        board.standing().is_empty()
    });
    let mut read = vec![0; 4096];
    let len = std::io::Read::read(&mut reader, &mut read).expect("lines");
    assert!(String::from_utf8_lossy(&read[..len]).contains("missing here"), "the log says so, too");
}

/// The problems that the log puts up, in words.
fn losses(board: &Board) -> Vec<(String, String)> {
    let standing = board.standing().into_iter();
    standing.map(|told| (told.problem.to_string(), told.reason.unwrap_or_default())).collect()
}

#[test]
fn line_that_syslog_does_not_take_is_a_problem_until_it_takes_one() {
    let place = Place::new();
    let path = place.join("syslog");
    let facility = Some(Facility::DAEMON);
    let config = LogConfig { facility, syslog_socket: path.clone(), stderr: Stderr::Off, ..place.log_config() };
    let (log, board) = (EarlyLog::new(config).start().expect("a thread"), Board::default());
    assert!(log.show_losses(&board));
    let say = |text: &str| {
        log.info(format_args!("{text}"));
        assert!(log.flush(SOON));
        losses(&board)
    };
    let lost = format!("lines of the log are lost: {} cannot be written", path.display());
    let [(problem, reason)] = &say("nobody listens")[..] else { panic!("no problem") };
    assert!(*problem == lost && reason.starts_with("No such file"), "{problem}: {reason}");

    let socket = UnixDatagram::bind(&path).expect("a socket");
    assert_eq!(say("somebody listens"), []);
    let datagram = || {
        let mut datagram = [0; 2000];
        let len = socket.recv(&mut datagram)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&datagram[..len]).into_owned())
    };
    socket.set_read_timeout(Some(SOON)).expect("a limit");
    let report = datagram().expect("a report first");
    assert!(report.ends_with("WARN: 1 message is missing here: syslog did not take them\0"), "{report}");
    assert!(datagram().expect("the line").ends_with("info: somebody listens\0"));

    // A daemon that reads nothing: its socket is full after some lines.
    let full = (0..10_000).map(|n| say(&format!("nobody reads {n}"))).find(|problems| !problems.is_empty());
    let full = full.expect("a full socket");
    assert!(full[0].0 == lost && full[0].1.starts_with("Resource temporarily unavailable"), "{full:?}");
    socket.set_nonblocking(true).expect("no waiting");
    while datagram().is_ok() {}
    assert_eq!(say("somebody reads again"), []);
}

#[test]
fn line_that_syslog_does_not_take_is_not_lost_while_standard_error_has_it() {
    let place = Place::new();
    let (facility, syslog_socket) = (Some(Facility::DAEMON), place.join("nowhere"));
    let config = LogConfig { facility, syslog_socket, stderr: Stderr::Plain, ..place.log_config() };
    let (log, board) = (EarlyLog::new(config).start().expect("a thread"), Board::default());
    assert!(log.show_losses(&board));
    log.info(format_args!("on the terminal"));
    assert!(log.flush(SOON));
    assert_eq!(losses(&board), []);
    assert!(log.set_stderr(Stderr::Off), "the daemon has detached");
    log.info(format_args!("nowhere"));
    assert!(log.flush(SOON));
    assert_eq!(losses(&board).len(), 1);
}

#[test]
fn rotated_file_is_left_alone_and_a_new_one_begun() {
    let place = Place::new();
    let log = place.log();
    log.info(format_args!("old"));
    assert!(log.flush(SOON));
    fs::rename(place.join("log"), place.join("log.1")).expect("rotated");
    eventually("a line in the new file", || {
        log.info(format_args!("new"));
        assert!(log.flush(SOON));
        place.read("log").contains("new")
    });
    assert!(place.read("log.1").contains("old"));

    fs::rename(place.join("log"), place.join("log.2")).expect("rotated");
    assert!(log.reopen(), "asked for, it happens at the next line");
    log.info(format_args!("newest"));
    assert!(log.flush(SOON));
    assert!(place.read("log").lines().all(|line| line.ends_with("newest")), "{}", place.read("log"));
}

#[test]
fn log_file_that_appears_late_is_used_from_then_on() {
    let place = Place::new();
    let config = LogConfig { logfile: Some(place.join("later/log")), stderr: Stderr::Off, ..LogConfig::early("alpha") };
    let log = EarlyLog::new(config).start().expect("a writer");
    log.info(format_args!("nowhere to go"));
    assert!(log.flush(SOON));
    fs::create_dir(place.join("later")).expect("the directory");
    eventually("the file is made", || {
        log.info(format_args!("here"));
        place.read("later/log").contains("here")
    });
}

#[test]
fn log_that_was_on_a_full_disk_says_how_much_it_missed() {
    let place = Place::new();
    std::os::unix::fs::symlink("/dev/full", place.join("log")).expect("a full disk");
    let log = place.log();
    for n in 0..7 {
        log.info(format_args!("lost {n}"));
    }
    assert!(log.flush(SOON));
    fs::remove_file(place.join("log")).expect("removed");
    eventually("the file is written again", || {
        log.info(format_args!("poke"));
        log.flush(SOON) && place.read("log").contains("poke")
    });
    let text = place.read("log");
    let first = text.lines().next().expect("a line");
    let (count, _) = first.split_once("WARN: ").and_then(|(_, text)| text.split_once(' ')).expect("a report first");
    assert!(first.ends_with("messages are missing here: this file could not be written"), "{first}");
    assert!(count.parse::<u32>().is_ok_and(|count| count >= 7), "{first}");
    assert_eq!(text.matches("are missing here").count(), 1, "{text}");
    assert!(place.read("debug").contains("lost 6"), "the other file has everything");
}

#[test]
fn log_file_that_cannot_be_opened_is_reported_once_in_another_log() {
    let place = Place::new();
    let syslog = place.join("syslog");
    let socket = UnixDatagram::bind(&syslog).expect("a socket");
    socket.set_read_timeout(Some(SOON)).expect("a limit");
    let config = LogConfig { logfile: Some(place.join("nowhere/log")), syslog_socket: syslog, ..place.log_config() };
    let mut early = EarlyLog::new(config.clone());
    early.log(Level::Info, format_args!("before the daemon detaches"));
    early.reconfigure(config);
    early.log(Level::Info, format_args!("afterwards"));
    let complaint = format!("ERROR: Cannot open log file [{}]: No such file", place.join("nowhere/log").display());

    let debug = place.read("debug");
    assert_eq!(debug.matches(&complaint).count(), 1, "the file that works has it: {debug}");
    assert_eq!(debug.lines().count(), 3, "and goes on: {debug}");
    let mut datagram = [0; 2000];
    let len = socket.recv(&mut datagram).expect("a datagram, although no facility is configured");
    let datagram = String::from_utf8_lossy(&datagram[..len]);
    assert!(datagram.starts_with("<27>") && datagram.contains(&complaint), "{datagram}");
    socket.set_nonblocking(true).expect("no waiting");
    assert!(socket.recv(&mut [0; 2000]).is_err(), "once");
}

#[test]
fn log_file_that_is_made_belongs_to_the_account_of_logs() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root may give a file away");
        return;
    }
    let place = Place::new();
    fs::write(place.join("debug"), "").expect("a file that was there before");
    let mut log = EarlyLog::new(LogConfig { owner: Some((12, 34)), ..place.log_config() });
    log.log(Level::Info, format_args!("text"));
    let of = |name: &str| fs::metadata(place.join(name)).map(|m| (m.uid(), m.gid(), m.mode() & 0o777)).expect("a file");
    assert_eq!(of("log"), (12, 34, 0o644));
    assert_eq!((of("debug").0, of("debug").1), (0, 0), "an old one stays as it is");
}
