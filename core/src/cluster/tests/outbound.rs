//! The messages on each link, and their form: Ethernet, a serial line, and a ping node beside each other.

use super::configuring::node;
use super::identity::{From, message};
use super::*;
use crate::id::LinkSet;

const ETHERNET: LinkId = LinkId(0);
const CABLE: LinkId = LinkId(1);
const ROUTER: LinkId = LinkId(2);
const A: NodeId = NodeId(0);
const BRAVO: NodeId = NodeId(1);

/// bravo, with one link of each kind.
fn bravo() -> Engine {
    let nodes = [node("alpha"), node("bravo"), NodeConfig { kind: NodeKind::Ping, ..node("router") }];
    let links = [LinkForm::Datagram, LinkForm::Serial { baud: 0 }, LinkForm::Ping(NodeId(2))];
    let config = Config { local: BRAVO, ..sound(&nodes, &links, &[]) };
    Engine::new(&config, keys(), Instant::from_millis(1), 1_800_000_000).unwrap()
}

/// A message: its links, whether it has the classic form, and some fields as text, in order.
#[derive(Debug, PartialEq, Eq)]
struct Sent {
    links: Vec<u8>,
    is_classic: bool,
    fields: Vec<std::string::String>,
}

fn links(set: LinkSet) -> Vec<u8> {
    set.iter().map(|link| link.0).collect()
}

/// All messages that wait to be sent, with these fields of them.
fn sent(engine: &mut Engine, names: &[&str]) -> Vec<Sent> {
    let mut buffer = [0; 4096];
    let mut all = Vec::new();
    while let Some(transmit) = engine.poll_transmit(&mut buffer) {
        let bytes = &buffer[..transmit.len];
        let message = wire::open(bytes, &keys()).unwrap();
        let text = |name: &&str| message.text(name).map(|text| std::string::String::from_utf8(text.to_vec()).unwrap());
        let fields = names.iter().map(|name| text(name).unwrap_or_default()).collect();
        all.push(Sent { links: links(transmit.links), is_classic: bytes.starts_with(b">>>"), fields });
    }
    all
}

/// A serial line rests between two messages. This waits long enough for all of them.
fn sent_in_time(engine: &mut Engine, names: &[&str]) -> Vec<Sent> {
    let mut all = Vec::new();
    for _ in 0..100 {
        all.extend(sent(engine, names));
        let now = engine.now.after(MS(1));
        engine.set_now(now);
    }
    all
}

#[test]
fn message_leaves_once_for_ethernet_and_once_in_lines_for_the_cable() {
    let mut engine = bravo();
    sent_in_time(&mut engine, &[]);
    let now = engine.now;
    engine.send_for_client(now, &[("t", b"custom")]).unwrap();
    let all = sent_in_time(&mut engine, &["t", "seq", "ttl"]);
    let of_client: Vec<_> = all.iter().filter(|sent| sent.fields[0] == "custom").collect();
    let forms: Vec<_> = of_client.iter().map(|sent| (sent.links.clone(), sent.is_classic)).collect();
    assert_eq!(forms[..2], [(std::vec![ETHERNET.0], false), (std::vec![CABLE.0], true)]);
    assert_eq!(of_client[0].fields[1], of_client[1].fields[1], "the same number");
    assert_eq!(of_client[0].fields[2], "4", "hopfudge, and one for each node");
}

#[test]
fn compact_heartbeat_leaves_once_for_both() {
    let mut engine = bravo();
    sent_in_time(&mut engine, &[]);
    let now = engine.next_heartbeat;
    engine.advance(now);
    let all = sent(&mut engine, &["t"]);
    let status: Vec<_> = all.iter().filter(|sent| sent.fields == ["status"]).collect();
    assert_eq!(status.first().map(|sent| (&*sent.links, sent.is_classic)), Some((&[0, 1][..], true)));
}

#[test]
fn ping_node_is_asked_with_each_heartbeat_under_its_own_name() {
    let mut engine = bravo();
    sent_in_time(&mut engine, &[]);
    let now = engine.next_heartbeat;
    engine.advance(now);
    let all = sent(&mut engine, &["t", "st", "src"]);
    let asked: Vec<_> = all.iter().filter(|sent| sent.links == [ROUTER.0]).collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].fields, ["NS_st", "ping", "router"]);
}

#[test]
fn acknowledgement_and_refusal_leave_in_both_forms() {
    for (range, lastseq) in [((5, 5), ""), ((5, 9), "9")] {
        let mut engine = bravo();
        sent_in_time(&mut engine, &[]);
        engine.nodes[0].ack_due = Some(Sequence(0x1f));
        engine.nodes[0].refusal = Some(crate::node::Refusal { first: Sequence(range.0), last: Sequence(range.1) });
        engine.serve(A);
        let all = sent_in_time(&mut engine, &["t", "ackseq", "firstseq", "lastseq", "dest"]);
        let of = |kind: &str| -> Vec<_> {
            let sent = all.iter().filter(|sent| sent.fields[0] == kind);
            sent.map(|sent| (sent.links[0], sent.is_classic, sent.fields[1..].join(" "))).collect()
        };
        let twice = |text: std::string::String| [(0, false, text.clone()), (1, true, text)];
        assert_eq!(of("NS_ackmsg")[..2], twice("1f   alpha".into()));
        assert_eq!(of("NS_nak_rexmit")[..2], twice(std::format!(" 5 {lastseq} alpha")));
    }
}

#[test]
fn gap_is_requested_in_runs_and_counted() {
    let mut engine = bravo();
    sent_in_time(&mut engine, &[]);
    engine.timing.initdead = MS(5000);
    for (kind, seq) in [("status", 10), ("starting", 130)] {
        let from = From { name: "alpha", uuid: Uuid([1; 16]), seq: Some(seq), generation: 7 };
        let now = engine.now;
        engine.handle(now, ETHERNET, &message(kind, from, &[])).unwrap();
    }
    let mut asked = Vec::new();
    for _ in 0..260 {
        let now = engine.now.after(MS(1));
        engine.advance(now);
        asked.extend(sent(&mut engine, &["t", "firstseq", "lastseq"]));
    }
    let asked: Vec<_> =
        asked.iter().filter(|s| s.fields[0] == "NS_rexmit" && !s.is_classic).map(|s| &s.fields).collect();
    let runs = [["NS_rexmit", "11", "60"], ["NS_rexmit", "61", "110"], ["NS_rexmit", "111", "129"]];
    assert_eq!(asked, runs.each_ref());
    assert_eq!(engine.stats().requested_repeats, 119);
}
