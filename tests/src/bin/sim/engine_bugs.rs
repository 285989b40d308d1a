//! Bugs in the engine itself: each is built into a copy of the source, and the simulated worlds must find it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hbcore_tests::lab::cargo;

/// A change of the source.
struct EngineBug {
    name: &'static str,
    file: &'static str,
    /// Occurs once in the file.
    from: &'static str,
    to: &'static str,
}

const BUGS: [EngineBug; 10] = [
    EngineBug {
        name: "off by one in the window: the first number of a gap does not count as missing",
        file: "core/src/sequence.rs",
        from: "newest.0 + 1..seq.0",
        to: "newest.0 + 2..seq.0",
    },
    EngineBug {
        name: "deaf: a message behind a small gap is taken for an old one",
        file: "core/src/sequence.rs",
        from: "let lost = seq.0 - newest.0 - 1;",
        to: "let lost = seq.0 - newest.0 - 1;\n        if (3..=MAX_GAP).contains(&lost) {\n            return Arrival::Old;\n        }",
    },
    EngineBug {
        name: "skipped fence: what a dead node may hold is taken at once",
        file: "core/src/takeover/fencing.rs",
        from: "if !self.fencing.device || !heir {",
        to: "if !self.fencing.device || !heir || node != self.home {",
    },
    EngineBug {
        name: "lost ticket: the end of every fourth effect of a group is ignored",
        file: "core/src/takeover/group.rs",
        from: "if group.in_flight.is_none_or(|f| f.ticket != ticket.0) {",
        to: "if group.in_flight.is_none_or(|f| f.ticket != ticket.0) || ticket.0 % 4 == 3 {",
    },
    EngineBug {
        name: "owner kept after a heal: nobody yields what both own",
        file: "core/src/takeover/partner.rs",
        from: "if self.hold.foreign && self.other.holds.local && rival {",
        to: "if self.hold.foreign && self.other.holds.local && rival && self.home != self.home {",
    },
    EngineBug {
        name: "twice: what came late is processed, whether it was missing or not",
        file: "core/src/sequence.rs",
        from: "return if self.fill(seq) { Arrival::Filled } else { Arrival::Old };",
        to: "self.fill(seq);\n            return Arrival::Filled;",
    },
    EngineBug {
        name: "silent loss: what is given up is not said",
        file: "core/src/cluster/inbound.rs",
        from: "self.event(Event::LostTooMany { node: id, lost });",
        to: "",
    },
    EngineBug {
        name: "patience: a node is dead after twice its dead time",
        file: "core/src/cluster/advance.rs",
        from: "if joining { initdead } else { node.deadtime }).max(patience);",
        to: "if joining { initdead } else { node.deadtime * 2 }).max(patience);",
    },
    EngineBug {
        name: "haste: a group is started while it stops",
        file: "core/src/takeover/group.rs",
        from: "(false, true, GroupState::Stopped | GroupState::Stuck) => Some(GroupState::Starting),",
        to: "(_, true, GroupState::Stopped | GroupState::Stuck | GroupState::Stopping) => Some(GroupState::Starting),",
    },
    EngineBug {
        name: "early end: a node leaves before its groups have stopped",
        file: "core/src/takeover.rs",
        from: "if self.class_settled(Class::All) && self.timers.linger.is_none() {",
        to: "if self.timers.linger.is_none() {",
    },
];

/// The number of seeds that are searched for a bug.
const SEEDS: u64 = 10_000;

/// Checks that each bug is found.
pub(super) fn all() -> Result<(), String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let place = this.ancestors().nth(2).ok_or("no target directory")?.join("planted");
    let copy = place.join("source");
    let _ = fs::remove_dir_all(&copy);
    copy_tree(&source, &copy)?;
    let missed: Vec<&str> = BUGS
        .iter()
        .filter_map(|bug| match bug.search(&source, &copy, &place.join("target")) {
            Ok(Some(found)) => {
                println!("{}: {found}", bug.name);
                None
            }
            Ok(None) => Some(Ok(bug.name)),
            Err(error) => Some(Err(error)),
        })
        .collect::<Result<_, _>>()?;
    if missed.is_empty() { Ok(()) } else { Err(format!("not found in {SEEDS} seeds:\n{}", missed.join("\n"))) }
}

impl EngineBug {
    /// The failure that was found, if any.
    fn search(&self, source: &Path, copy: &Path, target: &Path) -> Result<Option<String>, String> {
        let text = fs::read_to_string(source.join(self.file)).map_err(|error| format!("{}: {error}", self.file))?;
        if text.matches(self.from).count() != 1 {
            return Err(format!(
                "{}: `{}` does not stand there once: the bug is to be planted anew",
                self.file, self.from
            ));
        }
        let write =
            |text: &str| fs::write(copy.join(self.file), text).map_err(|error| format!("{}: {error}", self.file));
        write(&text.replace(self.from, self.to))?;
        let mut build = cargo();
        build.args(["build", "--quiet", "--release", "-p", "hbcore-tests", "--bin", "sim", "--manifest-path"]);
        build.arg(copy.join("Cargo.toml")).arg("--target-dir").arg(target).env("RUSTFLAGS", "--cap-lints=allow");
        let built = build.status().map_err(|error| error.to_string())?;
        write(&text)?;
        if !built.success() {
            return Err(format!("with this bug it cannot be built: {}", self.name));
        }
        let mut search = Command::new(target.join("release/sim"));
        search.args(["--first-of-ours", "--seeds", &SEEDS.to_string()]);
        let output = search.output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Some(text).filter(|text| !text.is_empty()))
    }
}

/// Copies the sources of the workspace, without outputs and hidden files.
fn copy_tree(from: &Path, to: &Path) -> Result<(), String> {
    let problem = |path: &Path, error: &std::io::Error| format!("{}: {error}", path.display());
    let mut open: Vec<(PathBuf, PathBuf)> = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = open.pop() {
        fs::create_dir_all(&to).map_err(|error| problem(&to, &error))?;
        for entry in fs::read_dir(&from).map_err(|error| problem(&from, &error))? {
            let entry = entry.map_err(|error| problem(&from, &error))?;
            let name = entry.file_name();
            let kind = entry.file_type().map_err(|error| problem(&entry.path(), &error))?;
            if name.to_string_lossy().starts_with('.') || name == "target" || name == "corpus" {
                continue;
            }
            if kind.is_dir() {
                open.push((entry.path(), to.join(name)));
            } else if kind.is_file() {
                fs::copy(entry.path(), to.join(name)).map_err(|error| problem(&entry.path(), &error))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_can_be_planted() {
        for bug in BUGS {
            let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(bug.file)).unwrap();
            assert_eq!(text.matches(bug.from).count(), 1, "{}: {}", bug.file, bug.from);
        }
    }
}
