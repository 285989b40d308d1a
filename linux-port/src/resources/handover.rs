//! What a daemon that restarts by exec tells its successor in the same process (resource reference 6.3): its groups run on.

use super::Plan;
use hbcore::takeover::Holds;
use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The file in the state directory. It lives from the exec to the start of the successor.
const NAME: &str = "restart";

/// The claims and what is up for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handover {
    /// What this node claims.
    pub holds: Holds,
    /// The groups that run, as their resources stand in `haresources`.
    pub groups: Vec<String>,
    /// The addresses that were not there before this daemon took them.
    pub added: Vec<IpAddr>,
}

impl Handover {
    /// Writes it for the successor. To be called when the heartbeat has stopped: this waits for the disk.
    ///
    /// # Errors
    /// The system's refusal; the successor then takes every group of the claimed classes for running.
    pub fn write(&self, state_dir: &Path) -> io::Result<()> {
        let path = state_dir.join(NAME);
        let _ = fs::remove_file(&path);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "holds {}", self.holds.as_str())?;
        for group in &self.groups {
            writeln!(file, "group {group}")?;
        }
        for address in &self.added {
            writeln!(file, "added {address}")?;
        }
        file.sync_all()
    }

    /// Reads it, once. `held`: the value of `-C`, which is all there is when 3.0.6 was the predecessor; then the groups are not known.
    pub fn take(state_dir: &Path, held: Option<Holds>) -> Option<Self> {
        let path = state_dir.join(NAME);
        let text = fs::read_to_string(&path).ok();
        let _ = fs::remove_file(path);
        text.map(|text| Self::parse(&text)).filter(|known| Some(known.holds) == held)
    }

    /// Whether anything of a group was up: then it is not an old leftover.
    pub fn shares(&self, plan: &Plan) -> bool {
        let words = || self.groups.iter().flat_map(|group| group.split(' '));
        plan.words.split(' ').any(|word| words().any(|w| w == word))
    }

    fn parse(text: &str) -> Self {
        let mut handover = Self::default();
        for (what, value) in text.lines().filter_map(|line| line.split_once(' ')) {
            match what {
                "holds" => handover.holds = Holds::parse(value.as_bytes()).unwrap_or_default(),
                "group" => handover.groups.push(value.to_owned()),
                "added" => handover.added.extend(value.parse::<IpAddr>().ok()),
                _ => {}
            }
        }
        handover
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_reads_what_was_written_and_only_once() {
        let place = std::env::temp_dir().join(format!("hbcore-handover-{}", std::process::id()));
        fs::create_dir_all(&place).expect("a directory");
        let written = Handover {
            holds: Holds::ALL,
            groups: vec!["10.0.0.1/24/eth0 nginx".to_owned()],
            added: vec!["10.0.0.1".parse().expect("an address")],
        };
        written.write(&place).expect("written");
        assert_eq!(Handover::take(&place, Some(Holds::ALL)), Some(written.clone()));
        assert_eq!(Handover::take(&place, Some(Holds::ALL)), None);
        written.write(&place).expect("written");
        assert_eq!(Handover::take(&place, Some(Holds { local: true, foreign: false })), None, "of another restart");
        let _ = fs::remove_dir_all(place);
    }
}
