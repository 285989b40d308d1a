//! Messages that scripts and clients of this node send to the cluster: the allowed ones, their form, and their effect
//! here.

use super::identity::{From, signed};
use super::*;
use crate::cluster::MessageError;
use crate::wire::Structure;
use std::string::String;

const THREE: Site = Site { nodes: &["alpha", "bravo", "charlie"], ..PAIR };

/// A field as a test compares it.
type Said = (String, Vec<u8>);

impl World {
    fn send(&mut self, fields: &[(&str, &str)]) -> Result<Vec<Said>, MessageError> {
        let fields: Vec<_> = fields.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        let now = self.now;
        self.hosts[0].engine.as_mut().unwrap().send_for_client(now, &fields)?;
        Ok(self.said())
    }

    fn send_as_it_is(&mut self, message: &[u8]) -> Result<Vec<Said>, MessageError> {
        let now = self.now;
        self.hosts[0].engine.as_mut().unwrap().send_structure(now, &Structure::local(message).unwrap())?;
        Ok(self.said())
    }

    /// The fields of the message of type `custom` that alpha has to send, in order; nothing if it has none.
    fn said(&mut self) -> Vec<Said> {
        let mut buffer = std::vec![0; 64 * 1024];
        let engine = self.hosts[0].engine.as_mut().unwrap();
        let mut said = Vec::new();
        while let Some(transmit) = engine.poll_transmit(&mut buffer) {
            let message = wire::open(&buffer[..transmit.len], &keys()).unwrap();
            if message.text("t") == Some(b"custom") {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                said = message.fields().map(|f| (text(f.name), f.raw().to_vec())).collect();
            }
        }
        said
    }
}

fn values<'s>(said: &'s [Said], name: &str) -> Vec<&'s [u8]> {
    said.iter().filter(|(n, _)| n == name).map(|(_, value)| &**value).collect()
}

#[test]
fn message_of_a_client_has_its_fields_in_order_and_our_header() {
    let mut world = World::started(PAIR);
    let said =
        world.send(&[("src", "evil"), ("b", "2"), ("t", "custom"), ("a", "1\t="), ("hg", "0"), ("seq", "1")]).unwrap();
    let names: Vec<_> = said.iter().map(|(name, _)| &**name).filter(|n| ["t", "a", "b"].contains(n)).collect();
    assert_eq!(names, ["t", "b", "a"]);
    assert_eq!((values(&said, "a"), values(&said, "src")), (std::vec![&b"1\t="[..]], std::vec![&b"alpha"[..]]));
    assert_eq!([values(&said, "hg").len(), values(&said, "seq").len()], [1, 1]);
    assert_ne!(values(&said, "hg"), [b"0"]);
}

#[test]
fn message_that_is_ours_to_send_or_has_no_type_is_refused() {
    let mut world = World::started(PAIR);
    assert_eq!(world.send(&[("a", "1")]), Err(MessageError::NoType));
    for ours in ["status", "resource", "starting", "NS_st", "NS_rexmit", "reqnodes", "NS_ackmsg"] {
        assert_eq!(world.send(&[("t", ours)]), Err(MessageError::Reserved), "{ours}");
        let bytes = std::format!(">>>\nt={ours}\n<<<\n");
        assert_eq!(world.send_as_it_is(bytes.as_bytes()), Err(MessageError::Reserved), "{ours}");
    }
    assert_eq!(world.send_as_it_is(b">>>\na=1\n<<<\n"), Err(MessageError::NoType));
    for allowed in ["custom", "addnode", "delnode", "setweight", "ip-request", "hb_takeover"] {
        assert!(world.send(&[("t", allowed)]).is_ok(), "{allowed}");
    }
}

#[test]
fn message_of_at_most_8_kib_is_sent() {
    let mut world = World::started(PAIR);
    // Each field counts as two bytes more.
    let most = "x".repeat(8192 - "tcustom".len() - "x".len() - 2 * 2);
    let said = world.send(&[("t", "custom"), ("x", &most)]).unwrap();
    assert_eq!(values(&said, "x"), [most.as_bytes()]);
    let more = most + "x";
    assert_eq!(world.send(&[("t", "custom"), ("x", &more)]), Err(MessageError::TooLong));
    assert_eq!(world.said(), [], "nothing was sent");
}

#[test]
fn field_that_a_message_cannot_carry_is_refused() {
    let mut world = World::started(PAIR);
    for name in ["", "a=b", "a b", "a\n", "\u{e4}"] {
        assert_eq!(world.send(&[("t", "custom"), (name, "1")]), Err(MessageError::BadField), "{name:?}");
    }
    for text in ["\0", "a\nb", "a\r"] {
        assert_eq!(world.send(&[("t", "custom"), ("a", text)]), Err(MessageError::BadField), "{text:?}");
    }
    assert!(world.send(&[("t", "custom"), ("a", "")]).is_ok());
}

#[test]
fn change_of_the_nodes_takes_effect_here_too() {
    let mut world = World::started(THREE);
    world.run(MS(200));
    world.send(&[("t", "setweight"), ("node", "bravo"), ("weight", "7")]).unwrap();
    assert_eq!(world.at(0).nodes.iter().map(|n| n.weight).collect::<Vec<_>>(), [100, 7, 100]);
    world.send_as_it_is(b">>>\nt=addnode\nnodelist=delta\n<<<\n").unwrap();
    assert_eq!(world.at(0).nodes.len(), 4);
    world.drain(0);
    assert!(world.saw(0, Event::NodeAdded(NodeId(3))));

    let mut world = World::started(THREE);
    world.run(MS(200));
    world.kill(2);
    world.run(MS(100));
    world.send(&[("t", "delnode"), ("nodelist", "charlie")]).unwrap();
    assert_eq!(world.at(0).nodes[2].kind, NodeKind::Removed);
}

#[test]
fn structure_is_sent_as_it_is_but_for_our_header() {
    let mut world = World::started(PAIR);
    let said = world.send_as_it_is(b">>>\nt=custom\nx=1\nsrc=evil\nx=2\nseq=5\n<<<\n").unwrap();
    assert_eq!(values(&said, "x"), [b"1", b"2"]);
    assert_eq!(values(&said, "src"), [b"alpha"]);
    assert_eq!((values(&said, "dest"), values(&said, "destuuid")), (std::vec![], std::vec![]), "it is for every node");
}

#[test]
fn field_of_the_header_keeps_its_place_and_gets_our_value() {
    let mut world = World::started(PAIR);
    let said = world.send_as_it_is(b">>>\nts=1\nsrc=evil\nt=custom\nsrc=worse\nx=2\nauth=1 0\n<<<\n").unwrap();
    let names: Vec<_> = said.iter().map(|(name, _)| &**name).filter(|name| *name != "auth").collect();
    assert_eq!(names, ["ts", "src", "t", "x", "srcuuid", "seq", "hg", "ld", "ttl"]);
    assert_eq!(values(&said, "src"), [b"alpha"]);
    assert_ne!(values(&said, "ts"), [b"1"]);
}

#[test]
fn name_and_identity_of_an_addressee_complete_each_other() {
    let bravo = Uuid([2; 16]);
    let mut world = World::started(PAIR);
    let said = world.send_as_it_is(b">>>\nt=custom\ndest=bravo\n<<<\n").unwrap();
    assert_eq!((values(&said, "dest"), values(&said, "destuuid")), (std::vec![&b"bravo"[..]], std::vec![&bravo.0[..]]));
    let from = From { name: "alpha", uuid: Uuid([1; 16]), seq: None, generation: 1 };
    let by_identity = |uuid: Uuid| signed("custom", from, |w| w.binary("destuuid", &uuid.0));
    let said = world.send_as_it_is(&by_identity(bravo)).unwrap();
    assert_eq!((values(&said, "dest"), values(&said, "destuuid")), (std::vec![&b"bravo"[..]], std::vec![&bravo.0[..]]));
    let said = world.send_as_it_is(&by_identity(Uuid([9; 16]))).unwrap();
    assert_eq!((values(&said, "dest").len(), values(&said, "destuuid").len()), (0, 1), "nobody is known by it");
    let said = world.send_as_it_is(b">>>\nt=custom\ndest=zulu\n<<<\n").unwrap();
    assert_eq!((values(&said, "dest").len(), values(&said, "destuuid").len()), (1, 0), "nobody is known by it");
}

/// The history of these engines holds 32 KiB, and needs room for twice a message's length.
#[test]
fn structure_that_the_history_cannot_hold_is_refused() {
    let mut world = World::started(PAIR);
    let of = |len: usize| std::format!(">>>\nt=custom\nx={}\n<<<\n", "x".repeat(len));
    assert_eq!(values(&world.send_as_it_is(of(14_000).as_bytes()).unwrap(), "x")[0].len(), 14_000);
    for long in [20_000, 24 * 1024, 200_000] {
        assert_eq!(world.send_as_it_is(of(long).as_bytes()), Err(MessageError::TooLong), "{long}");
        assert_eq!(world.said(), [], "nothing was sent");
    }
}

#[test]
fn peer_waits_half_a_minute_longer_for_a_node_that_restarts() {
    let mut world = World::started(PAIR);
    let now = world.now;
    let deadtime = |world: &World| world.at(1).nodes[0].deadtime;
    world.hosts[0].engine.as_mut().unwrap().announce_restart(now);
    world.drain(0);
    world.run_until(now.after(MS(5)), |w| deadtime(w) != MS(30));
    assert_eq!(deadtime(&world), MS(30_030));
    assert_eq!(world.at(0).timing.deadtime, MS(30));
    world.kill(0);
    world.run(MS(30_000));
    assert!(!world.saw(1, Event::NodeDead(NodeId(0))));
    world.run(MS(40));
    assert!(world.saw(1, Event::NodeDead(NodeId(0))));
}
