//! The messages that are sent, and the trust in those that come.

use super::*;

#[test]
fn heartbeat_is_at_most_150_bytes() {
    let site = Site { nodes: &["fourteen-chars", "bravo"], ..PAIR };
    let mut engine = engine(site, 0, 0x6b02_6ae8, Instant::from_millis(1));
    let mut buffer = [0; 2048];
    while engine.poll_transmit(&mut buffer).is_some() {}
    for _ in 0..300 {
        engine.advance(engine.next_deadline().unwrap());
        let mut classic = 0;
        while let Some(transmit) = engine.poll_transmit(&mut buffer) {
            if buffer.starts_with(b">>>") {
                classic += 1;
                assert!(transmit.len <= 150, "{}", transmit.len);
            }
        }
        assert!(classic <= 1);
    }
}

#[test]
fn forged_replayed_and_foreign_messages_change_nothing() {
    let mut world = World::started(PAIR);
    let now = world.now;
    let write = |fields: &dyn Fn(&mut Writer<'_>)| {
        let mut buffer = [0; 1024];
        let keys = keys();
        let mut w = Writer::netstring(&mut buffer, &keys, false);
        fields(&mut w);
        let len = w.finish().unwrap();
        buffer[..len].to_vec()
    };
    let status = |w: &mut Writer<'_>, src: &str, seq: u64, hg: u64| {
        w.text("t", b"status");
        w.text("st", b"active");
        w.text("src", src.as_bytes());
        w.hex("seq", seq);
        w.hex("hg", hg);
        w.hex("ts", 1_800_000_000);
    };
    let generation = world.at(0).generation().0;
    let mut forged = write(&|w| status(w, "alpha", 900, generation));
    *forged.last_mut().unwrap() = b'!';
    let stranger = write(&|w| status(w, "zulu", 1, 1));
    let replay = write(&|w| status(w, "alpha", 900, generation - 1));
    let our_name = write(&|w| status(w, "bravo", 1, u64::MAX));
    let engine = world.hosts[1].engine.as_mut().unwrap();
    assert!(matches!(engine.handle(now, LinkId(0), &forged), Err(crate::DatagramError::Packet(_))));
    assert_eq!(engine.handle(now, LinkId(0), &stranger), Err(crate::DatagramError::UnknownNode));
    assert_eq!(engine.handle(now, LinkId(0), &replay), Err(crate::DatagramError::Replayed));
    assert_eq!(engine.handle(now, LinkId(0), &our_name), Err(crate::DatagramError::NameConflict));
    assert_eq!(engine.handle(now, LinkId(9), &stranger), Err(crate::DatagramError::UnknownLink));
    let stats = engine.stats();
    let counted = stats.malformed + stats.not_authentic + stats.unknown_node + stats.replayed + stats.name_conflicts;
    assert_eq!(counted + stats.unknown_link, 5);
    world.run(MS(100));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0], std::vec![1]));
}

#[test]
fn request_for_everything_gets_one_refusal_and_bounded_retransmissions() {
    let mut world = World::started(PAIR);
    world.run(MS(20_000));
    let mut buffer = [0; 1024];
    let keys = keys();
    let mut w = Writer::netstring(&mut buffer, &keys, false);
    w.text("t", b"NS_rexmit");
    w.text("dest", b"bravo");
    w.decimal("firstseq", 1);
    w.decimal("lastseq", u64::MAX);
    w.text("src", b"alpha");
    w.hex("hg", world.at(0).generation().0);
    w.hex("ts", 1_800_000_000);
    let len = w.finish().unwrap();
    let (now, acknowledged) = (world.now, Sequence(0));
    let engine = world.hosts[1].engine.as_mut().unwrap();
    engine.node_mut(NodeId(0)).unwrap().acknowledged = acknowledged;
    engine.handle(now, LinkId(0), &buffer[..len]).unwrap();
    let mut out = [0; 2048];
    let oldest = engine.history.oldest_sequence();
    let (mut sent, mut refused) = (0, Vec::new());
    while let Some(transmit) = engine.poll_transmit(&mut out) {
        sent += 1;
        let header = Header::parse(wire::open(&out[..transmit.len], &keys).unwrap()).unwrap();
        if header.kind == MessageType::Nak {
            refused.push(header.sequence_range());
        }
    }
    assert!((2..=51).contains(&sent), "{sent}");
    assert_eq!(refused, [Some((Sequence(1), Sequence(oldest.0 - 1)))]);
}

#[test]
fn acknowledgements_keep_the_sender_uncongested() {
    let mut world = World::started(PAIR);
    world.run(MS(10_000));
    assert!(world.at(0).history.next_sequence() > Sequence(1000));
    assert!(!world.at(0).is_congested() && !world.at(1).is_congested());
}

#[test]
fn every_message_fits_also_with_the_longest_names() {
    const LONG: [&str; 2] = [
        "alpha-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "bravo-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ];
    assert_eq!(LONG[0].len(), crate::id::NAME_MAX);
    let mut world = World::new(Site { nodes: &LONG, ..PAIR });
    world.start(0);
    world.start(1);
    world.run(MS(300));
    assert_eq!((world.owners(0), world.owners(1)), (std::vec![0], std::vec![1]));
    assert_eq!((world.at(0).stats().oversize, world.at(1).stats().oversize), (0, 0));
}

#[test]
fn child_of_a_3_0_6_does_not_know_what_its_parent_has_taken() {
    let mut world = World::started(PAIR);
    let (now, generation) = (world.now, world.at(0).generation().0);
    let mut seq = 900;
    let mut report = |world: &mut World, hold: &[u8], info: Option<&[u8]>| {
        let mut buffer = [0; 1024];
        let keys = keys();
        let mut w = Writer::netstring(&mut buffer, &keys, false);
        for (name, text) in
            [("t", &b"resource"[..]), ("rtype", b"full"), ("isstable", b"1"), ("rsc_hold", hold), ("src", b"alpha")]
        {
            w.text(name, text);
        }
        if let Some(info) = info {
            w.text("info", info);
        }
        w.hex("seq", seq);
        w.hex("hg", generation);
        w.hex("ts", 1_800_000_000);
        seq += 1;
        let len = w.finish().unwrap();
        let engine = world.hosts[1].engine.as_mut().unwrap();
        engine.handle(now, LinkId(0), &buffer[..len]).unwrap();
        engine.takeover().other_holds().foreign
    };
    // A report of an hbcore node would count in full, but its dialect belongs to its run.
    world.hosts[1].engine.as_mut().unwrap().takeover.on_restart(NodeId(0));
    assert!(report(&mut world, b"all", None));
    assert!(report(&mut world, b"local", Some(b"req_our_resources()")), "what it was when the child began");
    assert!(!report(&mut world, b"local", None), "the parent knows");
}

/// They stand in the value of the field of hbcore nodes, which a 3.0.6 ignores.
#[test]
fn digest_and_release_reach_the_other_node_with_what_it_says_of_resources() {
    let mut world = World::new(PAIR);
    for (host, digest) in [(0, 7), (1, 8)] {
        world.start(host);
        world.hosts[host].engine.as_mut().unwrap().nodes[host].told.introduce("1.2.3", digest);
    }
    world.run(MS(2000));
    for (host, other, digest) in [(0, 1, 8), (1, 0, 7)] {
        let told = world.at(host).node(NodeId(other)).unwrap().told;
        assert_eq!((told.is_ours, told.release.as_str(), told.digest), (true, "1.2.3", Some(digest)));
        assert_eq!(told.clock_ahead, 0);
    }
    // A new run that tells nothing has told nothing.
    world.kill(0);
    world.run(MS(100));
    world.start(0);
    world.run(MS(2000));
    let told = world.at(1).node(NodeId(0)).unwrap().told;
    assert_eq!((told.is_ours, told.digest), (true, None));
}
