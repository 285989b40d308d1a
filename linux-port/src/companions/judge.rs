//! The decisions of `ipfail`: a state machine without I/O and without a clock (docs/protocol/clients.md 9.1).
//!
//! Each node counts the ping nodes that it reaches, and tells its peer. The node that reaches fewer gives its groups up
//! a moment later, unless the counts are equal by then: both nodes notice a router that fails, one after the other.

use std::time::{Duration, Instant};

/// How long after a give-up, or one that had to wait, the counts are exchanged anew. A daemon ignores a request while
/// another one is carried out, and tells nobody.
const AFTER_TRANSITION: Duration = Duration::from_secs(10);

/// The groups that are to be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// Everything.
    All,
    /// The groups whose home is the peer.
    Foreign,
}

impl Share {
    /// The word of the protocol.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Foreign => "foreign",
        }
    }
}

/// Something that has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// A ping node does not answer any more.
    PingDead,
    /// A ping node answers.
    PingUp,
    /// A link, or that of a ping node, is dead.
    LinkDead,
    /// `ipfail` of the partner has signed on.
    PartnerJoined,
    /// The number of ping nodes that the peer reaches.
    Count(u32),
    /// The partner reaches more than this node.
    TheyHaveMore,
    /// The partner reaches as many as this node.
    Balanced,
    /// The partner has moved what it had to move.
    PartnerStable,
    /// The moment has come that [`Judge::due`] names.
    Time,
}

/// The view of this node now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    /// The ping nodes that it reaches.
    pub pings: u32,
    /// The groups that run here; `None` while something moves.
    pub holds: Option<Held>,
}

/// The groups that run on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Nothing.
    Nothing,
    /// Nothing but what is at home here.
    Local,
    /// Also what is at home on the partner.
    Foreign,
}

/// The next steps, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Tell the partner how many ping nodes this node reaches.
    TellCount(u32),
    /// Tell the partner that it reaches less.
    TellLess,
    /// Tell the partner that the counts are equal.
    TellBalanced,
    /// Ask the cluster to move this.
    GiveUp(Share),
    /// For the log.
    Log(String),
}

/// The step that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intent {
    Nothing,
    /// To give up, then.
    GiveUp(Share, Instant),
    /// To give up; that was due while something moved.
    Postponed,
    /// To compare the counts, then.
    Compare(Instant),
}

/// The machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge {
    /// `auto_failback on`.
    gives_back: bool,
    delay: Duration,
    intent: Intent,
}

impl Judge {
    /// A machine for a cluster with this keepalive. `gives_back`: `auto_failback on`.
    pub(super) const fn new(gives_back: bool, keepalive: Duration) -> Self {
        Self { gives_back, delay: keepalive.saturating_mul(2), intent: Intent::Nothing }
    }

    /// When [`News::Time`] is to be told.
    pub(super) const fn due(&self) -> Option<Instant> {
        match self.intent {
            Intent::GiveUp(_, at) | Intent::Compare(at) => Some(at),
            Intent::Nothing | Intent::Postponed => None,
        }
    }

    /// Something has happened.
    pub(super) fn hear(&mut self, news: News, sight: Sight, now: Instant) -> Vec<Deed> {
        let Sight { pings, holds } = sight;
        match news {
            News::PingDead if pings > 0 => vec![log("NS: We are still alive!")],
            News::PingDead => vec![log("NS: We are dead. :<")],
            News::LinkDead if pings > 0 => vec![log("Checking remote count of ping nodes."), Deed::TellCount(pings)],
            News::LinkDead => vec![log("We are dead. :<"), Deed::TellCount(pings)],
            News::PingUp => vec![log("A ping node just came up."), Deed::TellCount(pings)],
            News::PartnerJoined => vec![Deed::TellCount(pings)],
            News::Count(theirs) if theirs < pings => vec![Deed::TellLess],
            News::Count(theirs) if theirs > pings => self.plan(Share::All, now),
            News::Count(_) => self.balanced(holds, now),
            News::TheyHaveMore => {
                let mut deeds = vec![log("Giving up because we were told that we have less ping nodes.")];
                deeds.extend(self.plan(Share::All, now));
                deeds
            }
            News::Balanced => self.abort(),
            News::PartnerStable if self.intent == Intent::Postponed => {
                self.intent = Intent::Compare(now + AFTER_TRANSITION);
                Vec::new()
            }
            News::PartnerStable => Vec::new(),
            News::Time => self.on_time(sight, now),
        }
    }

    fn balanced(&mut self, holds: Option<Held>, now: Instant) -> Vec<Deed> {
        let mut deeds = vec![log("Ping node count is balanced."), Deed::TellBalanced];
        if matches!(self.intent, Intent::GiveUp(..)) {
            deeds.extend(self.abort());
        } else if self.gives_back && holds == Some(Held::Foreign) {
            deeds.push(log("Giving up foreign resources (auto_failback)."));
            deeds.extend(self.plan(Share::Foreign, now));
        }
        deeds
    }

    fn plan(&mut self, share: Share, now: Instant) -> Vec<Deed> {
        self.intent = Intent::GiveUp(share, now + self.delay);
        vec![Deed::Log(format!("Delayed giveup in {} seconds.", self.delay.as_secs_f32()))]
    }

    fn abort(&mut self) -> Vec<Deed> {
        match self.intent {
            Intent::GiveUp(..) => {
                self.intent = Intent::Nothing;
                vec![log("Aborted delayed giveup")]
            }
            Intent::Postponed => {
                self.intent = Intent::Nothing;
                Vec::new()
            }
            Intent::Nothing | Intent::Compare(_) => vec![log("No giveup timer to abort.")],
        }
    }

    fn on_time(&mut self, Sight { pings, holds }: Sight, now: Instant) -> Vec<Deed> {
        match (self.intent, holds) {
            (Intent::GiveUp(share, at), _) if at > now => {
                self.intent = Intent::GiveUp(share, at);
                Vec::new()
            }
            (Intent::GiveUp(..), None) => {
                self.intent = Intent::Postponed;
                vec![
                    log("giveup() called (timeout worked)"),
                    log("Something is being moved: it is decided afterwards."),
                ]
            }
            (Intent::GiveUp(share, _), Some(held)) => {
                // Groups that do not run here need no move, on which the daemons would have to agree.
                let is_here = match share {
                    Share::All => held != Held::Nothing,
                    Share::Foreign => held == Held::Foreign,
                };
                self.intent = if is_here { Intent::Compare(now + AFTER_TRANSITION) } else { Intent::Nothing };
                let mut deeds = vec![log("giveup() called (timeout worked)")];
                deeds.extend(is_here.then_some(Deed::GiveUp(share)));
                deeds
            }
            (Intent::Compare(at), _) if at <= now => {
                self.intent = Intent::Nothing;
                vec![Deed::TellCount(pings)]
            }
            (Intent::Compare(_) | Intent::Nothing | Intent::Postponed, _) => Vec::new(),
        }
    }
}

fn log(text: &str) -> Deed {
    Deed::Log(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEPALIVE: Duration = Duration::from_millis(500);
    const FOREIGN: Option<Held> = Some(Held::Foreign);
    const LOCAL: Option<Held> = Some(Held::Local);

    struct World {
        judge: Judge,
        now: Instant,
    }

    impl World {
        fn new(gives_back: bool) -> Self {
            Self { judge: Judge::new(gives_back, KEEPALIVE), now: Instant::now() }
        }

        /// The steps without the words for the log.
        fn hear(&mut self, news: News, pings: u32, holds: Option<Held>) -> Vec<Deed> {
            let deeds = self.judge.hear(news, Sight { pings, holds }, self.now);
            deeds.into_iter().filter(|deed| !matches!(deed, Deed::Log(_))).collect()
        }

        /// The moment that is due has come.
        fn time(&mut self, pings: u32, holds: Option<Held>) -> Vec<Deed> {
            self.now = self.judge.due().expect("something is due");
            self.hear(News::Time, pings, holds)
        }
    }

    #[test]
    fn node_that_reaches_less_gives_everything_up_after_two_keepalives() {
        let mut world = World::new(true);
        assert_eq!(world.hear(News::LinkDead, 0, LOCAL), [Deed::TellCount(0)]);
        assert_eq!(world.hear(News::TheyHaveMore, 0, LOCAL), []);
        assert_eq!(world.judge.due(), Some(world.now + 2 * KEEPALIVE));
        assert_eq!(world.time(0, LOCAL), [Deed::GiveUp(Share::All)]);
    }

    #[test]
    fn give_up_that_is_ignored_is_asked_for_again() {
        let mut world = World::new(true);
        world.hear(News::TheyHaveMore, 0, LOCAL);
        assert_eq!(world.time(0, LOCAL), [Deed::GiveUp(Share::All)]);
        assert_eq!(world.judge.due(), Some(world.now + AFTER_TRANSITION));
        assert_eq!(world.time(0, LOCAL), [Deed::TellCount(0)], "the partner is asked whether it still has more");
        world.hear(News::TheyHaveMore, 0, LOCAL);
        assert_eq!(world.time(0, LOCAL), [Deed::GiveUp(Share::All)]);
        assert_eq!(world.time(0, LOCAL), [Deed::TellCount(0)]);
        world.hear(News::TheyHaveMore, 0, Some(Held::Nothing));
        assert_eq!(world.time(0, Some(Held::Nothing)), []);
        assert_eq!(world.judge.due(), None, "nothing is left to give");
    }

    #[test]
    fn node_that_reaches_more_says_so_and_keeps_what_it_has() {
        let mut world = World::new(true);
        assert_eq!(world.hear(News::Count(0), 1, LOCAL), [Deed::TellLess]);
        assert_eq!(world.judge.due(), None);
    }

    #[test]
    fn router_that_fails_for_both_moves_nothing() {
        let mut world = World::new(true);
        world.hear(News::LinkDead, 0, LOCAL);
        world.hear(News::TheyHaveMore, 0, LOCAL);
        assert_eq!(world.hear(News::Count(0), 0, LOCAL), [Deed::TellBalanced], "the partner does not reach it either");
        assert_eq!(world.judge.due(), None);
        world.hear(News::TheyHaveMore, 0, LOCAL);
        assert_eq!(world.hear(News::Balanced, 0, LOCAL), []);
        assert_eq!(world.judge.due(), None);
    }

    #[test]
    fn groups_of_the_partner_go_home_when_the_counts_are_equal() {
        let mut world = World::new(true);
        assert_eq!(world.hear(News::Count(1), 1, FOREIGN), [Deed::TellBalanced]);
        assert_eq!(world.time(1, FOREIGN), [Deed::GiveUp(Share::Foreign)]);
        assert_eq!(world.hear(News::Count(1), 1, LOCAL), [Deed::TellBalanced], "nothing of the partner's is here");
        assert_eq!(world.time(1, LOCAL), [Deed::TellCount(1)]);
        assert_eq!(world.judge.due(), None);
    }

    #[test]
    fn groups_stay_where_they_are_without_failback() {
        let mut world = World::new(false);
        assert_eq!(world.hear(News::Count(1), 1, FOREIGN), [Deed::TellBalanced]);
        assert_eq!(world.judge.due(), None);
    }

    #[test]
    fn give_up_during_a_transition_is_decided_anew_after_it() {
        let mut world = World::new(true);
        world.hear(News::Count(2), 1, LOCAL);
        assert_eq!(world.time(1, None), []);
        assert_eq!(world.judge.due(), None);
        world.hear(News::PartnerStable, 1, LOCAL);
        assert_eq!(world.judge.due(), Some(world.now + AFTER_TRANSITION));
        assert_eq!(world.time(1, LOCAL), [Deed::TellCount(1)]);
        world.hear(News::PartnerStable, 1, LOCAL);
        assert_eq!(world.judge.due(), None, "nothing was put off");
    }

    #[test]
    fn node_without_groups_releases_nothing() {
        let mut world = World::new(true);
        world.hear(News::Count(2), 1, Some(Held::Nothing));
        assert_eq!(world.time(1, Some(Held::Nothing)), []);
    }

    /// Two nodes, one router that both lose within two keepalives: each order of what they tell each other.
    #[test]
    fn no_order_of_messages_makes_both_give_up() {
        for early in [true, false] {
            let (mut alpha, mut bravo) = (World::new(true), World::new(true));
            // Alpha loses the router first, and tells bravo, which still reaches it unless it is early.
            alpha.hear(News::LinkDead, 0, LOCAL);
            let pings = u32::from(!early);
            for deed in bravo.hear(News::Count(0), pings, LOCAL) {
                let news = if deed == Deed::TellLess { News::TheyHaveMore } else { News::Balanced };
                alpha.hear(news, 0, LOCAL);
            }
            for deed in bravo.hear(News::LinkDead, 0, LOCAL) {
                let Deed::TellCount(count) = deed else { panic!("{deed:?}") };
                for deed in alpha.hear(News::Count(count), 0, LOCAL) {
                    assert_eq!(deed, Deed::TellBalanced);
                    bravo.hear(News::Balanced, 0, LOCAL);
                }
            }
            assert_eq!((alpha.judge.due(), bravo.judge.due()), (None, None));
        }
    }
}
