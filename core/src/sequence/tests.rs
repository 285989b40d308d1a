use super::*;
use proptest::prelude::*;
use std::vec::Vec;

fn after(numbers: &[u64]) -> Window {
    let mut window = Window::default();
    for n in numbers {
        window.arrive(Sequence(*n));
    }
    window
}

#[test]
fn any_first_number_is_accepted_and_nothing_older_is_missing() {
    let mut window = Window::default();
    assert_eq!(window.arrive(Sequence(5000)), Arrival::InOrder);
    assert_eq!(window.missing(), 0);
    assert_eq!(window.arrive(Sequence(4999)), Arrival::Old);
}

#[test]
fn gap_is_recorded_and_filled_in_any_order() {
    let mut window = after(&[1, 2]);
    assert_eq!(window.arrive(Sequence(6)), Arrival::Gap { lost: 3 });
    assert_eq!(window.missing_run(Sequence(0), Sequence(u64::MAX)), Some((Sequence(3), Sequence(5))));
    assert_eq!(window.arrive(Sequence(4)), Arrival::Filled);
    assert_eq!(window.arrive(Sequence(4)), Arrival::Old);
    assert_eq!(window.lowest_missing(), Some(Sequence(3)));
    assert_eq!(window.arrive(Sequence(6)), Arrival::Duplicate);
    assert_eq!(window.arrive(Sequence(3)), Arrival::Filled);
    assert_eq!(window.arrive(Sequence(5)), Arrival::Filled);
    assert_eq!(window.missing(), 0);
}

#[test]
fn jump_of_250_is_asked_for_and_one_of_251_is_given_up() {
    assert_eq!(after(&[1]).arrive(Sequence(252)), Arrival::Gap { lost: 250 });
    let mut window = after(&[1, 3]);
    assert_eq!(window.arrive(Sequence(255)), Arrival::LostTooMany { lost: 251 });
    assert_eq!(window.missing(), 0, "what was missing before is forgotten too");
}

#[test]
fn every_tenth_number_is_acknowledged_and_never_above_a_gap() {
    let mut window = after(&[1, 2, 3, 4]);
    assert_eq!(window.acknowledge(5), None);
    window.arrive(Sequence(5));
    assert_eq!(window.acknowledge(5), Some(Sequence(5)));
    assert_eq!(window.acknowledge(5), None, "once each");
    for n in (6..=25).chain(27..=51).chain(53..=60) {
        window.arrive(Sequence(n));
    }
    assert_eq!(window.acknowledge(5), Some(Sequence(25)));
    window.arrive(Sequence(26));
    assert_eq!(window.acknowledge(5), Some(Sequence(45)), "26 supplied, 52 still missing");
}

#[test]
fn largest_numbers_do_no_harm() {
    let mut window = after(&[u64::MAX - 2]);
    assert_eq!(window.arrive(Sequence(u64::MAX)), Arrival::Gap { lost: 1 });
    for residue in 0..10 {
        window.acknowledge(residue);
    }
    assert_eq!(window.arrive(Sequence(u64::MAX - 1)), Arrival::Filled);
    assert_eq!(window.arrive(Sequence(0)), Arrival::Old);
}

#[test]
fn forgetting_keeps_the_generation() {
    let mut window = after(&[7, 9]);
    window.generation = Generation(3);
    window.forget();
    assert_eq!((window.generation, window.newest(), window.missing()), (Generation(3), None, 0));
    assert_eq!(window.arrive(Sequence(9)), Arrival::Old, "in the same run it was taken already");
    assert_eq!(window.arrive(Sequence(10)), Arrival::InOrder);
}

#[test]
fn new_run_begins_with_any_number() {
    let mut window = after(&[7, 9]);
    window.restart(Generation(4));
    assert_eq!((window.generation, window.newest(), window.missing()), (Generation(4), None, 0));
    assert_eq!(window.arrive(Sequence(1)), Arrival::InOrder);
}

#[test]
fn duplicate_or_old_message_is_not_new() {
    let gaps = [Arrival::Gap { lost: 2 }, Arrival::LostTooMany { lost: 300 }];
    for new in [Arrival::InOrder, Arrival::Filled].into_iter().chain(gaps) {
        assert!(new.is_new(), "{new:?}");
    }
    for known in [Arrival::Duplicate, Arrival::Old] {
        assert!(!known.is_new(), "{known:?}");
    }
}

#[test]
fn newest_number_and_what_is_missing_are_told() {
    let window = after(&[1, 4]);
    assert_eq!((window.newest(), window.missing()), (Some(Sequence(4)), 2));
}

#[test]
fn after_a_jump_the_number_itself_is_acknowledged() {
    assert_eq!(after(&[1, 1000]).acknowledge(0), Some(Sequence(1000)));
}

#[test]
fn which_tenth_number_is_acknowledged_is_counted_from_zero_again() {
    let numbers: Vec<u64> = (1..=19).collect();
    for residue in [3, 13, 43] {
        assert_eq!(after(&numbers).acknowledge(residue), Some(Sequence(13)), "{residue}");
    }
}

proptest! {
    /// For all arrivals, the window agrees with a model that remembers everything.
    #[test]
    fn agrees_with_a_model_that_remembers_everything(steps in prop::collection::vec(1u64..900, 1..200)) {
        let mut window = Window::default();
        let mut missing = std::collections::BTreeSet::new();
        let mut newest: Option<u64> = None;
        for n in steps {
            let expected = match newest {
                None => { newest = Some(n); Arrival::InOrder }
                Some(s) if n == s => Arrival::Duplicate,
                Some(s) if n < s => if missing.remove(&n) { Arrival::Filled } else { Arrival::Old },
                Some(s) => {
                    newest = Some(n);
                    let lost = n - s - 1;
                    if lost > MAX_GAP { missing.clear(); Arrival::LostTooMany { lost } }
                    else { missing.extend(s + 1..n); if lost == 0 { Arrival::InOrder } else { Arrival::Gap { lost } } }
                }
            };
            missing.retain(|m| newest.unwrap() - m < WINDOW);
            prop_assert_eq!(window.arrive(Sequence(n)), expected);
            prop_assert_eq!(window.lowest_missing().map(|s| s.0), missing.first().copied());
        }
    }
}
