//! Counts tests.

use std::fmt;

/// The number of tests with each result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Those that passed.
    pub(crate) passed: u64,
    /// Those that failed.
    pub(crate) failed: u64,
    /// Those that could not run.
    pub(crate) skipped: u64,
    /// The names of skipped tests, with the reasons.
    pub(crate) reasons: Vec<String>,
    /// The name of each test that failed, and the first line of its message.
    pub(crate) failures: Vec<String>,
    /// Remarks about tests that passed, such as a size.
    pub(crate) remarks: Vec<String>,
}

impl Tally {
    /// One test that passed.
    pub(crate) const PASSED: Self = Self::of(1, 0);
    /// One test that failed.
    pub(crate) const FAILED: Self = Self::of(0, 1);

    const fn of(passed: u64, failed: u64) -> Self {
        Self { passed, failed, skipped: 0, reasons: Vec::new(), failures: Vec::new(), remarks: Vec::new() }
    }

    /// One test that could not run, without further output.
    pub(crate) fn skipped(reason: String) -> (Self, String) {
        (Self { skipped: 1, reasons: vec![reason], ..Self::default() }, String::new())
    }

    /// Adds a remark.
    pub(crate) fn with_remark(mut self, remark: String) -> Self {
        self.remarks.push(remark);
        self
    }

    /// The counts in the output of `cargo test`. A command that failed without a failed test, for example because it
    /// does not compile, counts as one failure.
    pub(crate) fn of_tests(output: &str, success: bool) -> Self {
        let mut tally = Self::default();
        for line in output.lines() {
            if let Some(result) = line.strip_prefix("test result: ") {
                tally.passed += number_before(result, " passed");
                tally.failed += number_before(result, " failed");
                tally.skipped += number_before(result, " ignored");
            } else if let Some((name, reason)) = ignored(line) {
                tally.reasons.push(format!("{name}: {reason}"));
            }
        }
        if !success && tally.failed == 0 {
            tally.failed = 1;
        }
        tally.failures = failures(output);
        tally
    }

    /// Adds the numbers and the failures. Reasons and remarks matter only for their own step.
    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend_from_slice(&other.failures);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped))
    }
}

/// The number before a word: `9 passed; 1 failed`.
fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Each failed test with the place and the first line of its panic. A panic prints two lines: one that ends with
/// `panicked at PLACE:`, and its message.
fn failures(output: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut test = None;
    let mut lines = output.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            test = Some(name);
        } else if let (Some(name), Some((_, place))) = (test, line.split_once(" panicked at ")) {
            found.push(format!("{name}: {place} {}", lines.next().unwrap_or_default()));
            test = None;
        }
    }
    found
}

/// Name and reason of an ignored test: `test x ... ignored, because` or `test x ... ignored (because)`.
fn ignored(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
    let reason = rest.trim_start_matches([',', ' ', '(']).trim_end_matches(')');
    Some((name.trim_end(), if reason.is_empty() { "no reason given" } else { reason }))
}

#[cfg(test)]
mod tests {
    use super::Tally;

    const OUTPUT: &str = "\
running 3 tests
test a ... ok
test b ... ignored, needs a serial port
test c   ... ignored (needs root)
test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 20 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn sums_up_all_results_and_keeps_the_reasons() {
        let tally = Tally::of_tests(OUTPUT, false);
        assert_eq!((tally.passed, tally.failed, tally.skipped), (21, 3, 2));
        assert_eq!(tally.reasons, ["b: needs a serial port", "c: needs root"]);
    }

    #[test]
    fn each_failed_test_is_named_with_the_first_line_of_its_panic() {
        let output = "failures:\n\n---- pair::moves stdout ----\nalpha: 3 ms\n\nthread 'pair::moves' (7) panicked at a.rs:3:5:\n\
                      expected an owner\nhost alpha:\n\n---- other stdout ----\nError: \"no\"\n\nfailures:\n    other\n    pair::moves\n";
        assert_eq!(Tally::of_tests(output, false).failures, ["pair::moves: a.rs:3:5: expected an owner"]);
    }

    #[test]
    fn run_that_does_not_compile_is_a_failure() {
        assert_eq!(Tally::of_tests("error: no such thing", false), Tally::FAILED);
    }

    #[test]
    fn nothing_to_run_is_nothing() {
        assert_eq!(Tally::of_tests("", true).to_string(), "0 passed, 0 failed, 0 skipped");
    }
}
