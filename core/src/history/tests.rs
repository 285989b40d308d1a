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
fn message_is_repeated_once_per_quiet_time() {
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
fn request_for_messages_not_kept_or_not_written_is_refused() {
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
fn message_larger_than_the_ring_is_refused_and_takes_no_number() {
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

/// A ring of 64 bytes, which four messages of three bytes fill, with the messages `numbers`. The text of each message
/// is its number.
fn ring(numbers: core::ops::RangeInclusive<u64>) -> History<64> {
    let mut history = History::new();
    for number in numbers {
        assert!(put(&mut history, text(number).as_bytes()));
    }
    history
}

fn text(number: u64) -> std::string::String {
    std::format!("{number:03}")
}

/// The numbers that are available. Checks that each of them is the right message.
fn kept<const B: usize>(history: &History<B>) -> Vec<u64> {
    let numbers = (0..history.next_sequence().0 + 3).filter(|n| history.get(Sequence(*n)).is_some());
    numbers.inspect(|n| assert_eq!(history.get(Sequence(*n)).unwrap(), text(*n).as_bytes())).collect()
}

/// The numbers that are retransmitted now.
fn repeated<const B: usize>(history: &mut History<B>, now: Instant) -> Vec<u64> {
    let mut numbers = Vec::new();
    while history.has_resends() && numbers.len() < 10 {
        let again = history.take_resend(now).unwrap();
        numbers.push(core::str::from_utf8(again).unwrap().parse().unwrap());
    }
    assert_eq!(history.take_resend(now), None);
    numbers
}

const EARLY: Instant = Instant::from_millis(100);

#[test]
fn ring_that_is_exactly_full_drops_one_message_for_each_new_one_and_counts_those_that_never_left() {
    let mut history = ring(1..=4);
    assert_eq!((kept(&history), history.overrun()), (std::vec![1, 2, 3, 4], 0));
    history.take_unsent();
    put(&mut history, text(5).as_bytes());
    assert_eq!((kept(&history), history.oldest_sequence(), history.overrun()), (std::vec![2, 3, 4, 5], Sequence(2), 0));
    for number in 6..=7 {
        put(&mut history, text(number).as_bytes());
    }
    assert_eq!((kept(&history), history.overrun()), (std::vec![4, 5, 6, 7], 2));
    for number in 4..=7 {
        assert!(history.has_unsent());
        assert_eq!(history.take_unsent(), Some(text(number).as_bytes()));
    }
    assert!(!history.has_unsent());
    assert_eq!(history.take_unsent(), None);
}

#[test]
fn message_that_does_not_fit_at_the_top_lies_at_the_bottom() {
    let mut history = History::<64>::new();
    for number in 1..=7u8 {
        assert!(put(&mut history, &[number; 10]));
        assert_eq!(history.take_unsent(), Some(&[number; 10][..]));
        let oldest = u64::from(number).saturating_sub(1).max(1);
        assert_eq!(history.oldest_sequence(), Sequence(oldest), "two fit, and the end of the ring stays free");
        assert_eq!(history.get(Sequence(oldest)), Some(&[oldest as u8; 10][..]));
        assert_eq!(history.get(Sequence(u64::from(number))), Some(&[number; 10][..]));
    }
}

#[test]
fn message_as_large_as_the_ring_drops_all_others() {
    let mut history = ring(1..=3);
    assert!(put(&mut history, &[b'x'; 51]));
    assert_eq!((history.oldest_sequence(), history.overrun()), (Sequence(4), 3));
    assert_eq!(history.take_unsent(), Some(&[b'x'; 51][..]));
    assert!(!put(&mut history, &[b'x'; 52]));
}

#[test]
fn message_that_is_not_written_takes_no_number_and_one_that_is_shorter_no_more_than_its_length() {
    let mut history = ring(1..=1);
    assert!(!history.push(30, |_| None));
    assert_eq!(history.next_sequence(), Sequence(2));
    for number in 2..=4 {
        let write = |out: &mut [u8]| {
            out[..3].copy_from_slice(text(number).as_bytes());
            Some(3)
        };
        assert!(history.push(if number == 2 { 30 } else { 3 }, write));
    }
    assert_eq!(kept(&history), [1, 2, 3, 4]);
}

#[test]
fn message_that_was_never_sent_goes_before_one_that_is_to_be_sent_again() {
    let mut history = ring(1..=2);
    assert_eq!(history.last_taken(), None);
    assert_eq!(history.take(EARLY), Some(&b"001"[..]));
    assert_eq!(history.request(EARLY, Sequence(1), Sequence(1), 1, QUIET), Ok(()));
    assert!(history.has_unsent() && history.has_resends());
    assert_eq!(history.take(EARLY), Some(&b"002"[..]));
    assert_eq!(history.last_taken(), Some(&b"002"[..]));
    assert!(!history.has_unsent() && history.has_resends());
    assert_eq!(history.take(EARLY), Some(&b"001"[..]));
    assert_eq!(history.last_taken(), Some(&b"001"[..]));
    assert!(!history.has_resends());
    assert_eq!(history.take(EARLY), None);
}

#[test]
fn message_that_was_taken_last_is_forgotten_when_it_is_dropped_and_not_before() {
    let mut history = ring(1..=4);
    history.take_unsent();
    history.take_unsent();
    put(&mut history, text(5).as_bytes());
    assert_eq!(history.last_taken(), Some(&b"002"[..]));
    put(&mut history, text(6).as_bytes());
    assert_eq!(history.last_taken(), None);
}

#[test]
fn request_is_served_in_order_and_up_to_its_limit() {
    let ask = |first, last, most| {
        let mut history = ring(1..=4);
        let told = history.request(EARLY, Sequence(first), Sequence(last), most, QUIET);
        (told, repeated(&mut history, EARLY))
    };
    assert_eq!(ask(1, 4, 50), (Ok(()), std::vec![1, 2, 3, 4]));
    assert_eq!(ask(2, 3, 50), (Ok(()), std::vec![2, 3]));
    assert_eq!(ask(2, 4, 2), (Ok(()), std::vec![2, 3]));
    assert_eq!(ask(3, 9, 2), (Err((Sequence(5), Unavailable::NotYet)), std::vec![3, 4]));
    assert_eq!(ask(2, 9, 2), (Ok(()), std::vec![2, 3]));
    assert_eq!(ask(7, 9, 2), (Err((Sequence(7), Unavailable::NotYet)), std::vec![]));
    assert_eq!(ask(0, 3, 2), (Err((Sequence(0), Unavailable::TooOld)), std::vec![]));
}

#[test]
fn message_that_is_asked_for_twice_is_sent_once_and_never_after_it_was_dropped() {
    let mut history = ring(1..=4);
    for _ in 0..2 {
        history.request(EARLY, Sequence(2), Sequence(3), 50, QUIET).unwrap();
    }
    assert_eq!(repeated(&mut history, EARLY), [2, 3]);
    let later = EARLY.after(QUIET);
    history.request(later, Sequence(1), Sequence(2), 50, QUIET).unwrap();
    put(&mut history, text(5).as_bytes());
    assert!(history.has_resends());
    put(&mut history, text(6).as_bytes());
    assert!(!history.has_resends(), "both were dropped");
    assert_eq!(history.take_resend(later), None);
    history.request(later, Sequence(4), Sequence(6), 50, QUIET).unwrap();
    put(&mut history, text(7).as_bytes());
    assert_eq!(repeated(&mut history, later), [4, 5, 6], "the one that was dropped was not asked for");
}

proptest! {
    /// With messages of all sizes, the ring returns the same as a plain queue, less the messages that it counted as
    /// overrun.
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
