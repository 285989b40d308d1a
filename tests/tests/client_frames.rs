//! Reads every frame that was captured between clients and a 3.0.6, writes it again, and lets our desk answer it.

use std::fmt::Write;

use hbcore::id::Uuid;
use hbcore::wire::{Form, Structure};
use hbcore_linux::clients::{About, Conn, Credentials, Desk, NodeView, Output, Rules, View};
use hbcore_linux::ipc::{BODY_MAX, Composer, Inbox};
use serde_json::Value;

struct Frame {
    name: String,
    session: String,
    is_of_client: bool,
    bytes: Vec<u8>,
}

fn frames() -> Vec<Frame> {
    let text = include_str!("../vectors/api.jsonl");
    let word = |row: &Value, name: &str| row[name].as_str().expect("a text").to_owned();
    text.lines()
        .map(|line| {
            let row: Value = serde_json::from_str(line).expect("a vector");
            let hex = word(&row, "hex");
            let byte = |n: usize| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).expect("hexadecimal digits");
            Frame {
                name: word(&row, "name"),
                session: word(&row, "session"),
                is_of_client: word(&row, "direction") == "c2s",
                bytes: (0..hex.len() / 2).map(byte).collect(),
            }
        })
        .collect()
}

fn body(frame: &[u8]) -> Vec<u8> {
    let mut inbox = Inbox::default();
    inbox.push(frame);
    let body = inbox.next(BODY_MAX).expect("a good header").expect("a whole frame");
    assert!(inbox.is_empty(), "nothing follows");
    body
}

#[test]
fn every_captured_frame_is_written_again_byte_for_byte() {
    let (mut composer, mut written) = (Composer::default(), 0);
    for frame in frames() {
        let body = body(&frame.bytes);
        // Some frames are malformed on purpose, and the daemon signs compressed messages.
        let Ok(message) = Structure::local(&body) else { continue };
        if message.field("_compressed_payload").is_some() {
            continue;
        }
        let form = if body.starts_with(b"###") { Form::Netstring } else { Form::Classic };
        let again = composer.frame(form, |w| message.fields().for_each(|field| w.field(&field)));
        let again = again.unwrap_or_else(|| panic!("{} cannot be written", frame.name));
        assert_eq!(again.escape_ascii().to_string(), frame.bytes.escape_ascii().to_string(), "{}", frame.name);
        written += 1;
    }
    assert!(written > 590, "only {written} were written");
}

/// The node p1, as it was when the clients were captured.
fn desk() -> Desk {
    let parameters =
        [("deadtime", "5"), ("crm", "no"), ("pacemaker", "no"), ("hbversion", "3.0.6"), ("auto_failback", "on")];
    let (root, haclient) = (&[0][..], &[105][..]);
    let mut desk = Desk::new(About {
        node: "p1".to_owned(),
        deadtime_ms: 5000,
        keepalive_ms: 1000,
        version: "3.0.6 (node: 958e11be8686759f1b99204c17812f2c2633b169)",
        pacemaker: "no".to_owned(),
        facility: 0,
        parameters: parameters.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec(),
        form: Form::Classic,
        compression: hbcore_linux::compress::Algorithm::Zlib,
        manages: true,
        rules: Rules::numbered(&[
            ("anon", root, haclient),
            ("lha-snmpagent", root, &[]),
            ("ipfail", &[102], &[]),
            ("ccm", &[102], &[]),
            ("ping", &[], haclient),
        ]),
    });
    let uuid = |digits: &str| {
        Uuid(std::array::from_fn(|n| u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).expect("hexadecimal digits")))
    };
    let node = |name: &str, is_ping: bool, state: &str, uuid: Uuid, link: (&str, bool)| NodeView {
        name: name.to_owned(),
        is_ping,
        state: state.to_owned(),
        uuid,
        weight: 100,
        links: vec![(link.0.to_owned(), link.1)],
    };
    let nodes = vec![
        node("p1", false, "active", uuid("6c308b5713084dc28f3da70d7e23f9a7"), ("eth1", false)),
        node("p2", false, "active", uuid("5eb824d2e3f04e1288bbc952260d8b4b"), ("eth1", true)),
        node("10.77.0.9", true, "ping", Uuid::NIL, ("10.77.0.9", true)),
    ];
    desk.set_view(View { nodes, resources: "local" });
    desk
}

/// The raw text of a field in a body.
fn text(body: &[u8], name: &str) -> Option<String> {
    let message = Structure::local(body).ok()?;
    message.text(name).map(|text| String::from_utf8_lossy(text).into_owned())
}

/// Whether 3.0.6 sent the message unasked, or with numbers and times of another run.
fn is_of_another_run(body: &[u8]) -> bool {
    text(body, "seq").is_some() || text(body, "ts").is_some() || text(body, "t").as_deref() == Some("ifstat")
}

fn ends_with_sign_off(body: &[u8]) -> bool {
    text(body, "t").as_deref() == Some("hbapi-clstat") && text(body, "info").as_deref() == Some("signoff")
}

/// Passes the messages of a session's clients to the desk, and collects its answers.
fn replay(session: &str) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut desk, mut conn): (Desk, Conn) = (desk(), 0);
    let (mut answers, mut expected) = (Vec::new(), Vec::new());
    for frame in frames().into_iter().filter(|frame| frame.session == session) {
        let body = body(&frame.bytes);
        if !frame.is_of_client {
            // A debug filter logs requests as dumps.
            let is_dump = text(&body, "t").as_deref() == Some("hbapi-req");
            if !is_of_another_run(&body) && !is_dump {
                expected.push(frame.bytes);
            }
            continue;
        }
        let is_again = frame.name.starts_with("errors/46.");
        if text(&body, "reqtype").as_deref() == Some("signon") && !is_again {
            conn += 1;
            let number = |name: &str| text(&body, name).and_then(|text| text.parse::<u32>().ok());
            let pid = number("pid").filter(|pid| *pid != 1).unwrap_or(9999);
            // Two clients gave false credentials, or none.
            let lied = ["errors/04.", "errors/06."].iter().any(|name| frame.name.starts_with(name));
            let uid = number("uid").filter(|_| !lied).unwrap_or(0);
            let gid = number("gid").unwrap_or(0);
            desk.arrived(conn, Credentials { pid: i32::try_from(pid).expect("a small number"), uid, gid });
        }
        desk.received(conn, &body, &|_| true);
        while !desk.is_idle() {
            for output in desk.take() {
                match output {
                    Output::Frame(_, bytes) => answers.push(bytes),
                    Output::Cluster(message) => loop_back(&mut desk, &message),
                    Output::Close(_) | Output::QueueLimit(..) | Output::Signal(..) | Output::Log(..) => {}
                }
            }
        }
    }
    // The join of the client and its own messages come back with the numbers of the run. The library does not wait for
    // its own leave.
    answers.retain(|bytes| !is_of_another_run(&self::body(bytes)) && !ends_with_sign_off(&self::body(bytes)));
    (answers, expected)
}

/// Passes a message back that the engine has sent for this node.
fn loop_back(desk: &mut Desk, message: &[u8]) {
    let message = Structure::local(message).expect("a message of the desk");
    let sent = Composer::default().message(|w| {
        message.fields().for_each(|field| w.field(&field));
        w.text("src", b"p1");
        w.hex("seq", 1);
    });
    desk.cluster_message(&sent.expect("a message that can be sent"));
}

#[test]
fn captured_clients_are_answered_byte_for_byte() {
    let mut differ = String::new();
    for session in SESSIONS {
        let (answers, expected) = replay(session);
        assert!(!expected.is_empty(), "there is no session {session}");
        for n in 0..answers.len().max(expected.len()) {
            let shown = |list: &[Vec<u8>]| list.get(n).map(|bytes| bytes.escape_ascii().to_string());
            if shown(&answers) != shown(&expected) {
                let _ = writeln!(differ, "{session} {n}:\n  {:?}\nnot\n  {:?}", shown(&answers), shown(&expected));
            }
        }
    }
    assert!(differ.is_empty(), "{differ}");
}

/// The sessions in which one client asked, and only the daemon answered.
const SESSIONS: [&str; 19] = [
    "nodestatus",
    "nodestatus-ping",
    "nodestatus-unknown",
    "nodetype",
    "nodeweight",
    "nodesite",
    "nodelist",
    "iflist",
    "iflist-ping",
    "iflist-unknown",
    "ifstatus",
    "ifstatus-unknown",
    "clientstatus-local",
    "rscstatus",
    "getparm",
    "getparm-unset",
    "named-client",
    "casual-client",
    "errors",
];
