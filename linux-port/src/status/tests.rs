use std::time::Duration;

use hbcore::takeover::GroupState;

use super::group::RunningScript;
use super::*;
use crate::jobs::{Running, Trying};
use crate::problems::{Coming, Problem, Standing};
use std::fs;
use std::path::PathBuf;

#[test]
fn answer_is_read_as_it_was_packed() {
    let refused = Decided { number: 7, said: "refused: nobody is there".to_owned() };
    let answer = Answer {
        text: "alpha: active\n".to_owned(),
        json: "{}\n".to_owned(),
        reloads: vec![refused, Decided { number: 8, said: String::new() }],
        stopping: vec!["192.0.2.1/24/eth0".to_owned(), String::new()],
        problems: vec!["fence-fails".to_owned()],
        peers: vec![
            Peer { name: "bravo".to_owned(), is_ours: true, same: Some(false) },
            Peer { name: "charlie delta".to_owned(), is_ours: false, same: None },
        ],
        running: vec!["192.0.2.1/24/eth0 web::a".to_owned(), "mail".to_owned()],
    };
    assert_eq!(Answer::unpack(&answer.pack()), answer);
    let packed = answer.pack();
    let torn = Answer::unpack(packed.strip_suffix("l\n").expect("the last line"));
    assert_eq!(torn.running, ["192.0.2.1/24/eth0 web::a"], "half a line is none");
}

#[test]
fn resources_that_a_file_lacks_are_ending() {
    let running = vec!["192.0.2.1/24/eth0 web::a".to_owned(), "mail".to_owned(), "192.0.2.2 web::b".to_owned()];
    let answer = Answer { running, ..Answer::default() };
    let file = HaResources::read(b"alpha 192.0.2.1/24/eth0 web::c\nbravo 192.0.2.2 web::b\n");
    assert_eq!(answer.ending(&file), ["web::a", "mail"]);
}

#[test]
fn answer_of_an_earlier_version_is_its_text() {
    let old = Answer::unpack("alpha: active\n");
    assert_eq!(old, Answer { text: "alpha: active\n".to_owned(), ..Answer::default() });
    let torn = Answer::unpack("alpha: active\n\x1e\n{\"version\":1,");
    assert_eq!(torn.json, "", "half an object is none");
}

fn seen() -> Snapshot {
    let node = |name: &str, is_local, is_ping, links| NodeRow {
        name: name.to_owned(),
        state: if is_ping { "ping" } else { "active" }.to_owned(),
        is_local,
        is_ping,
        links,
        program: (!is_ping).then(|| "hbcore 1.2.3".to_owned()),
        same_resources: (!is_ping).then_some(true),
    };
    let group = |key: &str, here, at: Option<&str>, why, story: &str| GroupRow {
        key: key.to_owned(),
        home: "alpha".to_owned(),
        here,
        at: at.map(str::to_owned),
        script: (here == GroupState::Stopping).then(|| RunningScript {
            what: "web stop".to_owned(),
            seconds: 21,
            limit: Some(60),
        }),
        attempt: (here == GroupState::Stopping).then_some((3, 11)),
        why,
        story: story.to_owned(),
        next: (here == GroupState::Failed).then(|| Next { what: "bravo is asked".to_owned(), seconds: Some(9) }),
        failures: u32::from(here == GroupState::Failed),
        is_nowhere: Some(at.is_none()),
        is_waited_for: false,
    };
    Snapshot {
        release: "1.2.3",
        pid: 42,
        node: "alpha".to_owned(),
        state: "active".to_owned(),
        holds: "local",
        claims: "none",
        progress: Progress::Leaving,
        problems: vec![Standing {
            problem: Problem::FenceFails { node: "bravo".to_owned(), device: "/sbin/fence".to_owned() },
            age: Duration::from_secs(12),
            times: 3,
            reason: Some("Return code 1: no \x1b[31manswer".to_owned()),
            next: Some(Coming { what: "it is tried again".to_owned(), within: Some(Duration::from_millis(3500)) }),
        }],
        strays: Vec::new(),
        more_problems: 0,
        nodes: vec![
            node("alpha", true, false, vec![]),
            node("bravo", false, false, vec![("eth0".to_owned(), true), ("/dev/ttyS0".to_owned(), false)]),
            node("192.0.2.254", false, true, vec![("192.0.2.254".to_owned(), true)]),
        ],
        groups: vec![
            group("192.0.2.1", GroupState::Stopping, Some("alpha"), "stops", "is being stopped here"),
            group("192.0.2.2", GroupState::Stopped, Some("bravo"), "elsewhere", "at bravo"),
            group("192.0.2.3", GroupState::Failed, None, "failed", "nowhere: could not be started here"),
            group("192.0.2.4", GroupState::Stopped, None, "nobody", "nowhere"),
        ],
    }
}

#[test]
fn people_get_tables() {
    assert_eq!(
        seen().text(),
        "alpha: active, holds local, releasing all groups\n\
         hbcore 1.2.3, pid 42\n\
         \n\
         problem fence-fails: bravo is not fenced: /sbin/fence fails, so the groups that it may run are not started: Return code 1: no ?[31manswer (3 times in 12 s)\n  \
         next in 4 s: it is tried again\n  \
         help: look for the program's last lines in the log; if the node is certainly off, let the program return 0 once\n\
         \n\
         node         state   links\n\
         alpha        active  this node\n\
         bravo        active  eth0 up, /dev/ttyS0 silent\n\
         192.0.2.254  ping    192.0.2.254 up\n\
         \n\
         group      home   where\n\
         192.0.2.1  alpha  is being stopped here (web stop, attempt 3 of 11, 21 s of 60 s)\n\
         192.0.2.2  alpha  at bravo\n\
         192.0.2.3  alpha  nowhere: could not be started here; next: bravo is asked in 9 s\n\
         192.0.2.4  alpha  nowhere\n"
    );
    assert_eq!(seen().stopping(), ["192.0.2.1 (web stop, attempt 3 of 11, 21 s of 60 s)"]);
}

#[test]
fn monitors_get_the_same_under_names_that_stay() {
    assert_eq!(
        seen().json(),
        concat!(
            r#"{"version":1,"running":true,"hbcore":"1.2.3","node":"alpha","state":"active","holds":"local","claims":"none","#,
            r#""progress":"leaving","pid":42,"problems":[{"word":"fence-fails","#,
            r#""text":"bravo is not fenced: /sbin/fence fails, so the groups that it may run are not started: Return code 1: no \u001b[31manswer","#,
            r#""help":"look for the program's last lines in the log; if the node is certainly off, let the program return 0 once","#,
            r#""times":3,"seconds":12,"next":"it is tried again","next_seconds":4}],"more_problems":0,"nodes":["#,
            r#"{"name":"alpha","state":"active","local":true,"ping":false,"program":"hbcore 1.2.3","same_haresources":true,"links":[]},"#,
            r#"{"name":"bravo","state":"active","local":false,"ping":false,"program":"hbcore 1.2.3","same_haresources":true,"#,
            r#""links":[{"name":"eth0","up":true},{"name":"/dev/ttyS0","up":false}]},"#,
            r#"{"name":"192.0.2.254","state":"ping","local":false,"ping":true,"program":null,"same_haresources":null,"links":[{"name":"192.0.2.254","up":true}]}],"#,
            r#""groups":["#,
            r#"{"key":"192.0.2.1","home":"alpha","here":"stopping","at":"alpha","script":"web stop","seconds":21,"limit":60,"attempt":3,"attempts":11,"#,
            r#""why":"stops","failures":0,"nowhere":false,"next":null,"next_seconds":null},"#,
            r#"{"key":"192.0.2.2","home":"alpha","here":"stopped","at":"bravo","script":null,"seconds":null,"limit":null,"attempt":null,"attempts":null,"#,
            r#""why":"elsewhere","failures":0,"nowhere":false,"next":null,"next_seconds":null},"#,
            r#"{"key":"192.0.2.3","home":"alpha","here":"failed","at":null,"script":null,"seconds":null,"limit":null,"attempt":null,"attempts":null,"#,
            r#""why":"failed","failures":1,"nowhere":true,"next":"bravo is asked","next_seconds":9},"#,
            r#"{"key":"192.0.2.4","home":"alpha","here":"stopped","at":null,"script":null,"seconds":null,"limit":null,"attempt":null,"attempts":null,"#,
            r#""why":"nobody","failures":0,"nowhere":true,"next":null,"next_seconds":null}]}"#,
            "\n"
        )
    );
}

#[test]
fn start_that_waits_names_its_script_with_its_beginning_and_its_end() {
    let groups = [("web".to_owned(), "alpha".to_owned()), ("mail".to_owned(), "bravo".to_owned())];
    let running = [Running {
        group: "web".to_owned(),
        what: "web status".to_owned(),
        age: Duration::from_secs(40),
        limit: Some(Duration::from_hours(1)),
        trying: None,
    }];
    let starting = |deadtime| Starting {
        node: "alpha",
        groups: &groups,
        running: &running,
        deadtime: Duration::from_secs(deadtime),
        problems: vec![],
    };
    let answer = Answer::starting(starting(30));
    let row = "web    alpha  is asked for, and stopped, before this node joins (web status, 40 s of 3600 s)\n";
    assert!(answer.text.contains(row), "{}", answer.text);
    assert!(
        answer.text.contains("problem start-waits: this node does not join before web status has ended (since 40 s)")
    );
    assert!(answer.text.contains("next in 3560 s: it is terminated"));
    assert_eq!(answer.stopping, ["web (web status, 40 s of 3600 s)"]);
    assert!(answer.json.contains("\"progress\":\"clearing\""));
    assert_eq!(Answer::starting(starting(60)).problems, Vec::<String>::new(), "not before the dead time is over");
}

#[test]
fn answer_of_which_only_the_text_has_arrived_is_one_with_problems() {
    let whole = Answer {
        text: seen().text(),
        json: seen().json(),
        problems: vec!["fence-fails".to_owned()],
        ..Answer::default()
    };
    let packed = whole.pack();
    for len in [whole.text.len() + 10, packed.len() - 5, packed.len()] {
        assert!(Answer::unpack(&packed[..len]).is_troubled(), "{len} bytes");
    }
    assert!(!Answer::unpack("alpha: active\n").is_troubled());
}

#[test]
fn answer_of_many_groups_with_a_problem_each_fits_into_a_socket() {
    let mut seen = seen();
    let key = |n: usize| format!("IPaddr2::10.177.109.{n}/24/bond0/10.177.109.255");
    let row = seen.groups.remove(0);
    seen.groups = (0..128).map(|n| GroupRow { key: key(n), ..row.clone() }).collect();
    let reason = format!("Return code 1: {}", "x".repeat(400));
    let standing = |n: usize| Standing {
        problem: Problem::StopUnseen { group: key(n), member: "a-script-of-the-site::with::arguments".to_owned() },
        age: Duration::from_secs(12),
        times: 11,
        reason: Some(reason.clone()),
        next: Some(Coming { what: "x".repeat(100), within: Some(Duration::from_secs(1)) }),
    };
    seen.problems = (0..super::snapshot::SHOWN).map(standing).collect();
    let len = Answer::of_snapshot(&seen, &Reloads::default()).pack().len();
    assert!(len < 212_992, "{len} bytes, of which the socket takes 212,992 at once");
}

/// A directory of this test's own, and the place of a socket in it.
fn place(name: &str) -> (PathBuf, PathBuf) {
    let directory = std::env::temp_dir().join(format!("hbcore-status-{name}-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("made");
    let path = directory.join(NAME);
    (directory, path)
}

#[test]
fn socket_of_an_earlier_run_is_replaced_and_anything_else_is_left_alone() {
    let (directory, path) = place("leftover");
    fs::write(&path, "a note").expect("written");
    assert!(StatusSocket::open(&path).is_err());
    assert_eq!(fs::read_to_string(&path).expect("still there"), "a note");
    fs::remove_file(&path).expect("removed");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
    let socket = StatusSocket::open(&path).expect("opened in its place");
    drop(socket);
    assert!(!path.exists(), "it is taken away in the end");
    let _ = fs::remove_dir_all(directory);
}

#[test]
fn status_socket_answers_a_client_and_waits_for_none() {
    let (directory, path) = place("asked");
    let socket = StatusSocket::open(&path).expect("opened");
    let told = Answer { text: "alpha: active\n".to_owned(), ..Answer::default() };
    socket.answer(|| unreachable!("nobody asks")).expect("nothing is waited for");
    let heard = std::thread::scope(|scope| {
        let asker = scope.spawn(|| ask(&path));
        let mut fds = [rustix::event::PollFd::from_borrowed_fd(socket.fd(), rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut fds, None).expect("somebody asks");
        socket.answer(|| told.pack()).expect("answered");
        asker.join().expect("no panic")
    });
    assert_eq!(heard.expect("an answer"), told);
    let _ = fs::remove_dir_all(directory);
}

#[test]
fn only_root_and_the_group_of_clients_may_ask() {
    use std::os::unix::fs::MetadataExt;
    let (directory, path) = place("mode");
    let _socket = StatusSocket::open(&path).expect("opened");
    let found = fs::metadata(&path).expect("a socket");
    let expected = match users::group(GROUP) {
        Some(group) if rustix::process::geteuid().is_root() => (0o660, group),
        _ => (0o600, found.gid()),
    };
    assert_eq!((found.mode() & 0o777, found.gid()), expected);
    let _ = fs::remove_dir_all(directory);
}

#[test]
fn attempt_is_told_of_what_is_tried_and_not_of_what_is_missing() {
    let running = |trying| Running {
        group: "web".to_owned(),
        what: "web stop".to_owned(),
        age: Duration::from_secs(5),
        limit: None,
        trying,
    };
    let attempt = |trying| super::group::attempt(&running(trying));
    assert_eq!(attempt(Some(Trying::Attempt(3, 11))), Some((3, 11)));
    assert_eq!(attempt(None), None);
    let mut row = seen().groups.remove(0);
    row.attempt = Some((1, 11));
    assert_eq!(row.script_text(), " (web stop, 21 s of 60 s)", "the first is not counted");
    row.attempt = Some((2, 11));
    assert_eq!(row.script_text(), " (web stop, attempt 2 of 11, 21 s of 60 s)");
}
