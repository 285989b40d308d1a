//! `cargo model`: two nodes in every order of possible events.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use hbcore_tests::model::{Bug, Case, Report, Size, cases, explore, tell};

const USAGE: &str = "\
cargo model [CASE..]       two nodes in every order of what can happen: all cases, or those whose names contain each word
cargo model --big [CASE]   the same with more faults: gigabytes and an hour
cargo model --planted      are planted bugs found?
";

/// More states than any small case has. If a case grows beyond, make it smaller, or the bound larger.
const SMALL: usize = 3_000_000;
/// The number of states that fits into a few gigabytes.
const BIG: usize = 40_000_000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    if words.iter().any(|word| word == "--planted") {
        return tell_result(planted());
    }
    let big = words.iter().any(|word| word == "--big");
    let only: Vec<&String> = words.iter().filter(|word| *word != "--big").collect();
    if let Some(option) = only.iter().find(|word| word.starts_with('-')) {
        return tell_result(Err(format!("model: unknown option {option}; cargo model --help lists them")));
    }
    let (size, most) = if big { (Size::Big, BIG) } else { (Size::Small, SMALL) };
    let chosen = cases(size).into_iter().filter(|case| only.iter().all(|word| case.name.contains(word.as_str())));
    let chosen: Vec<Case> = chosen.collect();
    if chosen.is_empty() {
        let names: Vec<&str> = cases(size).iter().map(|case| case.name).collect();
        return tell_result(Err(format!("model: no such case; there are: {}", names.join("; "))));
    }
    tell_result(all(&chosen, most))
}

fn tell_result(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Checks that one of the cases finds each planted bug.
fn planted() -> Result<(), String> {
    let missed: Vec<String> = std::thread::scope(|scope| {
        let searches: Vec<_> = Bug::ALL.iter().map(|bug| scope.spawn(|| find(*bug))).collect();
        searches.into_iter().filter_map(|search| search.join().expect("a search does not panic").err()).collect()
    });
    if missed.is_empty() { Ok(()) } else { Err(missed.join("\n")) }
}

fn find(bug: Bug) -> Result<(), String> {
    for case in cases(Size::Small) {
        let report = explore(&Case { bug: Some(bug), ..case }, SMALL);
        if let Some(violation) = report.violation {
            println!("{bug:?}: {:?} in \"{}\", {} steps", violation.rule, case.name, violation.path.len());
            return Ok(());
        }
    }
    Err(format!("{bug:?} is not found"))
}

/// Explores all cases, on all processors.
fn all(cases: &[Case], most: usize) -> Result<(), String> {
    let begin = Instant::now();
    let next = AtomicUsize::new(0);
    let reports = Mutex::new(Vec::new());
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let report = explore(case, most);
            println!("{}", row(case, &report));
            reports.lock().expect("nobody panics with it").push((*case, report));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let reports = reports.into_inner().expect("nobody panicked with it");
    let states: usize = reports.iter().map(|(_, report)| report.states).sum();
    println!("{} cases, {states} states, {:.1} s", reports.len(), begin.elapsed().as_secs_f64());
    let wrong: Vec<String> = reports.iter().filter_map(|(case, report)| explain(case, report)).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn row(case: &Case, report: &Report) -> String {
    let verdict = match &report.violation {
        Some(violation) => format!("{:?} is broken", violation.rule),
        None if !report.complete => "not all of them".to_owned(),
        None => "ok".to_owned(),
    };
    let Report { states, steps, good, depth, .. } = report;
    let took = report.took.as_secs_f64();
    format!(
        "{:<24}{states:>9} states {steps:>10} steps {good:>7} good, depth {depth:>3}, {took:>6.1} s: {verdict}",
        case.name
    )
}

/// Writes the shortest history that breaks a rule.
fn explain(case: &Case, report: &Report) -> Option<String> {
    let Some(violation) = &report.violation else {
        return (!report.complete).then(|| format!("{}: more than {} states", case.name, report.states));
    };
    let story = tell(case, &violation.path);
    Some(format!("{}: {:?}: {}\nafter:\n{story}", case.name, violation.rule, violation.text))
}
