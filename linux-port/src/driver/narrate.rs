//! Events in the words that monitors and administrators of 3.0.6 know (docs/protocol/resources.md 1 and 9.3).

use super::Words;
use crate::cluster_view::LinuxCluster;
use crate::log::{Level, Logger, Omitted, RateLimit, Verdict};
use crate::problems::Problem;
use hbcore::cluster::Carrier;
use hbcore::id::{GroupId, LinkId, NodeId};
use hbcore::takeover::{Class, Notice};
use hbcore::time::{Duration, Instant};
use hbcore::wire::{HeaderError, Structure};
use hbcore::{DatagramError, Event};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Classes of lines that an outsider can cause. Each has a limit of its own.
const CLASSES: usize = 7;

/// The last two of them.
const REPLAY: usize = 5;
const NAME_CONFLICT: usize = 6;
/// The number of own addresses that are remembered.
const OWN_ADDRESSES: usize = 8;

/// The sender of a message, where it is known.
struct Sender(Option<SocketAddr>);

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |from| write!(f, " from {}", from.ip()))
    }
}

/// Writes events to the log.
pub(super) struct Narrator {
    log: Logger,
    links: Vec<String>,
    groups: Vec<String>,
    home: String,
    /// The fencing device, for people.
    device: String,
    complete: bool,
    /// A node announced that it leaves. 3.0.6 takes over its groups as in a standby, and logs that.
    taking_as_standby: bool,
    limits: [RateLimit; CLASSES],
    /// Own addresses from which messages of ours came back.
    own: Vec<IpAddr>,
    /// The end and the length of our last stall.
    asleep: Option<(Instant, Duration)>,
    lateness: Duration,
}

impl Narrator {
    pub(super) fn new(log: &Logger, links: &[String], home: String, Words { groups, device, lateness }: Words) -> Self {
        Self {
            log: log.clone(),
            links: links.to_vec(),
            groups,
            home,
            device,
            complete: false,
            taking_as_standby: false,
            limits: std::array::from_fn(|_| RateLimit::new(5, Duration::from_secs(10))),
            own: Vec::new(),
            asleep: None,
            lateness,
        }
    }

    /// The keys of the groups.
    pub(super) fn groups(&self) -> &[String] {
        &self.groups
    }

    /// The fencing device.
    pub(super) fn device(&self) -> &str {
        &self.device
    }

    /// A sender, for people: its address, or the link where there is none.
    pub(super) fn origin(&self, link: LinkId, sender: Option<SocketAddr>) -> String {
        sender.map_or_else(|| self.link(link).to_owned(), |from| from.ip().to_string())
    }

    /// Logs a problem that `hb status` shows from now on, unless another line already reports it.
    pub(super) fn found(&self, problem: &Problem) {
        match problem {
            Problem::ResourcesDiffer { .. } => self.log.error(format_args!("{problem}: {}", problem.remedy())),
            Problem::ReleaseDiffers { .. } | Problem::ClockDiffers { .. } | Problem::RunsNowhere { .. } => {
                self.log.warn(format_args!("{problem}: {}", problem.remedy()));
            }
            _ => {}
        }
    }

    /// A datagram was dropped.
    pub(super) fn dropped(&mut self, now: Instant, link: LinkId, sender: Option<SocketAddr>, error: DatagramError) {
        let class = match error {
            DatagramError::Packet(packet) if packet.is_authentication() => 0,
            DatagramError::Packet(_) => 1,
            DatagramError::UnknownNode => 2,
            DatagramError::Header(HeaderError::Compressed) => 3,
            _ => 4,
        };
        if let Some(more) = self.limited(now, class) {
            let from = Sender(sender);
            self.log.warn(format_args!("Dropped a packet on link {}{from}: {error}{more}", self.link(link)));
        }
    }

    /// A datagram of an earlier run of its sender was dropped: a replay, or a node that has lost its generation.
    pub(super) fn replayed(&mut self, now: Instant, cluster: &LinuxCluster, sender: Option<SocketAddr>, bytes: &[u8]) {
        let Some(more) = self.limited(now, REPLAY) else { return };
        // The engine found it authentic and well-formed.
        let Ok(message) = Structure::local(bytes) else { return };
        let src = message.text("src").unwrap_or_default();
        let known = cluster.nodes().find(|node| node.name.as_bytes() == src).map_or(0, |node| node.generation.0);
        let given = message.text("hg").and_then(|hex| std::str::from_utf8(hex).ok());
        let given = given.and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0);
        let (name, from) = (String::from_utf8_lossy(src), Sender(sender));
        self.log.error(format_args!(
            "should_drop_message: attempted replay attack [{name}]? [gen = {given}, curgen = {known}]{from}{more}"
        ));
    }

    /// A message under our own name that we may have sent: a broadcast that came back, or one of a copy of this
    /// machine, which has our generation and our identity. Returns true for that of a copy.
    pub(super) fn echo(&mut self, now: Instant, link: LinkId, sender: Option<SocketAddr>) -> bool {
        let is_copy = sender.is_some_and(|sender| !self.is_own(sender));
        if is_copy {
            self.name_conflict(now, link, sender);
        }
        is_copy
    }

    /// A message under our own name that we cannot have sent.
    pub(super) fn name_conflict(&mut self, now: Instant, link: LinkId, sender: Option<SocketAddr>) {
        if let Some(more) = self.limited(now, NAME_CONFLICT) {
            let (link, home, from) = (self.link(link), &self.home, Sender(sender));
            self.log.crit(format_args!(
                "Another host on {link} calls itself {home}{from}: its messages are dropped. Give it another name.{more}"
            ));
        }
    }

    /// Whether this machine has the address, which it needs to bind a socket to it.
    fn is_own(&mut self, mut address: SocketAddr) -> bool {
        if self.own.contains(&address.ip()) {
            return true;
        }
        address.set_port(0);
        let is_own = UdpSocket::bind(address).map_or_else(|e| e.kind() != io::ErrorKind::AddrNotAvailable, |_| true);
        if is_own && self.own.len() < OWN_ADDRESSES {
            self.own.push(address.ip());
        }
        is_own
    }

    /// We stalled until `now`, for this long after our deadline.
    pub(super) fn overslept(&mut self, now: Instant, late_by: Duration) {
        self.asleep = Some((now, late_by));
    }

    /// Whether our own stall explains a silence that ends at `now`.
    fn was_asleep(&self, now: Instant, silence: Duration) -> bool {
        self.asleep.is_some_and(|(at, slept)| now.since(at) < silence && silence.saturating_sub(slept) <= self.lateness)
    }

    /// Passes a few lines of a class in ten seconds, with the number of lines that were omitted since the last.
    fn limited(&mut self, now: Instant, class: usize) -> Option<Omitted> {
        match self.limits.get_mut(class)?.check(now) {
            Verdict::Pass { suppressed } => Some(Omitted(suppressed)),
            Verdict::Suppress => None,
        }
    }

    pub(super) fn tell(&mut self, cluster: &LinuxCluster, now: Instant, event: Event) {
        let name = |id: NodeId| cluster.node(id).map_or_else(|| "?".to_owned(), |n| n.name.as_str().to_owned());
        let log = &self.log;
        match event {
            Event::NodeState(id) => {
                let Some(node) = cluster.node(id) else { return };
                log.info(format_args!("Status update for node {}: status {}", node.name, node.state.as_str()));
            }
            Event::NodeDead(id) => log.warn(format_args!("node {}: is dead", name(id))),
            Event::NodeReturned(id) => {
                log.crit(format_args!("Cluster node {} returning after partition.", name(id)));
                log.warn(format_args!("Deadtime value may be too small."));
            }
            Event::NodeRestarted(id) => log.info(format_args!("Heartbeat restart on node {}", name(id))),
            Event::NodeAdded(id) => log.info(format_args!("Adding new node[{}] to configuration.", name(id))),
            Event::NodeRemoved(id) => log.info(format_args!("Removing node [{}] from configuration.", name(id))),
            Event::NodeRenamed(id) => log.warn(format_args!("A known node is now called [{}]", name(id))),
            Event::Late { interval, .. } if self.was_asleep(now, interval) => {}
            Event::Late { node, interval, critical } => {
                let (level, tail) = if critical { (Level::Crit, " (> deadtime)") } else { (Level::Warn, "") };
                let ms = interval.as_millis();
                log.log(level, format_args!("Late heartbeat: Node {}: interval {ms} ms{tail}", name(node)));
            }
            Event::LinkUp(id, link) => log.info(format_args!("Link {}:{} up.", name(id), self.link(link))),
            Event::LinkDown(id, link) => log.info(format_args!("Link {}:{} dead.", name(id), self.link(link))),
            Event::Carrier(link, Carrier::Absent) => log.warn(format_args!("Link {} is lost", self.link(link))),
            Event::Carrier(link, Carrier::Present) => log.info(format_args!("Link {} is back", self.link(link))),
            Event::Missing { node, lost, seen } => {
                let from = seen.0.saturating_sub(lost + 1);
                log.warn(format_args!("{lost} lost packet(s) for [{}] [{from}:{}]", name(node), seen.0));
            }
            Event::LostTooMany { node, lost } => {
                log.error(format_args!("{lost} lost packet(s) for [{}]: too many to ask for", name(node)));
            }
            Event::NothingMissing(id) => log.info(format_args!("No pkts missing from {}!", name(id))),
            Event::RepeatRefused(id, seq) => {
                log.error(format_args!("Irretrievably lost packet: node {} seq {}", name(id), seq.0));
            }
            Event::CommunicationUp => log.info(format_args!("Comm_now_up(): updating status to active")),
            Event::Active => log.info(format_args!("Local status now set to: 'active'")),
            Event::LocalStall(late_by) => log.warn(format_args!(
                "This node was not running for {} ms; no node is judged by that time.",
                late_by.as_millis()
            )),
            Event::Resource(notice) => {
                self.resource(&name, notice);
                let has_own = cluster.groups().iter().any(|g| g.home == cluster.local());
                if notice == Notice::LocalTransitionComplete && !has_own {
                    self.announce_completion("T_RESOURCES(us)");
                }
            }
            // The first two are logged with their message, which tells more.
            Event::Replay(_) | Event::NameConflict(_) | Event::Left => {}
            _ => log.debug(1, format_args!("{event:?}")),
        }
    }

    fn resource(&mut self, name: &dyn Fn(NodeId) -> String, notice: Notice) {
        let log = &self.log;
        match notice {
            Notice::LocalTransitionComplete => log.info(format_args!("local resource transition completed.")),
            Notice::NoReport => {
                log.warn(format_args!("The peer does not report its claim: it is asked again, nothing is started"));
            }
            Notice::RemoteTransitionComplete => log.info(format_args!("remote resource transition completed.")),
            Notice::AcquiringFrom(id) => log.info(format_args!("Resources being acquired from {}.", name(id))),
            Notice::TakeoverComplete(id) => {
                if std::mem::take(&mut self.taking_as_standby) {
                    log.info(format_args!("Standby resource acquisition done [foreign]."));
                }
                log.info(format_args!("mach_down takeover complete for node {}.", name(id)));
                log.info(format_args!("mach_down takeover complete."));
                self.announce_completion("mach_down");
            }
            Notice::NotFenced(_) => {
                log.warn(format_args!("No STONITH device configured."));
                log.warn(format_args!("Shared disks are not protected."));
            }
            Notice::Fencing(id) => log.info(format_args!("Resetting node {} with [{}]", name(id), self.device)),
            Notice::Fenced(id) => log.info(format_args!("node {} now reset.", name(id))),
            Notice::FenceFailed(id) => {
                log.error(format_args!("Host {} not reset!", name(id)));
                log.error(format_args!("STONITH of {} failed.  Retrying...", name(id)));
            }
            Notice::FenceCancelled(id) => log.warn(format_args!("Node {} is back: it is not reset any more", name(id))),
            Notice::GaveUp(id) => log.info(format_args!("Dead node {} gave up resources.", name(id))),
            Notice::ShutdownNotice(id) => {
                log.info(format_args!("Received shutdown notice from '{}'.", name(id)));
                self.taking_as_standby = true;
            }
            Notice::WantsStandby { node, class } => {
                log.info(format_args!("{} wants to go standby [{}]", name(node), class.as_str()));
            }
            Notice::StandbyAgreed { node, class } => {
                log.info(format_args!("standby: {} can take our {} resources", name(node), class.as_str()));
            }
            Notice::StandbyReleased(class) => {
                log.info(format_args!("Local standby process completed [{}].", class.as_str()));
            }
            Notice::StandbyHandedOver(class) => {
                log.info(format_args!("Other node completed standby takeover of {} resources.", class.as_str()));
            }
            Notice::StandbyAcquiring { node, class } => {
                log.info(format_args!("standby: acquire [{}] resources from {}", class.as_str(), name(node)));
            }
            Notice::StandbyAcquired(class) => {
                log.info(format_args!("Standby resource acquisition done [{}].", class.as_str()));
                self.announce_completion("T_RESOURCES(them)");
            }
            Notice::StandbyIgnored { node, other_in_flux } => {
                let who = if other_in_flux { "Other side is in flux." } else { "local resources in flux." };
                log.warn(format_args!("standby message from {} ignored.  {who}", name(node)));
            }
            Notice::StandbyUnanswered => {
                log.warn(format_args!("No reply to standby request.  Standby request cancelled."));
            }
            Notice::StandbyCancelled => log.info(format_args!("Cancelling pending standby operation")),
            Notice::Keeping(class) => {
                log.error(format_args!("{}", both_own(class)));
                log.warn(format_args!("A partition healed: this node keeps its {} resources", class.as_str()));
            }
            Notice::Yielding(class) => {
                log.error(format_args!("{}", both_own(class)));
                log.warn(format_args!("A partition healed: this node gives up {} resources", class.as_str()));
            }
            Notice::StartFailed(group) => {
                log.error(format_args!("Resource group {} does not start here", self.group(group)));
            }
            Notice::StopFailed(group) => {
                log.crit(format_args!("Resource STOP failure: {}. No other node may start it.", self.group(group)));
            }
            Notice::GivingAway(class) => log.warn(format_args!(
                "{} resources do not start here: the other node is asked to take them.",
                class.as_str()
            )),
            Notice::GroupLost(group) => log.error(format_args!(
                "Resource group {} cannot be kept here: the other node is asked to take it",
                self.group(group)
            )),
            Notice::ModeMismatch(id) => log.error(format_args!(
                "Only one of this node and {} has auto_failback legacy: they cannot share resources. Write the same in ha.cf of both.",
                name(id)
            )),
            Notice::StandbyUnsupported => log.info(format_args!("Standby mode only implemented when nice_failback on")),
            Notice::Started(group) => {
                log.info(format_args!("Resource group {} runs here", self.group(group)));
                self.announce_completion("req_our_resources");
            }
            Notice::Stopped(group) => log.info(format_args!("Resource group {} is stopped here", self.group(group))),
            Notice::GivingUp => log.info(format_args!("Giving up all HA resources.")),
            Notice::AllReleased => log.info(format_args!("All HA resources relinquished.")),
        }
    }

    /// Test suites wait for this line. It is written once.
    fn announce_completion(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.complete, true) {
            self.log.info(format_args!("Initial resource acquisition complete ({reason})"));
        }
    }

    fn link(&self, id: LinkId) -> &str {
        self.links.get(usize::from(id.0)).map_or("?", String::as_str)
    }

    fn group(&self, id: GroupId) -> &str {
        self.groups.get(usize::from(id.0)).map_or("?", String::as_str)
    }
}

fn both_own(class: Class) -> &'static str {
    match class {
        Class::Local | Class::All => "Both machines own our resources!",
        Class::Foreign => "Both machines own foreign resources!",
    }
}
