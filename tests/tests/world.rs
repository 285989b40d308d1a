//! Simulated worlds: schedules that once broke a rule, and tests of the simulator itself.

use hbcore_tests::world::coverage::ARMS;
use hbcore_tests::world::{
    Bug, Class, Fault, Happening, Kind, Options, Outcome, Planned, Rule, Runs, Schedule, Site, diagram, run, shrink,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const RECORD: Options = Options { record: true, planted: None };

/// The schedules of `tests/corpus`, with their paths.
fn corpus() -> Vec<(PathBuf, Schedule)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let files = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a readable file");
        let schedule = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, schedule)
    };
    paths.into_iter().map(read).collect()
}

/// The rules that the corpus breaks.
fn broken() -> Vec<String> {
    let why = |(path, schedule): (PathBuf, Schedule)| {
        Some(format!("{}: {}", path.display(), run(&schedule, Options::default()).violation?))
    };
    corpus().into_iter().filter_map(why).collect()
}

#[test]
fn recorded_schedules_break_no_rule_again() {
    let broken = broken();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn seed_always_gives_the_same_world() {
    for seed in 0..20 {
        let schedule = Schedule::from_seed(seed);
        let story = || run(&schedule, RECORD).story.to_string();
        assert!(story() == story(), "seed {seed}");
    }
}

#[test]
fn schedule_survives_being_written_and_read() {
    for seed in 0..300 {
        let schedule = Schedule::from_seed(seed);
        assert_eq!(schedule.to_string().parse(), Ok(schedule), "seed {seed}");
    }
}

#[test]
fn schedule_that_names_what_is_not_there_is_refused() {
    let text = pair([Kind::Ours; 2]).to_string();
    for line in ["at 1.0 for 1.0 isolate 2", "at 1.0 for 1.0 cut 0 1 7", "at 1.0 for 1.0 dance 1", "at 1.0 power 1"] {
        assert!(format!("{text}{line}\n").parse::<Schedule>().is_err(), "{line}");
    }
}

/// Two nodes, one group each, without faults.
fn pair(nodes: [Kind; 2]) -> Schedule {
    let site = Site {
        nodes: nodes.to_vec(),
        groups: vec![0, 1],
        other_homes: Vec::new(),
        links: vec![hbcore_tests::world::Medium::Datagram],
        keepalive: 1000,
        deadtime: 5000,
        initdead: 10_000,
        fencing: false,
        failback: true,
        compact: true,
        signed: false,
        delay: (100, 100),
        lateness: 0,
        script: (10, 10),
        limit: 60_000,
        drift: vec![0, 0],
    };
    Schedule { noise: 1, site, faults: Vec::new() }
}

fn with(mut schedule: Schedule, at: u64, lasting: u64, fault: Fault) -> Schedule {
    let (at, lasting) = (Duration::from_secs(at), Duration::from_secs(lasting));
    schedule.faults.push(Planned { at, lasting, fault });
    schedule
}

/// The messages of a node about resources from `begin` on, in order.
fn says(outcome: &Outcome, node: usize, begin: u64) -> Vec<&str> {
    let begin = Duration::from_secs(begin);
    let heard = outcome.story.0.iter().filter(|(at, _)| *at >= begin);
    let sent = heard.filter_map(|(_, happening)| match happening {
        Happening::Sent { from, label, is_routine: false, .. } if *from == node => Some(label.as_str()),
        _ => None,
    });
    sent.filter(|label| !label.starts_with("NS_") && !label.ends_with("nodes")).collect()
}

/// The captured start of two real nodes, without the messages of scripts (docs/protocol/resources.md 1.9 a).
#[test]
fn two_models_of_3_0_6_start_as_two_real_ones() {
    let outcome = run(&pair([Kind::Reference; 2]), RECORD);
    assert_eq!(outcome.violation, None);
    let each = ["starting", "resource local stable req_our_resources()", "resource local stable"];
    let said = [says(&outcome, 0, 0), says(&outcome, 1, 0)];
    assert!(said.iter().all(|said| each.iter().all(|line| said.contains(line))), "{said:?}");
    assert!(said.iter().any(|said| said.contains(&"resource none")), "who hears the other start answers: {said:?}");
    let first = outcome.story.0.iter().find(|(_, h)| matches!(h, Happening::Group { .. })).expect("a group starts");
    assert!((10..14).contains(&first.0.as_secs()), "the 10 s timer decides: {:?}", first.0);
}

/// The captured graceful stop, without the messages of scripts (1.9 d).
#[test]
fn model_of_3_0_6_stops_as_a_real_one() {
    let schedule = with(pair([Kind::Reference; 2]), 30, 60, Fault::Leave(0));
    let outcome = run(&schedule, RECORD);
    assert_eq!(outcome.violation, None);
    assert_eq!(says(&outcome, 0, 30)[..2], ["resource none shutdown", "shutdone dead"]);
    let other = says(&outcome, 1, 30);
    assert_eq!(other[..2], ["resource all stable req_our_resources()", "resource foreign mach_down"], "{other:?}");
}

/// Both nodes restart themselves after a partition, and have no owner meanwhile (1.10).
#[test]
fn two_models_of_3_0_6_restart_themselves_after_a_partition() {
    let schedule = with(pair([Kind::Reference; 2]), 30, 15, Fault::Isolate(0));
    let outcome = run(&schedule, RECORD);
    let ended = outcome.story.0.iter().filter(|(_, h)| matches!(h, Happening::Ended(_))).count();
    assert_eq!(ended, 2);
    assert_eq!(outcome.violation, None);
}

#[test]
fn peer_takes_over_and_the_diagram_shows_it() {
    let fault = Fault::Power { node: 0, forgets: false };
    let schedule = with(pair([Kind::Ours; 2]), 30, 60, fault);
    let outcome = run(&schedule, RECORD);
    assert_eq!(outcome.violation, None);
    assert_eq!(outcome.promises_kept, 1);
    let svg = diagram::svg(&schedule, &outcome.story, None);
    assert!(svg.contains("power 0") && svg.contains("NodeDead") && svg.ends_with("</svg>\n"));
}

/// A cut makes two owners, and a bug keeps both; the other faults in this world are unrelated.
#[test]
fn failure_is_made_small_and_can_be_replayed_and_drawn() {
    let planted = Options { record: true, planted: Some(Bug::KeptAfterHeal) };
    let mut schedule = with(pair([Kind::Ours; 2]), 30, 15, Fault::Isolate(0));
    for second in 1..=4 {
        schedule = with(schedule, 20 + second, 1, Fault::Pause(1));
    }
    let rule = run(&schedule, planted).violation.expect("the bug breaks a rule").rule;
    let small = shrink::shrink(&schedule, rule, planted);
    assert!(small.faults.iter().all(|planned| planned.fault == Fault::Isolate(0)), "{small}");
    assert_eq!((small.faults.len(), small.site.groups.len()), (1, 1), "{small}");

    let again: Schedule = small.to_string().parse().expect("as it was written");
    let outcome = run(&again, planted);
    let violation = outcome.violation.expect("it breaks the rule again");
    assert_eq!(violation.rule, rule);
    let svg = diagram::svg(&again, &outcome.story, Some(&violation));
    assert!(svg.contains(&format!("{rule:?} at ")) && svg.contains("isolate 0"), "{svg}");
    assert_eq!(run(&again, RECORD).violation, None, "without the bug, nothing is wrong");
}

/// The rule that a bug of the port breaks. Checks that the world breaks none without the bug.
fn broken_only_by(schedule: &Schedule, bug: Bug) -> Option<Rule> {
    assert_eq!(run(schedule, RECORD).violation, None, "without the bug");
    run(schedule, Options { record: true, planted: Some(bug) }).violation.map(|violation| violation.rule)
}

#[test]
fn stop_that_cannot_be_asked_about_and_counts_as_stopped_makes_two_owners() {
    let blind = with(pair([Kind::Ours; 2]), 30, 5, Fault::Blind(0));
    let schedule = with(blind, 31, 0, Fault::Standby { node: 0, class: Class::Local });
    assert_eq!(broken_only_by(&schedule, Bug::CannotAskIsStopped), Some(Rule::OneOwner));
}

#[test]
fn start_that_is_refused_and_leaves_its_addresses_makes_two_owners() {
    let blind = with(pair([Kind::Ours; 2]), 30, 5, Fault::Blind(1));
    let schedule = with(blind, 31, 0, Fault::Standby { node: 0, class: Class::Local });
    assert_eq!(broken_only_by(&schedule, Bug::RefusedStartLeaves), Some(Rule::OneOwner));
}

#[test]
fn daemon_that_is_killed_stops_what_runs_before_it_is_heard_again() {
    let schedule = with(pair([Kind::Ours; 2]), 30, 60, Fault::Crash(0));
    let outcome = run(&schedule, RECORD);
    assert_eq!(outcome.violation, None);
    let place = |wanted: &dyn Fn(&Happening) -> bool| outcome.story.0.iter().rposition(|(_, h)| wanted(h));
    let stopped = place(&|h| *h == Happening::Group { node: 0, group: 0, runs: Runs::No });
    let started = place(&|h| *h == Happening::Started(0));
    assert!(stopped.is_some() && stopped < started, "{}", outcome.story);
}

#[test]
fn node_that_hears_nothing_for_ever_comes_to_rest_with_every_group() {
    let mut schedule = pair([Kind::Ours; 2]);
    let fault = Fault::Cut { from: 0, to: 1, link: None };
    schedule.faults.push(Planned { at: Duration::from_secs(30), lasting: Duration::MAX, fault });
    assert_eq!(schedule.to_string().parse(), Ok(schedule.clone()));
    let outcome = run(&schedule, RECORD);
    assert_eq!(outcome.violation, None);
    assert!(outcome.coverage.of("wanted: the other is dead") == 1, "bravo takes what alpha has");
}

#[test]
fn table_of_arms_names_each_once() {
    let names: Vec<&str> = ARMS.iter().map(|arm| arm.name).collect();
    assert!(names.is_sorted() && names.windows(2).all(|two| two[0] != two[1]));
    assert!(ARMS.iter().all(|arm| arm.least > 0));
}
