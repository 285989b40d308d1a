//! The words of a problem: one for monitors, a sentence for people, and a remedy.

use super::Problem;
use std::fmt;

/// The word of each problem, so that none is left out of the list.
macro_rules! words {
    ($($variant:ident => $word:literal,)+) => {
        /// All words for monitors.
        pub const WORDS: &'static [&'static str] = &[$($word),+];

        /// The word for monitors. It never changes.
        pub const fn word(&self) -> &'static str {
            match self {
                $(Self::$variant { .. } => $word,)+
            }
        }
    };
}

impl Problem {
    words! {
        StopUnseen => "stop-unseen",
        StopDoubtful => "stop-doubtful",
        ScriptMissing => "script-missing",
        FailedHere => "failed-here",
        AddressLost => "address-lost",
        AddressConflict => "address-conflict",
        AddressesUnrecorded => "addresses-unrecorded",
        RunsNowhere => "runs-nowhere",
        StopEscalated => "stop-escalated",
        FenceFails => "fence-fails",
        FenceMissing => "fence-missing",
        NodeDead => "node-dead",
        NodeLeft => "node-left",
        PingDead => "ping-dead",
        LinkDead => "link-dead",
        ForeignKey => "foreign-key",
        UnknownNode => "unknown-node",
        NameTaken => "name-taken",
        ResourcesDiffer => "haresources-differ",
        FailbackDiffers => "failback-differs",
        ReleaseDiffers => "release-differs",
        ClockDiffers => "clock-differs",
        ClockJumped => "clock-jumped",
        NoAnswer => "no-answer",
        ReloadRefused => "reload-refused",
        WorkRefused => "work-refused",
        LogLosesLines => "log-loses-lines",
        StatusRefused => "status-refused",
        StartWaits => "start-waits",
    }

    /// The operator's remedy.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::StopUnseen { .. } => {
                "stop it by hand and make `status` of the script say so; `next` of its group in `hb status` says what comes after the last attempt"
            }
            Self::StopDoubtful { .. } => {
                "find out why its stop fails before the next one is needed: that would end with an escalation"
            }
            Self::ScriptMissing { .. } => {
                "put the script and its interpreter back (reinstall the package), `chmod 755` it; it is looked for again by itself"
            }
            Self::FailedHere { .. } => {
                "mend the cause; then `hb takeover` tries it here again, or `heartbeat -r` takes this line down"
            }
            Self::AddressLost { .. } => {
                "look what removes the address: a network manager, a script, an interface that goes away"
            }
            Self::AddressConflict { .. } => {
                "find the host with this hardware address and take the address from it; see also address_conflict in hbcore.cf"
            }
            Self::AddressesUnrecorded { .. } => {
                "make room in the run directory, or mount it writable; after a crash the addresses would stay until the next start"
            }
            Self::RunsNowhere { .. } => {
                "the table of groups says what was tried and what is next; the log has the scripts' last words"
            }
            Self::StopEscalated { .. } => {
                "if this node stays up, stop what is left by hand, then ask for a standby of it with `hb standby`"
            }
            Self::FenceFails { .. } => {
                "look for the program's last words in the log; if the node is off for certain, let the program return 0 for once"
            }
            Self::FenceMissing { .. } => {
                "put the program there and make it executable; it is looked for each minute, and each five seconds while a node is to be fenced"
            }
            Self::ForeignKey { .. } => {
                "make authkeys the same on all nodes, then `heartbeat -r`; if it is another cluster, give it another udpport"
            }
            Self::UnknownNode { .. } => {
                "here: if it belongs to this cluster, write `node` and its name into ha.cf on all nodes, then `heartbeat -r`; there: correct its name (`uname -n`, nodeinfo), or stop heartbeat"
            }
            Self::NodeDead { .. } => {
                "look at that node and at the links to it; as long as it is dead, nothing can be taken over"
            }
            Self::NodeLeft { .. } => "start heartbeat there again; as long as it is away, nothing can be taken over",
            Self::PingDead { .. } => "look whether the host answers `ping`; ipfail and the like act on this",
            Self::LinkDead { .. } => {
                "look at the cable, the interface and the firewall of this link at both nodes; the next link that fails may divide the cluster"
            }
            Self::NameTaken { .. } => "give the other host another name: `uname -n`, or the first line of its nodeinfo",
            Self::ResourcesDiffer { .. } => {
                "make haresources the same on both nodes, in the same order of lines, then `heartbeat -r` where it changed"
            }
            Self::FailbackDiffers { .. } => "write the same auto_failback into ha.cf of both nodes",
            Self::ReleaseDiffers { .. } => "that is well for an update, one node after the other: finish it",
            Self::ClockDiffers { .. } => {
                "let both nodes have their time from a server (ntp); no failover depends on it, logs do"
            }
            Self::ClockJumped { .. } => "look what sets the clock; no failover depends on it, the times in the log do",
            Self::NoAnswer => {
                "the other node's log says why; if it speaks of an unknown node, write the name of this node into its ha.cf; if it speaks of a replay, set the clock here, write that time in seconds since 1970 into hb_generation, and restart"
            }
            Self::ReloadRefused { .. } => {
                "mend the cause, then `heartbeat -r`; until then the old configuration is in use"
            }
            Self::WorkRefused { .. } => {
                "look at the limits of processes and threads (pids.max, ulimit -u) and at the memory"
            }
            Self::LogLosesLines { .. } => {
                "make room on its disk, let somebody read the FIFO, raise the limit of file sizes, or start the syslog daemon; `heartbeat -r` writes a line at once"
            }
            Self::StatusRefused => {
                "look at the limit of open files (ulimit -n, LimitNOFILE) and at what holds them open"
            }
            Self::StartWaits { .. } => {
                "look why the script does not end; `heartbeat -k` ends the start and leaves what runs here as it is"
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StopUnseen { group, member } => {
                write!(f, "{group} may still run here: nobody has seen {member} stopped")
            }
            Self::StopDoubtful { group, member } => {
                write!(f, "{group} runs here and could not be stopped: {member} was told to stop and runs on")
            }
            Self::ScriptMissing { script } => write!(f, "the script {script} cannot be run"),
            Self::FailedHere { group } => {
                write!(f, "{group} failed here, and until it has run here again there is no second node for it")
            }
            Self::AddressLost { address } => write!(f, "{address} is owned here and not on its interface"),
            Self::AddressConflict { address, mac } => write!(f, "the host {mac} has {address}, which is owned here"),
            Self::AddressesUnrecorded { path } => write!(f, "addresses are taken without a note in {path}"),
            Self::NoAnswer => {
                f.write_str("the other node is heard and does not say what it holds: nothing is started here")
            }
            Self::ReloadRefused => f.write_str("the changed configuration is not in use"),
            Self::RunsNowhere { group } => write!(f, "{group} runs on no node"),
            Self::StopEscalated { group } => write!(f, "{group} does not stop here, and nobody else may start it"),
            Self::FenceFails { node, device } => {
                write!(f, "{node} is not fenced: {device} fails, and nothing that it may hold is started")
            }
            Self::FenceMissing { program } => {
                write!(f, "{program}, which fences, does not exist or is not executable")
            }
            Self::NodeDead { node } => write!(f, "node {node} is dead"),
            Self::NodeLeft { node } => write!(f, "node {node} was stopped in order"),
            Self::PingDead { node } => write!(f, "the ping node {node} does not answer"),
            Self::LinkDead { node, link } => write!(f, "node {node} is not heard on link {link}"),
            Self::ForeignKey { from } => write!(f, "packets from {from} are signed with another key"),
            Self::UnknownNode { name, from } => {
                write!(f, "node {name} at {from} is not in ha.cf: it is not listened to")
            }
            Self::NameTaken { from } => write!(f, "another host at {from} has the name of this node"),
            Self::ResourcesDiffer { node } => write!(f, "haresources differs between this node and {node}"),
            Self::FailbackDiffers { node } => {
                write!(f, "only one of this node and {node} has auto_failback legacy: they cannot share groups")
            }
            Self::ReleaseDiffers { node, theirs } if theirs.is_empty() => {
                write!(f, "{node} runs an earlier release of hbcore, which does not say which")
            }
            Self::ReleaseDiffers { node, theirs } => {
                write!(f, "{node} runs hbcore {theirs}, this node {}", env!("CARGO_PKG_VERSION"))
            }
            Self::ClockDiffers { node } => {
                write!(f, "the clock of {node} is more than ten seconds away from that of this node")
            }
            Self::ClockJumped { seconds } => write!(f, "the clock of this node was set by {seconds} s"),
            Self::WorkRefused { what } => write!(f, "no thread or process could be had for: {what}"),
            Self::LogLosesLines { file } if file.is_empty() => {
                f.write_str("lines of the log are lost: they come faster than they can be written")
            }
            Self::LogLosesLines { file } => write!(f, "lines of the log are lost: {file} cannot be written"),
            Self::StatusRefused => f.write_str("somebody asked for the status and could not be let in"),
            Self::StartWaits { script } => write!(f, "this node does not join before {script} has ended"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/status.md");

    /// The first words of the rows of the table of problems.
    fn documented() -> Vec<&'static str> {
        let (_, section) = PAGE.split_once("\n## Problems\n").expect("a section about problems");
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |")).map(|(word, _)| word).collect()
    }

    #[test]
    fn table_of_problems_has_each_word_once_and_no_other() {
        let (mut documented, mut words) = (documented(), Problem::WORDS.to_vec());
        documented.sort_unstable();
        words.sort_unstable();
        assert_eq!(documented, words);
    }

    #[test]
    fn row_of_a_problem_has_its_cause_its_course_its_cure_and_its_end() {
        let (_, section) = PAGE.split_once("\n## Problems\n").expect("a section about problems");
        for row in section.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            assert!(cells.len() == 5 && cells.iter().all(|cell| !cell.is_empty()), "{row}");
        }
    }
}
