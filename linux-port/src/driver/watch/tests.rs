use super::*;
use hbcore::wire::PacketError;

fn at(seconds: u64) -> Instant {
    Instant::ZERO.after(Duration::from_secs(seconds))
}

fn words(watch: &Watch, now: Instant) -> Vec<(&'static str, u32)> {
    watch.standing(now).iter().map(|standing| (standing.problem.word(), standing.times)).collect()
}

/// The end of a look that found nothing in the engine.
fn forget(watch: &mut Watch, now: Instant) {
    watch.expire(now, &[]);
}

#[test]
fn outsider_with_another_key_is_told_until_it_is_silent_for_a_minute() {
    let mut watch = Watch::default();
    let wrong = DatagramError::Packet(PacketError::BadDigest);
    for second in [0, 1, 50] {
        watch.dropped(at(second), || "192.0.2.9".to_owned(), wrong, b"");
    }
    assert_eq!(words(&watch, at(50)), [("foreign-key", 3)]);
    forget(&mut watch, at(109));
    assert_eq!(words(&watch, at(109)), [("foreign-key", 3)]);
    forget(&mut watch, at(110));
    assert_eq!(words(&watch, at(110)), []);
}

#[test]
fn damaged_and_repeated_packets_are_no_problem() {
    let mut watch = Watch::default();
    let from = || panic!("nobody is told of it");
    watch.dropped(at(0), from, DatagramError::Replayed, b"");
    watch.dropped(at(0), from, DatagramError::UnknownLink, b"");
    assert_eq!(words(&watch, at(0)), []);
}

#[test]
fn flood_of_outsiders_fills_no_more_than_its_place() {
    let mut watch = Watch::default();
    for n in 0..1000 {
        watch.dropped(at(0), || format!("192.0.2.{n}"), DatagramError::NameConflict, b"");
    }
    assert_eq!(watch.standing(at(0)).len(), KEPT_OF_OUTSIDERS);
    let ours = || vec![Problem::RunsNowhere { group: "web".to_owned() }];
    assert_eq!(watch.keep(at(1), ours()).len(), 1, "there is a place for it");
    assert_eq!(watch.keep(at(2), ours()).len(), 0, "it is known");
}

#[test]
fn problem_without_a_place_is_not_told_as_new_at_each_look() {
    let mut watch = Watch::default();
    let found = || (0..=KEPT).map(|n| Problem::RunsNowhere { group: n.to_string() }).collect::<Vec<_>>();
    assert_eq!(watch.keep(at(0), found()).len(), KEPT);
    assert_eq!(watch.keep(at(1), found()).len(), 0);
    watch.expire(at(2), &found()[1..]);
    assert_eq!(watch.keep(at(2), found()[1..].to_vec()).len(), 1, "one is over, and the last has its place");
}

#[test]
fn clock_that_is_set_is_told_for_ten_minutes_and_one_that_drifts_is_not() {
    let mut watch = Watch::default();
    for (now, wall) in [(0, 1000), (1, 1001), (2, 1004), (3, 1003), (4, 1004)] {
        watch.look_at_clock(at(now), wall);
    }
    assert_eq!(words(&watch, at(4)), [], "two seconds are no step");
    watch.look_at_clock(at(5), 904);
    let standing = watch.standing(at(5));
    assert_eq!(
        standing.first().map(|s| s.problem.to_string()).as_deref(),
        Some("the clock of this node was set by -101 s")
    );
    forget(&mut watch, at(604));
    assert_eq!(words(&watch, at(604)), [("clock-jumped", 1)]);
    forget(&mut watch, at(605));
    assert_eq!(words(&watch, at(605)), []);
}
