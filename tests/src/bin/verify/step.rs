//! The steps of a run: a line for each, the whole output of those that fail, and the sum.

use std::io::{Write, stdout};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use crate::plain_cargo;
use crate::tally::Tally;

/// A step that passes or fails.
pub(crate) struct Step {
    name: String,
    work: Work,
    beside: Option<fn()>,
}

enum Work {
    /// A command that counts as one test.
    Check(Command),
    /// A command that counts as one test, and whose output is part of ours.
    Shown(Command),
    /// A command whose output contains the number of tests that it ran.
    Test(Command),
    /// A function that counts as one test.
    Function(fn() -> Result<(), String>),
    /// A function that counts its tests itself, and returns their output.
    Tally(fn() -> (Tally, String)),
}

impl Step {
    fn new(name: &str, work: Work) -> Self {
        Self { name: name.to_owned(), work, beside: None }
    }

    /// A cargo command that succeeds or fails as a whole.
    pub(crate) fn check(name: &str, arguments: &[&str]) -> Self {
        Self::new(name, Work::Check(command(arguments)))
    }

    /// A cargo command that succeeds or fails as a whole, and whose output a reader wants to see.
    pub(crate) fn shown(name: &str, arguments: &[&str]) -> Self {
        Self::new(name, Work::Shown(command(arguments)))
    }

    /// A cargo command that runs tests.
    pub(crate) fn test(name: &str, arguments: &[&str]) -> Self {
        Self::new(name, Work::Test(command(arguments)))
    }

    /// A function that succeeds, or returns the fault.
    pub(crate) fn function(name: &str, function: fn() -> Result<(), String>) -> Self {
        Self::new(name, Work::Function(function))
    }

    /// A function that counts its tests itself, and returns their output.
    pub(crate) fn tally(name: &str, function: fn() -> (Tally, String)) -> Self {
        Self::new(name, Work::Tally(function))
    }

    /// Sets a variable in the environment of the command.
    pub(crate) fn with(mut self, variable: &str, value: &str) -> Self {
        if let Work::Check(command) | Work::Shown(command) | Work::Test(command) = &mut self.work {
            command.env(variable, value);
        }
        self
    }

    /// Adds an argument to the command.
    pub(crate) fn and(mut self, argument: &str) -> Self {
        if let Work::Check(command) | Work::Shown(command) | Work::Test(command) = &mut self.work {
            command.arg(argument);
        }
        self
    }

    /// Does other work while the step runs, because a later step needs it. This is for a step that leaves a processor
    /// idle, and measures nothing.
    pub(crate) fn beside(mut self, work: fn()) -> Self {
        self.beside = Some(work);
        self
    }

    fn run(&mut self) -> (Tally, String) {
        std::thread::scope(|scope| {
            if let Some(work) = self.beside {
                scope.spawn(work);
            }
            self.work.run()
        })
    }
}

impl Work {
    fn run(&mut self) -> (Tally, String) {
        match self {
            Self::Function(function) => match function() {
                Ok(()) => (Tally::PASSED, String::new()),
                Err(why) => (Tally::FAILED, why),
            },
            Self::Tally(function) => function(),
            Self::Check(command) => {
                let (success, text) = output(command);
                (if success { Tally::PASSED } else { Tally::FAILED }, text)
            }
            Self::Shown(command) => match command.status() {
                Ok(status) if status.success() => (Tally::PASSED, String::new()),
                Ok(_) => (Tally::FAILED, String::new()),
                Err(error) => (Tally::FAILED, format!("cargo: {error}")),
            },
            Self::Test(command) => {
                let (success, text) = output(command);
                (Tally::of_tests(&text, success), text)
            }
        }
    }
}

/// Runs all steps in order, even after a failure, and prints the sum.
pub(crate) fn run_steps(steps: &mut [Step]) -> ExitCode {
    let mut sum = Tally::default();
    for step in steps {
        print!("{:<28}", step.name);
        let _ = stdout().flush();
        let begin = Instant::now();
        let (tally, text) = step.run();
        let verdict = if tally.failed == 0 { "ok" } else { "FAILED" };
        println!("{verdict:<8}{tally:<40}{:>7.1} s", begin.elapsed().as_secs_f64());
        for remark in &tally.remarks {
            println!("    {remark}");
        }
        for reason in &tally.reasons {
            println!("    skipped: {reason}");
        }
        if tally.failed > 0 {
            println!("{}", without_successes(&text));
        }
        sum.add(&tally);
        if tally.failed > 0 && tally.failures.is_empty() {
            sum.failures.push(step.name.clone());
        }
    }
    // Print the failures once more at the end, where a reader looks first: the whole output of a scenario fills many
    // screens.
    for failure in &sum.failures {
        println!("failed: {failure}");
    }
    println!("{sum}");
    if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = plain_cargo();
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Whether the command succeeded, and its output.
fn output(command: &mut Command) -> (bool, String) {
    match command.output() {
        Ok(output) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (output.status.success(), text(&output.stderr) + &text(&output.stdout))
        }
        Err(error) => (false, format!("cargo: {error}")),
    }
}

/// The output without the lines about success.
fn without_successes(text: &str) -> String {
    let is_noise = |line: &str| {
        let tests = line.starts_with("test ") && (line.ends_with("... ok") || line.contains("... ignored"));
        let progress = ["running ", "   Compiling", "     Running", "   Doc-tests", "    Finished", "    Checking"];
        tests || progress.iter().any(|start| line.starts_with(start))
    };
    let lines: Vec<&str> = text.lines().filter(|line| !is_noise(line)).collect();
    lines.join("\n")
}
