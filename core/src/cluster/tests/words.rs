//! Two nodes whose `haresources` have other words in their lines, before, during and after a partition: no word runs on
//! two nodes that hear each other, and each runs on one when the files agree.

use super::*;
use crate::takeover::{Accord, Group, Origin, Remains};
use std::fmt::Debug;

/// The words of a file: a bit each.
type Words = u8;
const A: Words = 1;
const B: Words = 2;
const C: Words = 4;
const ALL: [Words; 3] = [A, B, C];

/// Lines of `haresources`: the home and the words.
type File = &'static [(u8, Words)];

const BASE: File = &[(0, A), (1, B)];
const FILES: [File; 6] =
    [BASE, &[(1, A), (0, B)], &[(0, A | B)], &[(0, A | C), (1, B)], &[(0, C), (1, A | B)], &[(1, C), (0, A)]];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Partition {
    Both,
    /// This node alone hears nothing.
    Deaf(usize),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Reload(usize),
    Cut,
    Heal,
}

const ORDERS: [&[Step]; 5] = {
    use Step::{Cut, Heal, Reload};
    [
        &[Reload(0), Reload(1), Cut, Heal],
        &[Reload(0), Cut, Reload(1), Heal],
        &[Cut, Reload(1), Reload(0), Heal],
        &[Reload(1), Cut, Heal],
        &[Reload(1), Cut, Heal, Cut, Reload(0), Heal],
    ]
};

/// A pair whose nodes read files.
struct Readers {
    world: World,
    files: [File; 2],
    /// The words that an earlier engine has left running.
    left: [Words; 2],
}

impl Readers {
    fn new() -> Self {
        let site = Site { auto_failback: AutoFailback::Off, ..PAIR };
        let mut readers = Self { world: World::new(site), files: [BASE; 2], left: [0; 2] };
        readers.start(0, None);
        readers.start(1, None);
        readers.world.run(MS(150));
        readers
    }

    /// The words that run on a node, wholly or in part.
    fn words(&self, n: usize) -> Words {
        let groups = self.world.at(n).groups().iter().zip(self.files[n]);
        groups.fold(0, |all, (group, (_, words))| {
            all | match group.state() {
                GroupState::Stopped | GroupState::Failed => 0,
                GroupState::Running if group.is_partial() => words & self.left[n],
                GroupState::Running | GroupState::Starting | GroupState::Stopping | GroupState::Stuck => *words,
            }
        })
    }

    fn owners(&self, word: Words) -> Vec<usize> {
        (0..2).filter(|n| self.words(*n) & word != 0).collect()
    }

    fn start(&mut self, n: usize, resume: Option<(Resume, Vec<Found>)>) {
        self.world.generation += 1;
        let (site, now, generation) = (self.world.site, self.world.now, self.world.generation);
        let file = self.files[n];
        let digest = file.iter().fold(1, |digest, (home, words)| digest * 64 + u64::from(home * 8 + words));
        let (resume, found) = resume.map_or((None, Vec::new()), |(resume, found)| (Some(resume), found));
        let lines: Vec<GroupConfig<'_>> = (0..file.len())
            .map(|line| GroupConfig {
                found: found.get(line).copied().unwrap_or_default(),
                ..GroupConfig::at(NodeId(file[line].0))
            })
            .collect();
        let nodes = nodes(site, n as u8);
        let links = [site.form, site.form];
        let config = Config {
            local: NodeId(n as u8),
            auto_failback: site.auto_failback,
            generation: Generation(generation),
            seed: n as u64 + 7,
            resume,
            introduction: Some(Introduction { release: "1", digest }),
            ..sound(&nodes, &links, &lines)
        };
        self.world.hosts[n].engine = Some(Engine::new(&config, keys(), now, 1_800_000_000).unwrap());
        self.world.drain(n);
    }

    /// Goes on with another file, as `heartbeat -r` does. Words that it lacks are stopped at once.
    fn reload(&mut self, n: usize, file: File) {
        let now = self.world.now;
        let mut engine = self.world.hosts[n].engine.take().unwrap();
        assert!(!engine.groups().iter().any(Group::is_moving), "at rest before a reload");
        engine.announce_restart(now);
        self.world.hosts[n].engine = Some(engine);
        self.world.drain(n);
        let runs = self.words(n);
        let before = self.world.hosts[n].engine.take().unwrap();
        let up: Vec<(Words, Remains)> =
            self.files[n].iter().map(|(_, words)| *words).zip(before.groups().iter().map(Group::remains)).collect();
        let found = file.iter().map(|(_, words)| {
            let same = up.iter().find(|(old, remains)| old == words && matches!(remains, Remains::All(_)));
            if let Some((_, Remains::All(origin))) = same {
                return Found::Running(*origin);
            }
            let origins =
                up.iter().filter(|(old, _)| old & words & runs != 0).filter_map(|(_, remains)| match remains {
                    Remains::Nothing => None,
                    Remains::Part(origin) | Remains::All(origin) => Some(*origin),
                });
            let origins: Vec<Origin> = origins.collect();
            match origins.as_slice() {
                [] => Found::Nothing,
                some if some.contains(&Origin::Inherited) => Found::Part(Origin::Inherited),
                _ => Found::Part(Origin::Agreed),
            }
        });
        let is_same = before.takeover().accord() == Accord::Agreed && self.files[n] == file;
        let resume =
            if is_same { Resume::Claims(before.takeover().holds_without_stuck()) } else { Resume::OtherGroups };
        let found = found.collect();
        self.left[n] = runs;
        self.files[n] = file;
        self.start(n, Some((resume, found)));
    }

    /// Waits until nothing has moved for a while.
    #[track_caller]
    fn rest(&mut self, of: &impl Debug) {
        for _ in 0..40 {
            let before = [self.words(0), self.words(1)];
            self.world.run(MS(100));
            let moves = (0..2).any(|n| self.world.at(n).groups().iter().any(Group::is_moving));
            if !moves && before == [self.words(0), self.words(1)] {
                return;
            }
        }
        panic!("{of:?}: it does not come to rest");
    }
}

/// Every order of reloads, with every pair of files.
fn every_order(partition: Partition) {
    for order in ORDERS {
        for (first, second) in FILES.iter().flat_map(|first| FILES.iter().map(move |second| (*first, *second))) {
            let case = (order, partition, first, second);
            let mut pair = Readers::new();
            for step in order {
                match (*step, partition) {
                    (Step::Reload(n), _) => pair.reload(n, [first, second][n]),
                    (Step::Cut, Partition::Both) => pair.world.cut = true,
                    (Step::Cut, Partition::Deaf(n)) => pair.world.deaf = Some(n),
                    (Step::Heal, _) => (pair.world.cut, pair.world.deaf) = (false, None),
                }
                if let (Step::Heal, Partition::Deaf(_)) = (step, partition) {
                    // The node that missed nothing is asked for its claims a second later.
                    pair.world.run(MS(1100));
                }
                pair.rest(&case);
                let is_apart = pair.world.cut || pair.world.deaf.is_some();
                let has_two = ALL.iter().find(|word| pair.owners(**word).len() > 1);
                assert!(is_apart || has_two.is_none(), "{case:?} after {step:?}: {has_two:?} has two owners");
            }
            let last = pair.files[0];
            pair.reload(1, last);
            pair.rest(&case);
            pair.world.run(MS(600));
            for word in ALL {
                let is_named = last.iter().any(|(_, words)| words & word != 0);
                let owners = pair.owners(word);
                assert_eq!(owners.len(), usize::from(is_named), "{case:?}, then the same files: {word} at {owners:?}");
            }
        }
    }
}

#[test]
fn word_in_lines_that_differ_runs_on_one_node_after_a_partition() {
    every_order(Partition::Both);
}

#[test]
fn word_in_lines_that_differ_runs_on_one_node_after_the_first_was_deaf() {
    every_order(Partition::Deaf(0));
}

#[test]
fn word_in_lines_that_differ_runs_on_one_node_after_the_second_was_deaf() {
    every_order(Partition::Deaf(1));
}
