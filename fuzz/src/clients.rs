//! The socket of clients: streams of bytes in frames, and the desk that answers the clients.

use hbcore::id::Uuid;
use hbcore::wire::{Form, Structure};
use hbcore_linux::clients::{About, Conn, Credentials, Desk, Fact, NodeView, Output, Rules, View};
use hbcore_linux::ipc::{BODY_MAX, Composer, Inbox};

use crate::cuts::{Digest, pieces};

/// The most outputs of the desk for one input: a list of all nodes, and a message to all clients.
const OUTPUTS: usize = 16;
/// The number of connections.
const CONNS: u8 = 4;

/// The first byte decides where the stream is cut, which must change nothing. Each frame and each line of the stream is
/// then an input of the desk. The first byte of a line chooses one of four connections, or the cluster, as its source.
pub fn run(data: &[u8]) {
    let Some((&seed, stream)) = data.split_first() else { return };
    assert_eq!(frames([stream]), frames(pieces(stream, seed)), "it depends on the cuts");
    converse(stream);
}

fn frames<'s>(pieces: impl IntoIterator<Item = &'s [u8]>) -> Digest {
    let (mut inbox, mut found) = (Inbox::default(), Digest::default());
    for piece in pieces {
        inbox.push(piece);
        loop {
            match inbox.next(BODY_MAX) {
                Ok(Some(body)) => found.add(&body),
                Ok(None) => break,
                Err(_) => return found,
            }
        }
    }
    found
}

fn converse(stream: &[u8]) {
    let mut desk = desk();
    let (mut composer, mut conns, mut newest) = (Composer::default(), [0; CONNS as usize], 0);
    for line in stream.split(|byte| *byte == b'\n').take(64) {
        let Some((&first, words)) = line.split_first() else { continue };
        let who = usize::from(first % CONNS);
        if conns[who] == 0 {
            newest += 1;
            conns[who] = newest;
            desk.arrived(newest, Credentials { pid: 7, uid: 0, gid: 0 });
        }
        // `name=value` between blanks. This is shorter than a message, and nearly always is one.
        let message = composer.message(|w| {
            for word in words.split(|byte| *byte == b' ') {
                let end = word.iter().position(|byte| *byte == b'=').unwrap_or(word.len());
                let name = core::str::from_utf8(&word[..end]).unwrap_or("t");
                w.text(name, word.get(end + 1..).unwrap_or_default());
            }
        });
        let body = message.as_deref().unwrap_or(words);
        match first / CONNS % 8 {
            0 => desk.gone(conns[who], "EOF"),
            1 => desk.cluster_message(body),
            2 => desk.tell(&Fact::Status(body.to_vec())),
            _ => desk.received(conns[who], body, &|pid| pid < 100),
        }
        carry_out(&mut desk, &mut conns);
    }
}

fn carry_out(desk: &mut Desk, conns: &mut [Conn; CONNS as usize]) {
    let outputs = desk.take();
    assert!(outputs.len() <= OUTPUTS, "{} outputs", outputs.len());
    for output in outputs {
        match output {
            Output::Frame(_, bytes) => {
                let mut inbox = Inbox::default();
                inbox.push(&bytes);
                let body = inbox.next(BODY_MAX).expect("a good header").expect("a whole frame");
                assert!(inbox.is_empty() && Structure::local(&body).is_ok(), "no message");
            }
            Output::Cluster(message) => {
                let sent = Structure::local(&message).expect("a message");
                assert!(sent.text("t").is_some() || sent.field("t").is_some(), "a message without a type");
            }
            Output::Close(conn) => {
                conns.iter_mut().filter(|known| **known == conn).for_each(|known| *known = 0);
            }
            Output::QueueLimit(..) | Output::Signal(..) | Output::Log(..) => {}
        }
    }
}

fn desk() -> Desk {
    let mut desk = Desk::new(About {
        node: "a".to_owned(),
        deadtime_ms: 1000,
        keepalive_ms: 100,
        version: "3.0.6",
        pacemaker: "off".to_owned(),
        facility: -1,
        parameters: vec![("p".to_owned(), "v".to_owned())],
        form: Form::Classic,
        compression: hbcore_linux::compress::Algorithm::Zlib,
        manages: true,
        rules: Rules::numbered(&[("anon", &[0], &[]), ("default", &[0], &[])]),
    });
    let node = |name: &str, state: &str| NodeView {
        name: name.to_owned(),
        is_ping: false,
        state: state.to_owned(),
        uuid: Uuid([1; 16]),
        weight: 100,
        links: vec![("l".to_owned(), true)],
    };
    desk.set_view(View { nodes: vec![node("a", "active"), node("b", "active")], resources: "all" });
    desk
}
