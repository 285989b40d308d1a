//! A pair ends with one owner after any history.

use super::*;

/// The events of a history.
#[derive(Clone, Copy, Debug)]
enum Act {
    Kill(usize),
    Start(usize),
    Leave(usize),
    Standby(usize, Class),
    Cut,
    Deaf(usize),
    Heal,
    Lose,
    Keep,
}

fn acts() -> impl proptest::strategy::Strategy<Value = Vec<(Act, u64)>> {
    use proptest::prelude::*;
    let node = 0usize..2;
    let class = prop_oneof![Just(Class::Local), Just(Class::Foreign), Just(Class::All)];
    let act = prop_oneof![
        node.clone().prop_map(Act::Kill),
        node.clone().prop_map(Act::Start),
        node.clone().prop_map(Act::Leave),
        (node, class).prop_map(|(n, c)| Act::Standby(n, c)),
        Just(Act::Cut),
        (0usize..2).prop_map(Act::Deaf),
        Just(Act::Heal),
        Just(Act::Lose),
        Just(Act::Keep),
    ];
    prop::collection::vec((act, 0u64..300), 1..20)
}

impl World {
    fn act(&mut self, act: Act) {
        match act {
            Act::Kill(n) => self.kill(n),
            Act::Start(n) => {
                if self.hosts[n].engine.is_none() {
                    self.hosts[n].left = false;
                    self.start(n);
                }
            }
            Act::Leave(n) => self.ask(n, Request::Leave),
            Act::Standby(n, class) => self.ask(n, Request::Standby(class)),
            Act::Cut => self.cut = true,
            Act::Deaf(n) => self.deaf = Some(n),
            Act::Heal => {
                self.cut = false;
                self.deaf = None;
            }
            Act::Lose => self.lose = |n| n % 4 == 1,
            Act::Keep => self.lose = |_| false,
        }
    }

    fn ask(&mut self, n: usize, request: Request) {
        let now = self.now;
        if let Some(engine) = self.hosts[n].engine.as_mut() {
            let _ = engine.request(now, request);
            self.drain(n);
        }
    }

    /// Ends the daemons that have left.
    fn bury(&mut self) {
        for n in 0..self.hosts.len() {
            if self.hosts[n].left {
                self.kill(n);
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: cases(), failure_persistence: None, ..Default::default() })]

    /// After any history, when both nodes run and can reach each other, each group gets exactly one owner, and keeps
    /// it.
    #[test]
    fn everything_ends_with_one_owner(acts in acts(), effect_ms in 0u64..20) {
        let mut world = World::new(PAIR);
        world.effect_time = MS(effect_ms);
        for (act, wait) in acts {
            world.act(act);
            world.run(MS(wait));
            world.bury();
        }
        world.act(Act::Heal);
        world.act(Act::Keep);
        world.run(MS(3000));
        world.bury();
        world.act(Act::Start(0));
        world.act(Act::Start(1));
        world.run(MS(13_000));
        for group in 0..2 {
            proptest::prop_assert_eq!(world.owners(group).len(), 1, "group {}", group);
        }
        for n in 0..2 {
            proptest::prop_assert!(world.at(n).takeover().is_settled(), "node {}: {:?}", n, world.at(n).takeover());
        }
    }
}
