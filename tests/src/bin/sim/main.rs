//! `cargo sim`: simulated worlds, and reports about those that break a rule.

#![forbid(unsafe_code)]

use std::fmt::Write;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod arms;
mod engine_bugs;

use hbcore_tests::world::{Bug, Kind, Options, Outcome, Schedule, diagram, run, runner, shrink};

const USAGE: &str = "\
cargo sim [--seeds N] [--from K]       clusters in simulated worlds: 10,000, or N, from seed K
cargo sim --seed K [--trace]           one of them, by its seed; --trace tells its story
cargo sim --file SCHEDULE [--trace]    one from a file, as a failure writes it
                                       (--heartbeats instead of --trace: with heartbeats and acknowledgements)
cargo sim --planted                    are bugs found that are built into the simulated ports?
cargo sim --planted-in-engine          are bugs found that are built into a copy of the engine? (ten minutes)
";

/// The number of seeds in a whole verification.
const SEEDS: u64 = 10_000;
/// A planted bug must be found among this many worlds.
const PLANTED_SEEDS: u64 = 5_000;
/// This many of 10,000 worlds with the model of a 3.0.6 may break a rule, because the model waits for an hour for a
/// message that it missed.
const BESIDE_PER_10_000: u64 = 10;
/// The number of failures of one rule that are shrunk.
const SHOWN: usize = 1;

/// The task of the command line.
enum Task {
    Seeds(Range<u64>),
    /// Stops at the first failure of a world without the model.
    FirstOfOurs(Range<u64>),
    Seed(u64),
    File(PathBuf),
    Planted,
    PlantedInEngine,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let result = read(&words).and_then(|(task, trace)| match task {
        Task::Planted => planted(),
        Task::PlantedInEngine => engine_bugs::all(),
        Task::Seed(seed) => one(&Schedule::from_seed(seed), &format!("seed-{seed}"), &format!("--seed {seed}"), trace),
        Task::File(file) => {
            let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            let schedule = text.parse().map_err(|error| format!("{}: {error}", file.display()))?;
            // The shrunk schedule does not overwrite the given one.
            let name = format!("{}-again", file.file_stem().unwrap_or_default().to_string_lossy());
            one(&schedule, &name, &format!("--file {}", file.display()), trace)
        }
        Task::Seeds(seeds) => many(seeds),
        Task::FirstOfOurs(seeds) => {
            first_of_ours(seeds);
            Ok(())
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// How much of a world is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trace {
    No,
    Yes,
    /// With heartbeats and acknowledgements.
    Whole,
}

fn read(words: &[String]) -> Result<(Task, Trace), String> {
    let (mut count, mut from, mut trace, mut first) = (None, None, Trace::No, false);
    let mut tasks = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut number = || {
            let text = words.next().ok_or_else(|| format!("sim: {word} needs a number"))?;
            let what = || format!("sim: {word} needs a number from 0 to {}, not {text}", u64::MAX);
            text.replace(['_', ','], "").parse::<u64>().map_err(|_| what())
        };
        match word.as_str() {
            "--seeds" => count = Some(number()?),
            "--from" => from = Some(number()?),
            "--seed" => tasks.push(Task::Seed(number()?)),
            "--file" => tasks.push(Task::File(words.next().ok_or("sim: --file needs a path")?.into())),
            "--trace" if trace == Trace::No => trace = Trace::Yes,
            "--trace" => {}
            "--heartbeats" => trace = Trace::Whole,
            "--first-of-ours" => first = true,
            "--planted" => tasks.push(Task::Planted),
            "--planted-in-engine" => tasks.push(Task::PlantedInEngine),
            _ => return Err(format!("sim: unknown option {word}; cargo sim --help lists them")),
        }
    }
    if count == Some(0) {
        return Err("sim: --seeds needs at least 1".to_owned());
    }
    if tasks.is_empty() || count.or(from).is_some() {
        let from = from.unwrap_or(0);
        let seeds = from..from.saturating_add(count.unwrap_or(SEEDS));
        tasks.push(if first { Task::FirstOfOurs(seeds) } else { Task::Seeds(seeds) });
    }
    let one_world = matches!(tasks[0], Task::Seed(_) | Task::File(_));
    if tasks.len() > 1 {
        return Err("sim: one of --seed, --file, --planted, --planted-in-engine, or --seeds with --from".to_owned());
    }
    if trace != Trace::No && !one_world {
        return Err("sim: --trace and --heartbeats need --seed or --file".to_owned());
    }
    Ok((tasks.remove(0), trace))
}

/// Finds the first world without the model that breaks a rule, for `--planted-in-engine`.
fn first_of_ours(seeds: Range<u64>) {
    let begin = seeds.start;
    let ours = |seed: &u64| !Schedule::from_seed(*seed).site.nodes.contains(&Kind::Reference);
    let found = seeds
        .filter(ours)
        .find_map(|seed| Some((seed, run(&Schedule::from_seed(seed), Options::default()).violation?)));
    if let Some((seed, violation)) = found {
        println!("found after {} seeds, by seed {seed}: {:?}", seed - begin + 1, violation.rule);
    }
}

fn many(seeds: Range<u64>) -> Result<(), String> {
    let sum = runner::search(seeds.clone(), None, false);
    let hours = sum.lasted.as_secs_f64() / 3600.0;
    println!(
        "{} seeds, {} broke a rule; {hours:.0} hours of virtual time, {} inputs, {} takeovers in time, {} excused, {:.0} s; \
         slowest to settle: {:.1} s, seed {}",
        sum.seeds,
        sum.failures.len(),
        sum.steps,
        sum.promises_kept,
        sum.excused,
        sum.took.as_secs_f64(),
        sum.slowest.0.as_secs_f64(),
        sum.slowest.1,
    );
    let mixed = |seed: u64| Schedule::from_seed(seed).site.nodes.contains(&Kind::Reference);
    let (beside, ours): (Vec<_>, Vec<_>) = sum.failures.into_iter().partition(|(seed, _)| mixed(*seed));
    let among = format!("{} of ours alone, {} beside the model of a 3.0.6", ours.len(), beside.len());
    println!("{among}");
    let arms = arms::report(&sum.coverage, &seeds);
    for (seed, violation) in &beside {
        println!("beside the model: seed {seed}: {:?}", violation.rule);
    }
    // The model is not a real 3.0.6: failures beside it are printed, and tolerated up to a limit.
    let tolerated = sum.seeds * BESIDE_PER_10_000 / 10_000 + 1;
    let failures = if beside.len() as u64 > tolerated { [ours, beside].concat() } else { ours };
    let mut rules: Vec<_> = failures.iter().map(|(_, violation)| violation.rule).collect();
    rules.sort();
    rules.dedup();
    let mut text = String::new();
    for rule in rules {
        let all: Vec<_> = failures.iter().filter(|(_, violation)| violation.rule == rule).collect();
        let seeds: Vec<String> = all.iter().take(10).map(|(seed, _)| seed.to_string()).collect();
        let _ = writeln!(text, "{rule:?}: {} seeds: {}", all.len(), seeds.join(" "));
        for (seed, _) in all.iter().take(SHOWN) {
            text += &explain(&Schedule::from_seed(*seed), &format!("seed-{seed}"), &format!("--seed {seed}"));
        }
    }
    text += &arms;
    if text.is_empty() { Ok(()) } else { Err(text) }
}

/// Runs one world, and prints everything about it.
fn one(schedule: &Schedule, name: &str, how: &str, trace: Trace) -> Result<(), String> {
    let outcome = run(schedule, Options { record: true, planted: None });
    match trace {
        Trace::No => {}
        Trace::Yes => print!("{schedule}{}", outcome.story),
        Trace::Whole => print!("{schedule}{}", outcome.story.whole()),
    }
    if outcome.violation.is_none() {
        let drawing = write(name, "svg", &diagram::svg(schedule, &outcome.story, None));
        println!(
            "no rule is broken{}; {drawing}",
            if outcome.excused { " that two of 3.0.6 do not break" } else { "" }
        );
        return Ok(());
    }
    Err(explain(schedule, name, how))
}

/// Explains how to reproduce a failure: the command, the smallest schedule, its trace and its diagram.
fn explain(schedule: &Schedule, name: &str, how: &str) -> String {
    let Outcome { violation: Some(violation), .. } = run(schedule, Options::default()) else { return String::new() };
    let small = shrink::shrink(schedule, violation.rule, Options::default());
    let shown = run(&small, Options { record: true, planted: None });
    let file = write(name, "txt", &format!("# {violation}\n{small}"));
    let trace = write(name, "trace", &shown.story.to_string());
    let drawing = write(name, "svg", &diagram::svg(&small, &shown.story, shown.violation.as_ref()));
    format!(
        "{violation}\nagain: cargo sim {how} --trace\nmade small, {} faults of {}: cargo sim --file {file} --trace\n{small}{trace}\n{drawing}\n",
        small.faults.len(),
        schedule.faults.len(),
    )
}

/// Checks that each planted bug is found, and that its seed fails only because of the bug.
fn planted() -> Result<(), String> {
    let mut missed = String::new();
    for bug in Bug::ALL {
        let sum = runner::search(0..PLANTED_SEEDS, Some(bug), true);
        match sum.failures.first() {
            Some((seed, violation)) => {
                println!("{bug:?}: found after {} seeds, by seed {seed}: {:?}", sum.seeds, violation.rule);
            }
            None => {
                let _ = writeln!(missed, "{bug:?}: not found in {} seeds", sum.seeds);
            }
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(missed) }
}

/// Writes a file into `target/sim` and returns its path.
fn write(name: &str, extension: &str, text: &str) -> String {
    let target = std::env::current_exe().ok().and_then(|exe| Some(exe.ancestors().nth(2)?.to_path_buf()));
    let directory = target.unwrap_or_else(|| Path::new("target").to_path_buf()).join("sim");
    let path = directory.join(name).with_extension(extension);
    match fs::create_dir_all(&directory).and_then(|()| fs::write(&path, text)) {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("{}: {error}", path.display()),
    }
}
