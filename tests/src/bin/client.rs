//! A client of the socket `register` on a host of the test network, which behaves well or badly. The first word chooses
//! how:
//!
//! ```text
//! collect NAME COUNT SECONDS   signs on as NAME, prints `ready`, then the field `x` of COUNT messages of type `mytest`
//! collect-sizes NAME COUNT SECONDS   the same, with the number of bytes of the padding, or `damaged`, after each
//! collect-kinds NAME COUNT SECONDS   the same, with the kind of the field `inner` and the algorithm after each
//! watch NAME SECONDS           signs on as NAME, prints `ready`, then type, `st` and `ifname` of each message
//! send-inner NAME SIZE         signs on as NAME and sends a message with a structure `inner` that is to be compressed
//! send NAME COUNT SIZE         signs on as NAME and sends COUNT messages of SIZE bytes, `x` counting from 1
//! say NAME FIELD=VALUE...      signs on as NAME and sends a message of these fields
//! fields NAME SECONDS          signs on as NAME, prints `ready`, then the names of the fields of each message, in order
//! types NAME MASK SECONDS      signs on as NAME, or casually as `-`, sets the filter unless MASK is `-`, prints `ready`,
//!                              then the type of each message
//! echo NAME TYPE...            signs on as NAME, sends a message of each type, and prints the types that come back
//! time-questions COUNT         signs on, asks COUNT questions, and prints the median time of an answer
//! idle COUNT                   signs on COUNT times and listens; prints `COUNT listen`, and stays until its input ends
//! names NAME...                signs on under each name in turn, and prints the result
//! mute NAME SECONDS            signs on, asks without end, and reads nothing; prints `cut off` at its end
//! crowd COUNT                  connects COUNT times and sends nothing; prints `crowded`, and stays until its input ends
//! bad KIND                     sends bytes that are no frame, and prints whether the connection was closed
//! ```

#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hbcore::wire::Form;
use hbcore_linux::client::{Client, Message};
use hbcore_linux::ipc::Composer;

const SOCKET: &str = "/run/heartbeat/register";
const PATIENCE: Duration = Duration::from_mins(1);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["collect", name, count, seconds] => collect(name, number(count), number(seconds), |_| String::new()),
        ["collect-sizes", name, count, seconds] => collect(name, number(count), number(seconds), size),
        ["collect-kinds", name, count, seconds] => collect(name, number(count), number(seconds), kind),
        ["send-inner", name, size] => send_inner(name, number(size)),
        ["watch", name, seconds] => watch(name, number(seconds)),
        ["send", name, count, size] => send(name, number(count), number(size)),
        ["say", name, fields @ ..] => say(name, fields),
        ["fields", name, seconds] => fields(name, number(seconds)),
        ["types", name, mask, seconds] => types(name, mask, number(seconds)),
        ["echo", name, types @ ..] => echo(name, types),
        ["time-questions", count] => time_questions(number(count)),
        ["idle", count] => idle(number(count)),
        ["names", names @ ..] => names.iter().for_each(|name| sign_on(name)),
        ["mute", name, seconds] => mute(name, number(seconds)),
        ["crowd", count] => crowd(number(count)),
        ["bad", kind] => bad(kind),
        _ => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}

fn number(word: &str) -> u64 {
    word.parse().expect("a number")
}

fn client(name: &str) -> Client {
    Client::sign_on(Path::new(SOCKET), Some(name), PATIENCE).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The number of bytes of a message's padding.
fn size(message: &Message) -> String {
    let padding = message.text("padding").unwrap_or_default();
    if padding.bytes().all(|byte| byte == b'.') { format!(" {}", padding.len()) } else { " damaged".to_owned() }
}

/// The kind of the field `inner`, and the word for its compression.
fn kind(message: &Message) -> String {
    let kind = message.field("inner").map(|(kind, _)| kind);
    format!(" {kind:?} {}", message.text("_compression_algorithm").unwrap_or_default())
}

/// A field of a structure that is marked for compression, as `ha_msg_addstruct_compress` of libplumb writes it.
fn send_inner(name: &str, size: u64) {
    let field = |kind: u8, name: &str, value: &[u8]| {
        let field = [format!("({kind}){name}=").as_bytes(), value].concat();
        [format!("{}:", field.len()).as_bytes(), &field, b","].concat()
    };
    let dots = vec![b'.'; usize::try_from(size).expect("a size")];
    let inner = [b"###\n".as_slice(), &field(0, "padding", &dots), b"%%%\n"].concat();
    let fields = [field(0, "t", b"mytest"), field(0, "x", b"1"), field(5, "inner", &inner)].concat();
    let body = [b"###\n".as_slice(), &fields, b"%%%\n"].concat();
    let mut client = client(name);
    client.say_raw(&body).expect("to be listened to");
    client.ask("numnodes", &[]).expect("an answer");
    client.sign_off();
}

fn collect(name: &str, count: u64, seconds: u64, more: impl Fn(&Message) -> String) {
    let limit = Duration::from_secs(seconds);
    let mut client = Client::sign_on(Path::new(SOCKET), Some(name), limit).expect("to sign on");
    println!("ready");
    let mut seen = 0;
    while seen < count {
        match client.next_message() {
            Ok(message) if message.text("t").as_deref() == Some("mytest") => {
                println!("{}{}", message.text("x").unwrap_or_default(), more(&message));
                seen += 1;
            }
            Ok(_) => {}
            Err(error) => return println!("{error}"),
        }
    }
    client.sign_off();
}

fn watch(name: &str, seconds: u64) {
    let mut client = Client::sign_on(Path::new(SOCKET), Some(name), Duration::from_secs(seconds)).expect("to sign on");
    println!("ready");
    loop {
        match client.next_message() {
            Ok(message) => {
                let words: Vec<String> = ["t", "st", "ifname"].iter().filter_map(|name| message.text(name)).collect();
                println!("{}", words.join(" "));
            }
            Err(error) => return println!("{error}"),
        }
    }
}

fn send(name: &str, count: u64, size: u64) {
    let mut client = client(name);
    let padding = vec![b'.'; usize::try_from(size).expect("a size")];
    let began = Instant::now();
    for n in 1..=count {
        let number = n.to_string();
        client.say("mytest", &[("x", number.as_bytes()), ("padding", &padding)]).expect("to be listened to");
        // All messages come back to the sender, and the daemon cuts off a client that does not read them.
        if n % 16 == 0 || n == count {
            client.ask("numnodes", &[]).expect("an answer");
        }
    }
    println!("sent in {} ms", began.elapsed().as_millis());
    client.sign_off();
}

/// A body of these fields, each `NAME=VALUE`.
fn body<'f>(fields: impl IntoIterator<Item = &'f str>) -> Vec<u8> {
    let fields: Vec<&str> = fields.into_iter().collect();
    format!(">>>\n{}\n<<<\n\0", fields.join("\n")).into_bytes()
}

fn say(name: &str, fields: &[&str]) {
    let mut client = client(name);
    client.say_raw(&body(fields.iter().copied())).expect("to be listened to");
    client.ask("numnodes", &[]).expect("an answer");
    client.sign_off();
}

fn each_message(client: &mut Client, show: impl Fn(&Message) -> String) {
    println!("ready");
    loop {
        match client.next_message() {
            Ok(message) => println!("{}", show(&message)),
            Err(error) => return println!("{error}"),
        }
    }
}

fn fields(name: &str, seconds: u64) {
    let mut client = Client::sign_on(Path::new(SOCKET), Some(name), Duration::from_secs(seconds)).expect("to sign on");
    each_message(&mut client, |message| message.names().join(" "));
}

fn types(name: &str, mask: &str, seconds: u64) {
    let name = (name != "-").then_some(name);
    let mut client = Client::sign_on(Path::new(SOCKET), name, Duration::from_secs(seconds)).expect("to sign on");
    if mask != "-" {
        client.ask("setfilter", &[("fmask", mask)]).expect("an answer");
    }
    each_message(&mut client, |message| message.text("t").unwrap_or_default());
}

fn echo(name: &str, types: &[&str]) {
    let mut client = client(name);
    for kind in types.iter().copied().chain(["end"]) {
        client.say_raw(&body([&*format!("t={kind}"), "mark=1"])).expect("to be listened to");
    }
    loop {
        let message = client.next_message().expect("a message");
        match message.text("t") {
            Some(kind) if kind == "end" => return client.sign_off(),
            Some(kind) if message.text("mark").is_some() => println!("{kind}"),
            Some(_) | None => {}
        }
    }
}

fn time_questions(count: u64) {
    let mut client = Client::sign_on(Path::new(SOCKET), None, PATIENCE).expect("to sign on");
    let mut times: Vec<Duration> = (0..count)
        .map(|_| {
            let begin = Instant::now();
            client.ask("nodestatus", &[("node", "bravo")]).expect("an answer");
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("{} µs", times[times.len() / 2].as_micros());
    client.sign_off();
}

fn idle(count: u64) {
    let clients: Vec<Client> = (0..count).map(|n| client(&format!("idle{n}"))).collect();
    println!("{} listen", clients.len());
    let _ = std::io::stdin().read(&mut [0]);
}

fn sign_on(name: &str) {
    let name = (name != "-").then_some(name);
    match Client::sign_on(Path::new(SOCKET), name, PATIENCE) {
        Ok(client) => {
            println!("welcome");
            client.sign_off();
        }
        Err(error) => println!("{error}"),
    }
}

fn mute(name: &str, seconds: u64) {
    let mut client = client(name);
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        if client.request("nodelist", &[]).is_err() {
            return println!("cut off");
        }
    }
    println!("still listened to");
}

fn crowd(count: u64) {
    let streams: Vec<_> = (0..count).map(|_| UnixStream::connect(SOCKET)).collect();
    println!("crowded by {}", streams.iter().filter(|stream| stream.is_ok()).count());
    let _ = std::io::stdin().read(&mut [0]);
}

fn bad(kind: &str) {
    let mut stream = UnixStream::connect(SOCKET).expect("a socket");
    let header = |length: i32, magic: u32| [length.to_ne_bytes(), magic.to_ne_bytes()].concat();
    let pid = std::process::id().to_string();
    let mut composer = Composer::default();
    let mut sign_on = |fields: &[(&str, &str)]| {
        let frame = composer.frame(Form::Classic, |w| {
            w.text("t", b"hbapi-req");
            w.text("reqtype", b"signon");
            for (name, value) in fields {
                w.text(name, value.as_bytes());
            }
        });
        frame.expect("a frame")
    };
    let bytes = match kind {
        "magic" => header(5, 0x1234),
        "oversized" => header(i32::MAX, 0xabcd),
        "negative" => header(-5, 0xabcd),
        "endless" => [header(262_144, 0xabcd), vec![b'x'; 200_000]].concat(),
        "truncated" => [header(50, 0xabcd), b">>>\nt=hbapi-req\n".to_vec()].concat(),
        "garbage" => [header(4, 0xabcd), b"junk".to_vec()].concat().repeat(10),
        "no-pid" => sign_on(&[("from_id", "lha-snmpagent"), ("uid", "0"), ("gid", "0")]),
        "other-pid" => sign_on(&[("pid", "1"), ("from_id", "1"), ("uid", "0"), ("gid", "0")]),
        "other-uid" => sign_on(&[("pid", &pid), ("uid", "102"), ("gid", "0")]),
        _ => sign_on(&[("pid", &pid)]),
    };
    let _ = stream.write_all(&bytes);
    if kind == "truncated" {
        drop(stream);
        return println!("closed by itself");
    }
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time");
    let mut said = Vec::new();
    let closed = match stream.read_to_end(&mut said) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    };
    let said = String::from_utf8_lossy(&said).into_owned();
    let info = said.lines().find_map(|line| line.strip_prefix("info=")).unwrap_or("nothing");
    println!("{}: {info}", if closed { "closed" } else { "open" });
}
