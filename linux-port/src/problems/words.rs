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
        RemovedStops => "removed-stops",
        FenceFails => "fence-fails",
        FenceSlow => "fence-slow",
        FenceMissing => "fence-missing",
        NodeDead => "node-dead",
        NodeLeft => "node-left",
        PingDead => "ping-dead",
        LinkDead => "link-dead",
        ForeignKey => "foreign-key",
        UnknownNode => "unknown-node",
        Replays => "replays",
        NameTaken => "name-taken",
        ResourcesDiffer => "haresources-differ",
        FailbackDiffers => "failback-differs",
        ReleaseDiffers => "release-differs",
        ClockDiffers => "clock-differs",
        ClockJumped => "clock-jumped",
        NoAnswer => "no-answer",
        ReloadRefused => "reload-refused",
        ReloadWaits => "reload-waits",
        LeaveWaits => "leave-waits",
        WorkRefused => "work-refused",
        LogLosesLines => "log-loses-lines",
        StatusRefused => "status-refused",
        ClientGivenUp => "client-given-up",
        ClientRebootFails => "client-reboot-fails",
        StartWaits => "start-waits",
        StartRefused => "start-refused",
    }

    /// The operator's remedy.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::StopUnseen { .. } => {
                "stop it by hand, so that `status` of the script reports it; `next` of its group in `hb status` tells what comes after the last attempt"
            }
            Self::StopDoubtful { .. } => {
                "find out why its stop fails before the next one is needed: that would end with an escalation"
            }
            Self::ScriptMissing { .. } => {
                "put the script and its interpreter back (reinstall the package), `chmod 755` it; the daemon looks for it again"
            }
            Self::FailedHere { .. } => {
                "repair the cause; then `hb takeover` tries it here again, or `heartbeat -r` clears this line"
            }
            Self::AddressLost { .. } => {
                "find out what removes the address: a network manager, a script, an interface that goes away"
            }
            Self::AddressConflict { .. } => {
                "find the host with this hardware address and take the address from it; see also address_conflict in hbcore.cf"
            }
            Self::AddressesUnrecorded { .. } => {
                "make room in the run directory, or mount it writable; after a crash the addresses would stay until the next start"
            }
            Self::RunsNowhere { .. } => {
                "see the table of groups for the attempts and the next step, and the log for the scripts' last lines"
            }
            Self::StopEscalated { .. } => {
                "stop the rest of the group by hand, then run `hb standby`; the node may reboot before that"
            }
            Self::RemovedStops { .. } => {
                "find out what its stop script waits for; until it has ended, a reload waits and this node does not leave"
            }
            Self::FenceFails { .. } => {
                "look for the program's last lines in the log; if the node is certainly off, let the program return 0 once"
            }
            Self::FenceSlow { .. } => "find out what the program waits for; fence_timeout in hbcore.cf limits it",
            Self::FenceMissing { .. } => {
                "install the program and make it executable; the daemon looks for it each minute, and every five seconds while a node waits to be fenced"
            }
            Self::ForeignKey { .. } => {
                "make authkeys the same on all nodes, then `heartbeat -r`; if it is another cluster, give it another udpport"
            }
            Self::UnknownNode { .. } => {
                "here: if it belongs to this cluster, write `node` and its name into ha.cf on all nodes, then `heartbeat -r`; there: correct its name (`uname -n`, nodeinfo), or stop heartbeat"
            }
            Self::NodeDead { .. } => {
                "look at that node and at the links to it; while it is dead, no node can take over from this one"
            }
            Self::NodeLeft { .. } => "start heartbeat there again; until then no node can take over from this one",
            Self::PingDead { .. } => "check whether the host answers `ping`; programs such as ipfail act on this",
            Self::LinkDead { .. } => {
                "look at the cable, the interface and the firewall of this link at both nodes; the next link that fails may divide the cluster"
            }
            Self::Replays { .. } => {
                "there: set the clock, write that time in seconds since 1970 into /var/lib/heartbeat/hb_generation, and restart heartbeat; or restart heartbeat here, which forgets the larger generation"
            }
            Self::NameTaken { .. } => "give the other host another name: `uname -n`, or the first line of its nodeinfo",
            Self::ResourcesDiffer { .. } => {
                "make haresources the same on both nodes, in the same order of lines, then `heartbeat -r` where it changed"
            }
            Self::FailbackDiffers { .. } => "write the same auto_failback into ha.cf of both nodes",
            Self::ReleaseDiffers { .. } => {
                "this is normal while the nodes are updated one after the other: finish the update"
            }
            Self::ClockDiffers { .. } => {
                "set both clocks from a time server (ntp); failover does not depend on them, but the times in logs do"
            }
            Self::ClockJumped { .. } => {
                "find out what sets the clock; failover does not depend on it, but the times in the log do"
            }
            Self::NoAnswer => {
                "the peer's log has the reason; if it names an unknown node, write the name of this node into its ha.cf; if it names a replay, set the clock here, write that time in seconds since 1970 into hb_generation, and restart"
            }
            Self::ReloadRefused { .. } => {
                "repair the cause, then `heartbeat -r`; until then the old configuration is in use"
            }
            Self::ReloadWaits => {
                "find out why the groups do not come to rest; `heartbeat -k` leaves with the old configuration instead"
            }
            Self::LeaveWaits => "find out what the stop scripts of the groups wait for",
            Self::WorkRefused { .. } => {
                "check the limits of processes and threads (pids.max, ulimit -u) and the free memory"
            }
            Self::LogLosesLines { .. } => {
                "make room on its disk, start the reader of the FIFO, raise the limit of file sizes, or start the syslog daemon; `heartbeat -r` writes a line at once"
            }
            Self::StatusRefused => {
                "check the limit of open files (ulimit -n, LimitNOFILE) and the programs that keep files open"
            }
            Self::ClientGivenUp { .. } => {
                "run it by hand as its user to see why it ends; then `heartbeat -r` starts it again"
            }
            Self::ClientRebootFails { .. } => {
                "find out why `reboot -nf` does nothing here (a container may not reboot), and why the client ends; then `heartbeat -r`"
            }
            Self::StartWaits { .. } => {
                "find out why the script does not end; `heartbeat -k` ends the start and leaves running services as they are"
            }
            Self::StartRefused => "mend the cause, then start heartbeat again as soon as this one has ended",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StopUnseen { group, member } => {
                write!(f, "{group} may still run here: the stop of {member} is not confirmed")
            }
            Self::StopDoubtful { group, member } => {
                write!(f, "{group} runs here as it should, but its last stop failed: {member} did not stop")
            }
            Self::ScriptMissing { script } => write!(f, "the script {script} cannot be run"),
            Self::FailedHere { group } => {
                write!(f, "{group} failed here: until it has run here again, there is no second node for it")
            }
            Self::AddressLost { address } => write!(f, "this node owns {address}, but it is not on its interface"),
            Self::AddressConflict { address, mac } => write!(f, "the host {mac} has {address}, which this node owns"),
            Self::AddressesUnrecorded { path } => write!(f, "addresses are brought up without a record in {path}"),
            Self::NoAnswer => f.write_str("the peer is heard but does not report its claim: nothing is started here"),
            Self::ReloadRefused => f.write_str("the changed configuration is not in use"),
            Self::ReloadWaits => {
                f.write_str("the changed configuration is not in use yet: the reload waits until nothing moves")
            }
            Self::LeaveWaits => f.write_str("this node was told to leave, and waits until groups have stopped here"),
            Self::RunsNowhere { group } => write!(f, "{group} runs on no node, as far as this node knows"),
            Self::RemovedStops { group } => write!(f, "{group} is no longer in haresources and still stops here"),
            Self::StopEscalated { group } => write!(f, "{group} does not stop here, so no other node may start it"),
            Self::FenceFails { node, device } => {
                write!(f, "{node} is not fenced: {device} fails, so the groups that it may run are not started")
            }
            Self::FenceSlow { node, device } => {
                write!(
                    f,
                    "{node} is not fenced yet: {device} has not ended, so the groups that it may run are not started"
                )
            }
            Self::FenceMissing { program } => {
                write!(f, "the fencing program {program} does not exist or is not executable")
            }
            Self::NodeDead { node } => write!(f, "node {node} is dead"),
            Self::NodeLeft { node } => write!(f, "node {node} was stopped in order"),
            Self::PingDead { node } => write!(f, "the ping node {node} does not answer"),
            Self::LinkDead { node, link } => write!(f, "node {node} is not heard on link {link}"),
            Self::ForeignKey { from } => write!(f, "packets from {from} are signed with another key"),
            Self::UnknownNode { name, from } => {
                write!(f, "node {name} at {from} is not in ha.cf: its messages are ignored")
            }
            Self::Replays { node } => {
                write!(
                    f,
                    "messages of {node} are dropped as replays: its generation is smaller than before, as after a lost hb_generation with a clock that is behind"
                )
            }
            Self::NameTaken { from } => write!(f, "another host at {from} has the name of this node"),
            Self::ResourcesDiffer { node } => write!(f, "haresources differs between this node and {node}"),
            Self::FailbackDiffers { node } => {
                write!(f, "only one of this node and {node} has auto_failback legacy: they cannot share groups")
            }
            Self::ReleaseDiffers { node, theirs } if theirs.is_empty() => {
                write!(f, "{node} runs an earlier release of hbcore, which does not tell its number")
            }
            Self::ReleaseDiffers { node, theirs } => {
                write!(f, "{node} runs hbcore {theirs}, this node {}", env!("CARGO_PKG_VERSION"))
            }
            Self::ClockDiffers { node } => {
                write!(f, "the clock of {node} is more than ten seconds away from that of this node")
            }
            Self::ClockJumped { seconds } => write!(f, "the clock of this node was set by {seconds} s"),
            Self::WorkRefused { what } => write!(f, "the system granted no thread or process for: {what}"),
            Self::LogLosesLines { file } if file.is_empty() => {
                f.write_str("lines of the log are lost: they come faster than they can be written")
            }
            Self::LogLosesLines { file } => write!(f, "lines of the log are lost: {file} cannot be written"),
            Self::StatusRefused => f.write_str("a connection that asked for the status could not be accepted"),
            Self::ClientGivenUp { client } => {
                write!(f, "the client {client} has died too often, and is not started again")
            }
            Self::ClientRebootFails { client } => {
                write!(f, "the client {client} has died, and this machine did not reboot")
            }
            Self::StartWaits { script } => write!(f, "this node does not join before {script} has ended"),
            Self::StartRefused => {
                f.write_str("this start is refused: heartbeat stops what an earlier run has left here, and ends")
            }
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
