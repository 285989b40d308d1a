//! Whether another host has an address of ours.
//!
//! One packet proves nothing: at a handover the last announcement of the earlier owner may come late, and after a
//! partition both nodes have an address until one has yielded. So a rival counts only if it speaks again a second
//! later, when it is probed. If the site wants that, the group is given up only for a rival that has spoken for longer
//! than a 3.0.6 announces an address that it brought up.

use hbcore::time::{Duration, Instant};

/// The times of probes after an address was brought up: at once, and when the earlier owner has had time to release it.
const PROBES: [Duration; 2] = [Duration::ZERO, Duration::from_secs(3)];
/// The time between two probes for a rival that was heard.
const PROBE_AGAIN: Duration = Duration::from_secs(1);
/// If a rival is heard again after this time, it has the address.
const CONFIRMED: Duration = Duration::from_millis(900);
/// 3.0.6 announces for five seconds.
const PERSISTS: Duration = Duration::from_secs(6);
/// If a rival is not heard for this long, in spite of probes, it is gone.
const SILENCE: Duration = Duration::from_secs(4);
/// The time between two log lines about the same rival.
const SAY_AGAIN: Duration = Duration::from_mins(1);

/// The rival of one address, if there is one.
#[derive(Debug)]
pub(super) struct Rivalry {
    taken: Instant,
    /// The number of [`PROBES`] that were sent.
    probes: usize,
    rival: Option<Rival>,
}

#[derive(Clone, Copy, Debug)]
struct Rival {
    mac: [u8; 6],
    since: Instant,
    last: Instant,
    probe: Instant,
    said: Option<Instant>,
}

/// The next step about a rival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// To send a probe.
    Probe,
    /// A reported rival is silent.
    Over,
}

impl Rivalry {
    pub(super) fn new(taken: Instant) -> Self {
        Self { taken, probes: 0, rival: None }
    }

    /// Another host spoke for the address. Returns whether to log that.
    pub(super) fn heard(&mut self, now: Instant, mac: [u8; 6]) -> bool {
        let probe = now.after(PROBE_AGAIN);
        let rival = self.rival.get_or_insert(Rival { mac, since: now, last: now, probe, said: None });
        rival.last = now;
        let is_other = std::mem::replace(&mut rival.mac, mac) != mac;
        let is_due = is_other || rival.said.is_none_or(|said| now.since(said) >= SAY_AGAIN);
        let is_said = is_due && rival.is_confirmed();
        if is_said {
            rival.said = Some(now);
        }
        is_said
    }

    /// The hardware address of a rival that certainly has the address.
    pub(super) fn rival(&self) -> Option<[u8; 6]> {
        self.rival.filter(Rival::is_confirmed).map(|rival| rival.mac)
    }

    /// Whether the rival has had the address long enough that a group should be given up for it.
    pub(super) fn persists(&self) -> bool {
        self.rival.is_some_and(|rival| rival.last.since(rival.since) >= PERSISTS)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let planned = PROBES.get(self.probes).map(|after| self.taken.after(*after));
        hbcore::time::earliest([planned, self.rival.map(|rival| rival.probe)])
    }

    /// Advances to `now`.
    pub(super) fn advance(&mut self, now: Instant) -> Option<Verdict> {
        if self.deadline().is_none_or(|at| at > now) {
            return None;
        }
        if PROBES.get(self.probes).is_some_and(|after| self.taken.after(*after) <= now) {
            self.probes = self.probes.saturating_add(1);
        }
        let Some(rival) = &mut self.rival else { return Some(Verdict::Probe) };
        if now.since(rival.last) >= SILENCE {
            let was_said = rival.said.is_some();
            self.rival = None;
            return was_said.then_some(Verdict::Over);
        }
        rival.probe = now.after(PROBE_AGAIN);
        Some(Verdict::Probe)
    }
}

impl Rival {
    fn is_confirmed(&self) -> bool {
        self.last.since(self.since) >= CONFIRMED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    /// Runs until `until`; a host with the address answers each probe while `answers`.
    fn run(rivalry: &mut Rivalry, until: u64, answers: bool) -> (Vec<u64>, Vec<u64>) {
        let (mut probes, mut said) = (vec![], vec![]);
        while let Some(now) = rivalry.deadline().filter(|at| *at <= self::at(until)) {
            let ms = now.since(at(0)).as_millis() as u64;
            if rivalry.advance(now) == Some(Verdict::Probe) {
                probes.push(ms);
                if answers && rivalry.heard(now, MAC) {
                    said.push(ms);
                }
            }
        }
        (probes, said)
    }

    #[test]
    fn address_without_a_rival_is_probed_for_twice() {
        assert_eq!(run(&mut Rivalry::new(at(0)), 1_000_000, false), (vec![0, 3000], vec![]));
    }

    #[test]
    fn rival_is_said_when_it_speaks_again_and_once_a_minute() {
        let mut rivalry = Rivalry::new(at(0));
        let (_, said) = run(&mut rivalry, 125_000, true);
        assert_eq!(said, [1000, 61_000, 121_000]);
        assert_eq!(rivalry.rival(), Some(MAC));
    }

    #[test]
    fn late_announcement_of_the_earlier_owner_is_no_conflict() {
        let mut rivalry = Rivalry::new(at(0));
        rivalry.advance(at(0));
        assert!(!rivalry.heard(at(10), MAC) && !rivalry.heard(at(260), MAC));
        assert_eq!(run(&mut rivalry, 60_000, false).1, Vec::<u64>::new());
        assert!(rivalry.rival().is_none() && !rivalry.persists() && rivalry.deadline().is_none());
    }

    #[test]
    fn rival_persists_after_six_seconds_and_is_over_when_it_is_silent() {
        let mut rivalry = Rivalry::new(at(0));
        run(&mut rivalry, 5900, true);
        assert!(rivalry.rival().is_some() && !rivalry.persists());
        run(&mut rivalry, 6100, true);
        assert!(rivalry.persists());
        let mut over = 0;
        while let Some(now) = rivalry.deadline() {
            over += usize::from(rivalry.advance(now) == Some(Verdict::Over));
        }
        assert_eq!((over, rivalry.rival()), (1, None));
    }
}
