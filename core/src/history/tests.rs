use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::vec::Vec;

const QUIET: Duration = Duration::from_millis(240);

fn put<const B: usize>(history: &mut History<B>, text: &[u8]) -> bool {
    history.push(text.len(), |out| {
        out.copy_from_slice(text);
        Some(text.len())
    })
}

#[test]
fn messages_leave_in_the_order_in_which_they_were_written() {
    let mut history = History::<256>::new();
    assert!(put(&mut history, b"one") && put(&mut history, b"two"));
    assert_eq!(history.take_unsent(), Some(&b"one"[..]));
    assert!(put(&mut history, b"three"));
    assert_eq!(history.take_unsent(), Some(&b"two"[..]));
    assert_eq!(history.take_unsent(), Some(&b"three"[..]));
    assert_eq!(history.take_unsent(), None);
    assert_eq!(history.next_sequence(), Sequence(4));
}

#[test]
fn a_message_is_repeated_once_per_quiet_time() {
    let mut history = History::<256>::new();
    put(&mut history, b"one");
    put(&mut history, b"two");
    while history.take_unsent().is_some() {}
    let at = Instant::from_millis;
    assert_eq!(history.request(at(1000), Sequence(1), Sequence(1), 50, QUIET), Ok(()));
    assert_eq!(history.take_resend(at(1000)), Some(&b"one"[..]));
    assert_eq!(history.request(at(1239), Sequence(1), Sequence(1), 50, QUIET), Ok(()));
    assert_eq!(history.take_resend(at(1239)), None);
    assert_eq!(history.request(at(1240), Sequence(1), Sequence(2), 50, QUIET), Ok(()));
    assert_eq!(history.take_resend(at(1240)), Some(&b"one"[..]));
    assert_eq!(history.take_resend(at(1240)), Some(&b"two"[..]));
}

#[test]
fn what_is_gone_or_not_written_is_refused() {
    let mut history = History::<64>::new();
    for _ in 0..10 {
        put(&mut history, b"0123456789");
        history.take_unsent();
    }
    let ask = |h: &mut History<64>, n| h.request(Instant::from_millis(1), Sequence(n), Sequence(n), 50, QUIET);
    assert_eq!(ask(&mut history, 3), Err((Sequence(3), Unavailable::TooOld)));
    assert_eq!(ask(&mut history, 10), Ok(()));
    assert_eq!(ask(&mut history, 11), Err((Sequence(11), Unavailable::NotYet)));
}

#[test]
fn a_message_larger_than_the_ring_is_refused_and_takes_no_number() {
    let mut history = History::<64>::new();
    assert!(!put(&mut history, &[b'x'; 60]));
    assert_eq!(history.next_sequence(), Sequence(1));
}

#[test]
fn at_most_500_messages_are_kept() {
    let mut history = History::<16384>::new();
    for _ in 0..501 {
        put(&mut history, b"m");
        history.take_unsent();
    }
    let gone = history.request(Instant::from_millis(1), Sequence(1), Sequence(1), 1, QUIET);
    assert_eq!(gone, Err((Sequence(1), Unavailable::TooOld)));
}

proptest! {
    /// Whatever the sizes, what comes out is what a plain queue would give, less what was counted as overrun.
    #[test]
    fn behaves_like_a_queue(steps in prop::collection::vec((0usize..60, any::<bool>()), 1..300)) {
        let mut history = History::<200>::new();
        let mut queue: VecDeque<Vec<u8>> = VecDeque::new();
        let mut number = 0u8;
        for (len, take) in steps {
            number = number.wrapping_add(1);
            let text = std::vec![number; len];
            let before = history.overrun();
            prop_assert!(put(&mut history, &text));
            for _ in before..history.overrun() { queue.pop_front(); }
            queue.push_back(text);
            if take {
                let expected = queue.pop_front();
                prop_assert_eq!(history.take_unsent().map(<[u8]>::to_vec), expected);
            }
            let newest = Sequence(history.next_sequence().0 - 1);
            prop_assert_eq!(history.request(Instant::from_millis(1), newest, newest, 1, Duration::ZERO), Ok(()));
            while history.take_resend(Instant::from_millis(1)).is_some() {}
        }
    }
}
