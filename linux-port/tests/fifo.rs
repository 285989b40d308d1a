//! Scenarios of the FIFO: texts of scripts, and the messages in them.

mod host;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use hbcore::takeover::{Class, Wish};
use hbcore_linux::control::Move;
use hbcore_linux::fifo::{Collector, Fifo, FifoMessage, MESSAGE_CAPACITY, Order, Rejected};
use host::Place;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

fn open(place: &Place) -> Fifo {
    Fifo::open(&place.join("fifo")).expect("made")
}

fn writer(place: &Place) -> File {
    OpenOptions::new().write(true).open(place.join("fifo")).expect("somebody reads")
}

/// Whether the descriptor is readable.
fn is_readable(fifo: &Fifo) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fifo.fd(), PollFlags::IN)];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
}

/// Reads as the heartbeat thread does, until nothing is left, and describes the messages.
fn heard(fifo: &mut Fifo) -> Vec<String> {
    let mut all = Vec::new();
    while is_readable(fifo) {
        let described = |message: Result<FifoMessage<'_>, Rejected>| match message {
            Ok(message) => format!("{} {:?}", message.kind.escape_ascii(), message.order()),
            Err(why) => why.to_string(),
        };
        fifo.receive(|message| all.push(described(message))).expect("readable");
    }
    all
}

/// The meaning of one text.
fn orders(text: &str) -> Vec<String> {
    let place = Place::new();
    let mut fifo = open(&place);
    writer(&place).write_all(text.as_bytes()).expect("room");
    heard(&mut fifo)
}

#[test]
fn fifo_is_for_root_alone_and_what_lay_in_its_place_is_removed() {
    let place = Place::new();
    place.file("fifo", ">>>\nt=left by a script\n<<<\n", 0o644);
    let mut fifo = open(&place);
    let meta = fs::symlink_metadata(place.join("fifo")).expect("there");
    assert!(meta.file_type().is_fifo());
    assert_eq!(meta.permissions().mode() & 0o7777, 0o600);
    assert_eq!(heard(&mut fifo), [""; 0]);

    fs::set_permissions(place.join("fifo"), fs::Permissions::from_mode(0o666)).expect("set");
    drop(open(&place));
    let mode = fs::metadata(place.join("fifo")).expect("there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600, "also of one that is there");

    place.file("other", "precious", 0o644);
    fs::remove_file(place.join("fifo")).expect("removed");
    std::os::unix::fs::symlink(place.join("other"), place.join("fifo")).expect("made");
    open(&place);
    assert_eq!(place.read("other"), "precious", "a link is not followed");
}

#[test]
fn where_no_fifo_can_be_made_the_error_names_the_file() {
    let place = Place::new();
    fs::create_dir(place.join("fifo")).expect("made");
    let error = Fifo::open(&place.join("fifo")).expect_err("a directory");
    assert!(error.to_string().contains(&place.join("fifo").display().to_string()), "{error}");
    assert!(Fifo::open(&place.join("no/such/fifo")).is_err());
}

#[test]
fn reading_never_waits_and_the_last_writer_does_not_end_the_stream() {
    let place = Place::new();
    let mut fifo = open(&place);
    fifo.receive(|_| panic!("nothing was written")).expect("no error");
    writer(&place).write_all(b">>>\nt=a\n<<<\n").expect("room");
    assert_eq!(heard(&mut fifo), ["a Other"]);
    assert!(!is_readable(&fifo), "no end of file that would wake us for ever");
    writer(&place).write_all(b">>>\nt=b\n<<<\n").expect("room");
    assert_eq!(heard(&mut fifo), ["b Other"]);
}

#[test]
fn messages_of_the_tools_become_orders() {
    let all = [
        ("t=ask_resources\nrsc_hold=local\ninfo=me\n", Order::Move(Move::Standby(Class::Local))),
        ("t=hb_takeover\nrsc_hold=foreign\n", Order::Move(Move::Takeover(Wish::Class(Class::Foreign)))),
        ("t=hb_takeover\nrsc_hold=failback\n", Order::Move(Move::Takeover(Wish::Failback))),
        ("t=resource\nrsc_hold=foreign\ninfo=mach_down\n", Order::Report),
        ("t=ip-request-resp\ndest=alpha\nipaddr=tb\nweown=yes\nok=OK\n", Order::Other),
        ("t=addnode\nnodelist=c d\n", Order::Other),
    ];
    for (body, order) in all {
        let text = format!(">>>\n{body}<<<\n");
        assert_eq!(FifoMessage::parse(text.as_bytes()).expect("good").order(), order, "{body}");
    }
}

#[test]
fn words_that_nobody_knows_are_no_orders() {
    for body in [
        "t=ask_resources\nrsc_hold=none\ninfo=me\n",
        "t=ask_resources\nrsc_hold=all\ninfo=done\n",
        "t=ask_resources\ninfo=me\n",
        "t=hb_takeover\nrsc_hold=x\n",
        "t=anything\n",
    ] {
        let text = format!(">>>\n{body}<<<\n");
        assert_eq!(FifoMessage::parse(text.as_bytes()).expect("good").order(), Order::Other, "{body}");
    }
}

#[test]
fn garbage_is_skipped_and_bad_messages_are_dropped_one_by_one() {
    let place = Place::new();
    let mut fifo = open(&place);
    let text = "garbage\n<<<\n\n>>\n>>>\nt=good\n<<<\n>>>\nt=bad\nno equals sign\n<<<\n>>>\nx=no type\n<<<\n\
                >>>\n<<<\n>>> with a tail\nt=too\n<<< with a tail\nend\n";
    writer(&place).write_all(text.as_bytes()).expect("room");
    let all = heard(&mut fifo);
    assert_eq!([&all[0], &all[4]], ["good Other", "too Other"]);
    assert!(all[1].starts_with("Message in the FIFO dropped"), "{}", all[1]);
    assert!(all[2].starts_with("Invalid message") && all[3].starts_with("Invalid message"), "{all:?}");
    assert_eq!((all.len(), fifo.counters().rejected), (5, 3));
}

#[test]
fn message_in_pieces_is_whole_and_the_later_begin_of_two_counts() {
    let place = Place::new();
    let mut fifo = open(&place);
    let mut pipe = writer(&place);
    for piece in [">>", ">\nt=a", "b\n<<", "<"] {
        pipe.write_all(piece.as_bytes()).expect("room");
        assert_eq!(heard(&mut fifo), [""; 0]);
    }
    pipe.write_all(b"\n").expect("room");
    assert_eq!(heard(&mut fifo), ["ab Other"]);

    assert_eq!(orders(">>>\n>>>\nt=second\n<<<\nt=first\n<<<\n"), ["second Other"]);
    assert_eq!(orders(">>>\nt=first\n>>>\nt=second\n<<<\n<<<\n>>>\nt=third\n<<<\n"), ["second Other", "third Other"]);
}

#[test]
fn netstring_form_is_taken_as_well() {
    let text = "###\n8:(0)t=abc,16:(0)value=a\n%%%\nb,%%%\n>>>\nt=next\n<<<\n";
    assert_eq!(orders(text), ["abc Other", "next Other"]);
    assert_eq!(orders("###\nnonsense%%%\n>>>\nt=next\n<<<\n")[1], "next Other");
}

#[test]
fn message_without_end_is_dropped_and_the_next_one_arrives() {
    let mut collector = Collector::new();
    let long = [b">>>\nt=".as_slice(), &vec![b'x'; 3 * MESSAGE_CAPACITY], b">>>\n>>>\nt=next\n<<<\n"].concat();
    let mut input = long.as_slice();
    assert_eq!(collector.push(&mut input), Some(b">>>\nt=next\n<<<\n".as_slice()));
    assert_eq!(collector.counters().oversized, 1);

    // The buffer ends exactly with a line. The next line must be parsed from its beginning.
    let line = [vec![b'x'; MESSAGE_CAPACITY - 4], b"\n>>>\nt=next\n<<<\n".to_vec()].concat();
    let text = [b">>>\n".as_slice(), &line].concat();
    let mut input = text.as_slice();
    assert_eq!(Collector::new().push(&mut input), Some(b">>>\nt=next\n<<<\n".as_slice()));
}

#[test]
fn whatever_is_written_nothing_panics_and_the_next_message_arrives() {
    // All short texts of the letters that have a meaning here.
    let letters = [b'>', b'<', b'\n', b'#', b'%', b'=', b't', 0];
    for number in 0..letters.len().pow(5) {
        let text: Vec<u8> = (0..5).map(|place| letters[number / letters.len().pow(place) % letters.len()]).collect();
        let all = [&text, b"\n<<<\n%%%\n>>>\nt=next\n<<<\n".as_slice()].concat();
        let mut collector = Collector::new();
        let mut input = all.as_slice();
        let mut last = None;
        while let Some(found) = collector.push(&mut input) {
            last = FifoMessage::parse(found).ok().map(|message| message.kind.to_vec());
        }
        assert_eq!(last.as_deref(), Some(b"next".as_slice()), "{}", text.escape_ascii());
    }
}

#[test]
fn flood_is_read_in_bounded_pieces() {
    let place = Place::new();
    let mut fifo = open(&place);
    let message = b">>>\nt=flood\n<<<\n";
    let mut pipe = OpenOptions::new().write(true).open(place.join("fifo")).expect("somebody reads");
    rustix::fs::fcntl_setfl(&pipe, rustix::fs::OFlags::NONBLOCK).expect("set");
    let mut written = 0;
    loop {
        // A pipe takes a text of this length in one piece, or not at all.
        match pipe.write_all(message) {
            Ok(()) => written += 1,
            Err(error) => break assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    }
    let mut first = 0;
    fifo.receive(|_| first += 1).expect("readable");
    assert!(first <= hbcore_linux::fifo::READ_MAX / message.len(), "{first}");
    assert_eq!(first + heard(&mut fifo).len(), written);
}
