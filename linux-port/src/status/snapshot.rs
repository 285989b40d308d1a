//! What this node sees at one moment: itself, the nodes with their links, the groups and where they are.

use std::fmt::Write as _;

use hbcore::cluster::NodeView;
use hbcore::id::LinkId;
use hbcore::node::{NodeKind, NodeState};
use hbcore::takeover::{Group, GroupState, Holds, Phase, Standby};

use crate::driver::LinuxCluster;
use crate::jobs::Running;

/// One moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Of the program.
    pub release: &'static str,
    /// Of the daemon.
    pub pid: u32,
    /// This node's name.
    pub node: String,
    /// This node's state: `init`, `up`, `active` or `dead`.
    pub state: String,
    /// What this node claims: `none`, `local`, `foreign` or `all`.
    pub holds: &'static str,
    /// How far resource management is.
    pub progress: Progress,
    /// All nodes, ping nodes as well, in the order of `ha.cf`.
    pub nodes: Vec<NodeRow>,
    /// All groups, in the order of `haresources`.
    pub groups: Vec<GroupRow>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: String,
    /// It is this node.
    pub is_local: bool,
    /// It is only asked whether it answers.
    pub is_ping: bool,
    /// The links it could be heard on, and whether it is; none for this node.
    pub links: Vec<(String, bool)>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// Its first resource.
    pub key: String,
    /// Its home node.
    pub home: String,
    /// What this node does with it.
    pub here: GroupState,
    /// The node that has it, as far as this node knows.
    pub at: Option<String>,
    /// The script that runs for it, and for how many seconds.
    pub script: Option<(String, u64)>,
    /// There are exactly two nodes: what is not here and not there is nowhere.
    pub is_known: bool,
}

/// How far resource management is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The other nodes have not been heard yet.
    Joining,
    /// The two nodes tell each other what they hold.
    Agreeing,
    /// Nothing moves.
    Settled,
    /// Groups are being started or stopped here.
    Moving,
    /// Groups go to the other node.
    Giving,
    /// Groups come from the other node.
    Taking,
    /// Everything is being given up.
    Leaving,
    /// Everything has been given up.
    Left,
}

impl Progress {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Agreeing => "agreeing",
            Self::Settled => "settled",
            Self::Moving => "moving",
            Self::Giving => "giving",
            Self::Taking => "taking",
            Self::Leaving => "leaving",
            Self::Left => "left",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Joining => "finding out who is there",
            Self::Agreeing => "agreeing with the other node on what is whose",
            Self::Settled => "settled",
            Self::Moving => "starting or stopping groups",
            Self::Giving => "giving groups to the other node",
            Self::Taking => "taking groups from the other node",
            Self::Leaving => "giving everything up",
            Self::Left => "has given everything up",
        }
    }
}

impl Snapshot {
    /// This moment. `links` and `groups`: their names, in the engine's order; `scripts`: those that run.
    pub fn of(cluster: &LinuxCluster, links: &[String], groups: &[String], scripts: &[Running]) -> Self {
        let (node, state) = cluster.node(cluster.local()).map_or_else(
            || ("?".to_owned(), "?".to_owned()),
            |n| (n.name.as_str().to_owned(), n.state.as_str().to_owned()),
        );
        Self {
            release: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            node,
            state,
            holds: cluster.takeover().holds().as_str(),
            progress: progress(cluster),
            nodes: cluster.nodes().map(|n| node_row(cluster, &n, links)).collect(),
            groups: cluster.groups().iter().zip(groups).map(|(g, key)| group_row(cluster, g, key, scripts)).collect(),
        }
    }

    /// The groups that are being stopped here, by their keys, each with the script that runs.
    pub fn stopping(&self) -> Vec<String> {
        let stopping = self.groups.iter().filter(|g| g.here == GroupState::Stopping || g.here == GroupState::Stuck);
        stopping.map(|g| format!("{}{}", g.key, script(g))).collect()
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let holds = if self.progress == Progress::Joining { String::new() } else { format!("holds {}, ", self.holds) };
        let _ = writeln!(text, "{}: {}, {holds}{}", self.node, self.state, self.progress.sentence());
        let _ = writeln!(text, "hbcore {}, pid {}", self.release, self.pid);
        let nodes: Vec<[String; 3]> = self.nodes.iter().map(|n| [n.name.clone(), n.state.clone(), heard(n)]).collect();
        table(&mut text, ["node", "state", "links"], &nodes);
        let groups: Vec<[String; 3]> = self.groups.iter().map(|g| [g.key.clone(), g.home.clone(), place(g)]).collect();
        if !groups.is_empty() {
            table(&mut text, ["group", "home", "where"], &groups);
        }
        text
    }
}

fn progress(cluster: &LinuxCluster) -> Progress {
    let takeover = cluster.takeover();
    match (takeover.phase(), takeover.standby()) {
        (Phase::Init, _) => Progress::Joining,
        (Phase::Leaving, _) => Progress::Leaving,
        (Phase::Left, _) => Progress::Left,
        (Phase::Starting | Phase::BothStarting | Phase::Reported, _) => Progress::Agreeing,
        (Phase::Stable, Standby::Asking(_) | Standby::Releasing(_) | Standby::Released(_)) => Progress::Giving,
        (Phase::Stable, Standby::Offered(_) | Standby::Acquiring(_)) => Progress::Taking,
        (Phase::Stable, Standby::NotAsked) if cluster.groups().iter().any(is_moving) => Progress::Moving,
        (Phase::Stable, Standby::NotAsked) => Progress::Settled,
    }
}

fn is_moving(group: &Group) -> bool {
    matches!(group.state(), GroupState::Starting | GroupState::Stopping)
}

fn node_row(cluster: &LinuxCluster, node: &NodeView<'_>, links: &[String]) -> NodeRow {
    let is_local = node.id == cluster.local();
    let is_ping = node.kind == NodeKind::Ping;
    let is_pinged = |link: &str| cluster.nodes().any(|n| n.kind == NodeKind::Ping && n.name.as_str() == link);
    let is_theirs = |link: &str| if is_ping { link == node.name.as_str() } else { !is_local && !is_pinged(link) };
    let theirs = (0..).zip(links).filter(|(_, link)| is_theirs(link));
    NodeRow {
        name: node.name.as_str().to_owned(),
        state: node.state.as_str().to_owned(),
        is_local,
        is_ping,
        links: theirs.map(|(n, link)| (link.clone(), node.links_up.contains(LinkId(n)))).collect(),
    }
}

fn group_row(cluster: &LinuxCluster, group: &Group, key: &str, scripts: &[Running]) -> GroupRow {
    let name = |id| cluster.node(id).map(|n| n.name.as_str().to_owned());
    let here = group.state();
    let mut others = cluster.nodes().filter(|n| n.id != cluster.local() && n.kind == NodeKind::Normal);
    let other = others.next().filter(|_| others.next().is_none());
    let Holds { local, foreign } = cluster.takeover().other_holds();
    let there = other.as_ref().filter(|other| {
        let is_claimed = if group.home == other.id { local } else { foreign };
        is_claimed && *other.state != NodeState::Dead
    });
    let at = match here {
        GroupState::Running | GroupState::Stopping | GroupState::Stuck => name(cluster.local()),
        GroupState::Starting | GroupState::Failed => None,
        GroupState::Stopped => there.and_then(|n| name(n.id)),
    };
    let home = name(group.home).unwrap_or_else(|| "?".to_owned());
    let script = scripts.iter().find(|s| s.group == key).filter(|_| is_moving(group));
    let script = script.map(|s| (s.what.clone(), s.for_so_long.as_secs()));
    GroupRow { key: key.to_owned(), home, here, at, script, is_known: other.is_some() }
}

/// On which links a node is heard, and on which it is not.
fn heard(node: &NodeRow) -> String {
    if node.is_local {
        return "this node".to_owned();
    }
    let words = node.links.iter().map(|(link, up)| format!("{link} {}", if *up { "up" } else { "silent" }));
    words.collect::<Vec<_>>().join(", ")
}

/// Where a group is, as far as this node knows.
fn place(group: &GroupRow) -> String {
    let here = match group.here {
        GroupState::Running => "runs here",
        GroupState::Starting => "is being started here",
        GroupState::Stopping => "is being stopped here",
        GroupState::Failed => "could not be started here",
        GroupState::Stuck => "cannot be stopped here",
        GroupState::Stopped => "",
    };
    match &group.at {
        _ if !here.is_empty() => format!("{here}{}", script(group)),
        Some(name) => format!("at {name}"),
        None if group.is_known => "nowhere".to_owned(),
        None => "not here".to_owned(),
    }
}

/// The script that runs, in brackets.
fn script(group: &GroupRow) -> String {
    group.script.as_ref().map_or_else(String::new, |(what, seconds)| format!(" ({what}, {seconds} s)"))
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

    fn seen() -> Snapshot {
        let node = |name: &str, is_local, is_ping, links| NodeRow {
            name: name.to_owned(),
            state: if is_ping { "ping" } else { "active" }.to_owned(),
            is_local,
            is_ping,
            links,
        };
        let group = |key: &str, here, at: Option<&str>| GroupRow {
            key: key.to_owned(),
            home: "alpha".to_owned(),
            here,
            at: at.map(str::to_owned),
            script: (here == GroupState::Stopping).then(|| ("web stop".to_owned(), 21)),
            is_known: true,
        };
        Snapshot {
            release: "1.2.3",
            pid: 42,
            node: "alpha".to_owned(),
            state: "active".to_owned(),
            holds: "local",
            progress: Progress::Leaving,
            nodes: vec![
                node("alpha", true, false, vec![]),
                node("bravo", false, false, vec![("eth0".to_owned(), true), ("/dev/ttyS0".to_owned(), false)]),
                node("192.0.2.254", false, true, vec![("192.0.2.254".to_owned(), true)]),
            ],
            groups: vec![
                group("192.0.2.1", GroupState::Stopping, Some("alpha")),
                group("192.0.2.2", GroupState::Stopped, Some("bravo")),
                group("192.0.2.3", GroupState::Failed, None),
                group("192.0.2.4", GroupState::Stopped, None),
            ],
        }
    }

    #[test]
    fn people_get_tables() {
        assert_eq!(
            seen().text(),
            "alpha: active, holds local, giving everything up\n\
             hbcore 1.2.3, pid 42\n\
             \n\
             node         state   links\n\
             alpha        active  this node\n\
             bravo        active  eth0 up, /dev/ttyS0 silent\n\
             192.0.2.254  ping    192.0.2.254 up\n\
             \n\
             group      home   where\n\
             192.0.2.1  alpha  is being stopped here (web stop, 21 s)\n\
             192.0.2.2  alpha  at bravo\n\
             192.0.2.3  alpha  could not be started here\n\
             192.0.2.4  alpha  nowhere\n"
        );
        assert_eq!(seen().stopping(), ["192.0.2.1 (web stop, 21 s)"]);
    }

    #[test]
    fn monitors_get_the_same_under_names_that_stay() {
        assert_eq!(
            seen().json(),
            concat!(
                r#"{"version":1,"running":true,"hbcore":"1.2.3","node":"alpha","state":"active","holds":"local","#,
                r#""progress":"leaving","pid":42,"nodes":["#,
                r#"{"name":"alpha","state":"active","local":true,"ping":false,"links":[]},"#,
                r#"{"name":"bravo","state":"active","local":false,"ping":false,"#,
                r#""links":[{"name":"eth0","up":true},{"name":"/dev/ttyS0","up":false}]},"#,
                r#"{"name":"192.0.2.254","state":"ping","local":false,"ping":true,"links":[{"name":"192.0.2.254","up":true}]}],"#,
                r#""groups":["#,
                r#"{"key":"192.0.2.1","home":"alpha","here":"stopping","at":"alpha","script":"web stop","seconds":21},"#,
                r#"{"key":"192.0.2.2","home":"alpha","here":"stopped","at":"bravo","script":null,"seconds":null},"#,
                r#"{"key":"192.0.2.3","home":"alpha","here":"failed","at":null,"script":null,"seconds":null},"#,
                r#"{"key":"192.0.2.4","home":"alpha","here":"stopped","at":null,"script":null,"seconds":null}]}"#,
                "\n"
            )
        );
    }
}
