//! The status for monitors: one JSON object on one line. docs/status.md gives the meaning of its names. A later release
//! may add names and never removes one.

use super::group::GroupRow;
use super::snapshot::{NodeRow, Snapshot};
use crate::problems::{Coming, Standing};
use hbcore::takeover::GroupState;
use std::fmt::Write as _;

/// The object for a daemon that does not run.
pub const STOPPED: &str = "{\"version\":1,\"running\":false}\n";

impl Snapshot {
    /// The object, with a line feed.
    pub fn json(&self) -> String {
        let mut text = String::from("{\"version\":1,\"running\":true");
        for (name, value) in [
            ("hbcore", self.release),
            ("node", &self.node),
            ("state", &self.state),
            ("holds", self.holds),
            ("claims", self.claims),
            ("progress", self.progress.word()),
        ] {
            let _ = write!(text, ",\"{name}\":");
            string(&mut text, value);
        }
        let _ = write!(text, ",\"pid\":{}", self.pid);
        list(&mut text, "problems", &self.problems, problem);
        let _ = write!(text, ",\"more_problems\":{}", self.more_problems);
        list(&mut text, "nodes", &self.nodes, node);
        list(&mut text, "groups", &self.groups, group);
        text.push_str("}\n");
        text
    }
}

fn node(text: &mut String, row: &NodeRow) {
    text.push_str("{\"name\":");
    string(text, &row.name);
    text.push_str(",\"state\":");
    string(text, &row.state);
    let _ = write!(text, ",\"local\":{},\"ping\":{},\"program\":", row.is_local, row.is_ping);
    optional(text, row.program.as_deref());
    let same = row.same_resources.map_or("null", |same| if same { "true" } else { "false" });
    let _ = write!(text, ",\"same_haresources\":{same}");
    list(text, "links", &row.links, |text, (name, up)| {
        text.push_str("{\"name\":");
        string(text, name);
        let _ = write!(text, ",\"up\":{up}}}");
    });
    text.push('}');
}

fn group(text: &mut String, row: &GroupRow) {
    text.push_str("{\"key\":");
    string(text, &row.key);
    text.push_str(",\"home\":");
    string(text, &row.home);
    text.push_str(",\"here\":");
    string(text, word(row.here));
    text.push_str(",\"at\":");
    optional(text, row.at.as_deref());
    text.push_str(",\"script\":");
    optional(text, row.script.as_ref().map(|script| script.what.as_str()));
    text.push_str(",\"seconds\":");
    number(text, row.script.as_ref().map(|script| script.seconds));
    text.push_str(",\"limit\":");
    number(text, row.script.as_ref().and_then(|script| script.limit));
    match row.attempt {
        Some((attempt, most)) => {
            let _ = write!(text, ",\"attempt\":{attempt},\"attempts\":{most}");
        }
        None => text.push_str(",\"attempt\":null,\"attempts\":null"),
    }
    text.push_str(",\"why\":");
    string(text, row.why);
    let nowhere = row.is_nowhere.map_or("null", |is_nowhere| if is_nowhere { "true" } else { "false" });
    let _ = write!(text, ",\"failures\":{},\"nowhere\":{nowhere},\"next\":", row.failures);
    optional(text, row.next.as_ref().map(|next| next.what.as_str()));
    text.push_str(",\"next_seconds\":");
    number(text, row.next.as_ref().and_then(|next| next.seconds));
    text.push('}');
}

fn problem(text: &mut String, standing: &Standing) {
    text.push_str("{\"word\":");
    string(text, standing.problem.word());
    text.push_str(",\"text\":");
    string(text, &standing.said());
    text.push_str(",\"help\":");
    string(text, standing.problem.remedy());
    let _ = write!(text, ",\"times\":{},\"seconds\":{},\"next\":", standing.times, standing.age.as_secs());
    optional(text, standing.next.as_ref().map(|next| next.what.as_str()));
    text.push_str(",\"next_seconds\":");
    number(text, standing.next.as_ref().and_then(Coming::seconds));
    text.push('}');
}

fn optional(text: &mut String, value: Option<&str>) {
    match value {
        Some(value) => string(text, value),
        None => text.push_str("null"),
    }
}

fn number(text: &mut String, value: Option<u64>) {
    match value {
        Some(value) => {
            let _ = write!(text, "{value}");
        }
        None => text.push_str("null"),
    }
}

fn list<T>(text: &mut String, name: &str, items: &[T], mut each: impl FnMut(&mut String, &T)) {
    let _ = write!(text, ",\"{name}\":[");
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        each(text, item);
    }
    text.push(']');
}

/// The word for a state, which never changes.
const fn word(here: GroupState) -> &'static str {
    match here {
        GroupState::Stopped => "stopped",
        GroupState::Starting => "starting",
        GroupState::Running => "running",
        GroupState::Stopping => "stopping",
        GroupState::Failed => "failed",
        GroupState::Stuck => "stuck",
    }
}

/// A string in the form of RFC 8259.
fn string(text: &mut String, value: &str) {
    text.push('"');
    for letter in value.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _ = write!(text, "\\u{:04x}", u32::from(letter));
            }
            letter => text.push(letter),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_json_cannot_hold_are_escaped() {
        let mut text = String::new();
        string(&mut text, "a\"b\\c\n\u{7f}é/");
        assert_eq!(text, "\"a\\\"b\\\\c\\u000a\\u007fé/\"");
    }
}
