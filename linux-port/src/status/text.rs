//! The status for people: problems first, then tables.

use std::fmt::Write as _;
use std::time::Duration;

use super::snapshot::{NodeRow, Progress, Snapshot};
use crate::problems::Standing;

impl Snapshot {
    /// The text for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let holds = match self.progress {
            Progress::Clearing | Progress::Joining => String::new(),
            _ => format!("holds {}, ", self.holds),
        };
        let _ = writeln!(text, "{}: {}, {holds}{}", self.node, self.state, self.progress.sentence());
        let _ = writeln!(text, "hbcore {}, pid {}", self.release, self.pid);
        if !self.problems.is_empty() {
            text.push('\n');
        }
        for problem in &self.problems {
            let said = printable(&problem.said());
            let _ = writeln!(text, "problem {}: {said}{}", problem.problem.word(), account(problem));
            if let Some(next) = &problem.next {
                let when = next.seconds().filter(|seconds| *seconds > 0).map(|seconds| format!(" in {seconds} s"));
                let _ = writeln!(text, "  next{}: {}", when.unwrap_or_default(), next.what);
            }
            let _ = writeln!(text, "  help: {}", problem.problem.remedy());
        }
        if self.more_problems > 0 {
            let _ = writeln!(text, "problem ...: {} more", self.more_problems);
        }
        let nodes: Vec<[String; 3]> = self.nodes.iter().map(|n| [n.name.clone(), n.state.clone(), heard(n)]).collect();
        table(&mut text, ["node", "state", "links"], &nodes);
        let groups: Vec<[String; 3]> =
            self.groups.iter().map(|g| [g.key.clone(), g.home.clone(), g.place_text()]).collect();
        if !groups.is_empty() {
            table(&mut text, ["group", "home", "where"], &groups);
        }
        text
    }
}

/// A script's output, as a terminal can show it.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// The number of times, and the age.
fn account(standing: &Standing) -> String {
    let age = span(standing.age);
    match standing.times {
        0 | 1 => format!(" (since {age})"),
        times => format!(" ({times} times in {age})"),
    }
}

/// A length of time in its largest fitting unit, rounded down.
fn span(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The links on which a node is heard, and those on which it is not.
fn heard(node: &NodeRow) -> String {
    if node.is_local {
        return "this node".to_owned();
    }
    let words = node.links.iter().map(|(link, up)| format!("{link} {}", if *up { "up" } else { "silent" }));
    words.collect::<Vec<_>>().join(", ")
}

/// Columns as wide as their widest cell; the last one as it is.
fn table(text: &mut String, head: [&str; 3], rows: &[[String; 3]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).chain([head[column].len()]).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    let _ = writeln!(text, "\n{:first$}  {:second$}  {}", head[0], head[1], head[2]);
    for [a, b, c] in rows {
        let _ = writeln!(text, "{a:first$}  {b:second$}  {c}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_told_in_the_unit_of_its_size() {
        for (seconds, told) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7199, "119 min"),
            (7200, "2 h"),
            (172_799, "47 h"),
            (172_800, "2 days"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), told);
        }
    }
}
