//! The heartbeat thread's end: it reports events, and takes messages that clients want to send. It never waits.

use super::Fact;
use super::serve::Server;
use super::view::{About, NodeView, View};
use crate::cluster_view::LinuxCluster;
use crate::links::Links;
use crate::log::Logger;
use crate::sys::clock::Clock;
use crate::sys::fault;
use hbcore::cluster::NodeView as EngineNode;
use hbcore::id::{LinkId, NodeId};
use hbcore::node::NodeState;
use hbcore::takeover::Phase;
use hbcore::wire::{Structure, number};
use hbcore::{Event, NodeKind};
use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel, sync_channel};

/// Bounds of the queue to the clients' thread: the number of items, and their bytes together.
const TOLD_MAX: usize = 512;
const BYTES_MAX: usize = 512 * 1024;
/// Messages of clients that wait for the heartbeat thread. Each has 24 KiB at most, or it is dropped there.
const SAID_MAX: usize = 32;
/// Status messages of one turn that are kept until it is known whether they were news.
const STATUSES_MAX: usize = 32;
const STACK: usize = 128 * 1024;

/// An item for the clients' thread.
pub(super) enum Told {
    /// The present view of the cluster; `is_up` once clients may connect.
    View { view: Box<View>, is_up: bool },
    /// An event.
    Fact(Fact),
    /// A message that came from another node, or went out.
    Message(Vec<u8>),
}

/// State that both threads read.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The number of connections.
    pub(super) clients: AtomicUsize,
    /// Items in the queue.
    pub(super) told: AtomicUsize,
    /// Their bytes.
    pub(super) bytes: AtomicUsize,
    /// Whether an item found no room.
    pub(super) lost: AtomicBool,
    /// The socket was opened, or that has failed once.
    pub(super) tried: AtomicBool,
    /// The clients' thread waits until the heartbeat thread has taken something.
    pub(super) wants_room: AtomicBool,
}

/// The heartbeat thread's end.
pub struct Feed {
    told: Sender<Told>,
    said: Receiver<Vec<u8>>,
    shared: Arc<Shared>,
    /// Wakes the clients' thread.
    wake: Arc<OwnedFd>,
    /// Wakes the heartbeat thread.
    woken: Arc<OwnedFd>,
    /// A message that waits until the other nodes have caught up.
    held: Option<Vec<u8>>,
    facts: Vec<Fact>,
    /// Our own messages of this turn, which follow its facts: a death is told before the takeover.
    own: Vec<Vec<u8>>,
    statuses: Vec<Vec<u8>>,
    /// The newest of our own messages that was queued, or was sent while there were no clients.
    newest: u64,
    /// Whether items were queued since the other thread was woken.
    is_news: bool,
    view_due: bool,
    resources: &'static str,
    is_up: bool,
}

impl Feed {
    /// Starts the thread. Its socket appears below `run_dir` once all other nodes were heard or are dead.
    ///
    /// # Errors
    /// The system's refusal of a thread or a descriptor.
    #[cold]
    #[inline(never)]
    pub fn start(about: About, run_dir: &Path, log: &Logger) -> io::Result<Self> {
        // Bounded by the counters: a bounded channel of the library would take all of its memory at once.
        let (told, inbox) = channel();
        let (outbox, said) = sync_channel(SAID_MAX);
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let (wake, woken) = (Arc::new(eventfd(0, flags)?), Arc::new(eventfd(0, flags)?));
        let shared = Arc::new(Shared::default());
        let server = Server::new(about, run_dir, log, inbox, outbox, (&wake, &woken), &shared)?;
        fault::gate(fault::Call::Thread, "clients")?;
        std::thread::Builder::new().name("clients".to_owned()).stack_size(STACK).spawn(move || server.run())?;
        Ok(Self {
            told,
            said,
            shared,
            wake,
            woken,
            held: None,
            facts: Vec::new(),
            own: Vec::new(),
            statuses: Vec::new(),
            newest: 0,
            is_news: false,
            view_due: true,
            resources: "none",
            is_up: false,
        })
    }

    /// Readable when a client wants to send something.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }

    /// Whether clients can sign on, as far as that can be had.
    pub fn is_open(&self) -> bool {
        self.shared.tried.load(Ordering::Acquire)
    }

    /// Whether there are clients.
    fn has_clients(&self) -> bool {
        self.shared.clients.load(Ordering::Relaxed) > 0
    }

    /// The engine accepted this message from another node as new.
    pub fn received(&mut self, bytes: &[u8]) {
        let is_status = is_of_type(bytes, b"status");
        if !is_status && is_of_type(bytes, b"NS_") {
            return;
        }
        // It may have changed a weight, or told an identity.
        self.view_due |= !is_status;
        // The desk itself needs these two even without clients.
        if !self.has_clients() && !is_of_type(bytes, b"query-cstatus") && !is_of_type(bytes, b"setsite") {
            return;
        }
        if !is_status {
            return self.tell(Told::Message(bytes.to_vec()));
        }
        if self.statuses.len() < STATUSES_MAX {
            self.statuses.push(bytes.to_vec());
        }
    }

    /// The engine sends this, perhaps not for the first time.
    pub fn transmitted(&mut self, bytes: &[u8]) {
        if is_of_type(bytes, b"status") || is_of_type(bytes, b"NS_") {
            return;
        }
        if self.has_clients() || is_of_type(bytes, b"setsite") {
            self.own_message(bytes);
        }
    }

    #[cold]
    #[inline(never)]
    fn own_message(&mut self, bytes: &[u8]) {
        let Ok(message) = Structure::local(bytes) else { return };
        let sequence = message.text("seq").and_then(number::hex).unwrap_or(0);
        if sequence > self.newest {
            self.newest = sequence;
            self.own.push(bytes.to_vec());
        }
    }

    /// An event of the engine.
    pub fn event(&mut self, cluster: &LinuxCluster, links: &Links, event: Event) {
        match event {
            Event::NodeState(_)
            | Event::NodeDead(_)
            | Event::NodeRemoved(_)
            | Event::LinkUp(..)
            | Event::LinkDown(..) => {
                self.view_due = true;
                if self.has_clients() {
                    let fact = self.fact(cluster, links, event);
                    self.facts.extend(fact);
                }
            }
            Event::CommunicationUp => {
                self.is_up = true;
                self.view_due = true;
            }
            Event::NodeReturned(_)
            | Event::NodeRestarted(_)
            | Event::NodeAdded(_)
            | Event::NodeRenamed(_)
            | Event::Active => {
                self.view_due = true;
            }
            _ => {}
        }
    }

    #[cold]
    #[inline(never)]
    fn fact(&mut self, cluster: &LinuxCluster, links: &Links, event: Event) -> Option<Fact> {
        let name = |id: NodeId| cluster.node(id).map(|n| n.name.as_str().to_owned());
        let at = Clock.wall_seconds();
        match event {
            Event::NodeState(id) if id == cluster.local() => None,
            Event::NodeState(id) => match cluster.node(id)? {
                EngineNode { kind: NodeKind::Ping, state: NodeState::Ping, name, .. } => {
                    let (node, asked_by) = (name.as_str().to_owned(), links.ping_kind(name.as_str()));
                    Some(Fact::Answers { node, asked_by, at })
                }
                node => self.status_of(node.name.as_bytes()).map(Fact::Status),
            },
            Event::NodeDead(id) => {
                let is_ping = cluster.node(id)?.kind == NodeKind::Ping;
                let node = name(id)?;
                let asked_by = is_ping.then(|| links.ping_kind(&node));
                Some(Fact::Dead { node, asked_by, at })
            }
            Event::NodeRemoved(id) => name(id).map(Fact::Removed),
            Event::LinkUp(id, link) => Some(Fact::Link { node: name(id)?, link: link_name(links, link)?, up: true }),
            Event::LinkDown(id, link) => Some(Fact::Link { node: name(id)?, link: link_name(links, link)?, up: false }),
            _ => None,
        }
    }

    /// The status message of this turn that came first from this node.
    #[cold]
    #[inline(never)]
    fn status_of(&mut self, node: &[u8]) -> Option<Vec<u8>> {
        let is_its = |bytes: &Vec<u8>| Structure::local(bytes).is_ok_and(|message| message.text("src") == Some(node));
        let place = self.statuses.iter().position(is_its)?;
        Some(self.statuses.remove(place))
    }

    /// The end of a turn: how it looks now is told first, then deaths, then other facts, then our own messages.
    pub fn refresh(&mut self, cluster: &LinuxCluster, links: &Links) {
        self.statuses.clear();
        self.newest = self.newest.max(cluster.newest_sequence().0);
        let resources = resources(cluster);
        if std::mem::replace(&mut self.resources, resources) != resources {
            self.view_due = true;
        }
        if self.view_due {
            let view =
                Box::new(View { nodes: cluster.nodes().map(|n| node_view(cluster, links, &n)).collect(), resources });
            self.view_due = !self.hand_over(Told::View { view, is_up: self.is_up });
            self.is_news = true;
        }
        let mut facts = std::mem::take(&mut self.facts);
        facts.sort_by_key(|fact| !matches!(fact, Fact::Dead { .. }));
        for fact in facts {
            self.tell(Told::Fact(fact));
        }
        for message in std::mem::take(&mut self.own) {
            self.tell(Told::Message(message));
        }
        if std::mem::take(&mut self.is_news) {
            signal(&self.wake);
        }
    }

    fn tell(&mut self, told: Told) {
        if !self.hand_over(told) {
            self.shared.lost.store(true, Ordering::Relaxed);
        }
        self.is_news = true;
    }

    /// Queues an item. Returns whether there was room.
    fn hand_over(&self, told: Told) -> bool {
        let (items, bytes, size) = (&self.shared.told, &self.shared.bytes, told.size());
        if items.load(Ordering::Relaxed) >= TOLD_MAX || bytes.load(Ordering::Relaxed) + size > BYTES_MAX {
            return false;
        }
        items.fetch_add(1, Ordering::Relaxed);
        bytes.fetch_add(size, Ordering::Relaxed);
        self.told.send(told).is_ok()
    }

    /// The next message of a client for the cluster. While the other nodes lag, only the daemon's own messages for its
    /// clients.
    pub fn next(&mut self, is_congested: bool) -> Option<Vec<u8>> {
        let message = match self.held.take() {
            Some(message) => message,
            None => match self.said.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return None,
            },
        };
        if self.shared.wants_room.swap(false, Ordering::Relaxed) {
            signal(&self.wake);
        }
        let is_of_daemon =
            || [&b"hbapi-clstat"[..], b"query-cstatus", b"respond-cstatus"].iter().any(|t| is_of_type(&message, t));
        if is_congested && !is_of_daemon() {
            self.held = Some(message);
            return None;
        }
        Some(message)
    }

    /// The descriptor was readable.
    pub fn acknowledge(&self) {
        let _ = rustix::io::read(&self.woken, &mut [0; 8]);
    }

    /// There may be more messages to take: wakes the loop again.
    pub fn come_back(&self) {
        signal(&self.woken);
    }
}

impl Told {
    /// The size that counts; a view is small, and only the newest matters.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::View { .. } => 0,
            Self::Fact(Fact::Status(bytes)) | Self::Message(bytes) => bytes.len(),
            Self::Fact(_) => 64,
        }
    }
}

/// Makes an event descriptor readable.
pub(super) fn signal(fd: &OwnedFd) {
    let _ = rustix::io::write(fd, &1u64.to_ne_bytes());
}

/// Whether the type of a message begins so. The type stands first in nearly all messages, and the others are not of
/// interest here.
fn is_of_type(bytes: &[u8], kind: &[u8]) -> bool {
    let fields = bytes.get(4..).unwrap_or_default();
    let classic = fields.strip_prefix(b"t=");
    let counted = || {
        let digits = fields.iter().take_while(|byte| byte.is_ascii_digit()).count();
        fields.get(digits..)?.strip_prefix(b":(0)t=")
    };
    classic.or_else(counted).is_some_and(|value| value.starts_with(kind))
}

fn link_name(links: &Links, link: LinkId) -> Option<String> {
    links.names().get(usize::from(link.0)).cloned()
}

fn node_view(cluster: &LinuxCluster, links: &Links, node: &EngineNode<'_>) -> NodeView {
    let is_ping = node.kind == NodeKind::Ping;
    let is_pinged = |link: &str| cluster.nodes().any(|n| n.kind == NodeKind::Ping && n.name.as_str() == link);
    let is_its = |link: &str| if is_ping { link == node.name.as_str() } else { !is_pinged(link) };
    let its = (0..).zip(links.names()).filter(|(_, link)| is_its(link));
    NodeView {
        name: node.name.as_str().to_owned(),
        is_ping,
        state: node.state.as_str().to_owned(),
        uuid: node.uuid,
        weight: node.weight,
        links: its.map(|(n, link)| (link.clone(), node.links_up.contains(LinkId(n)))).collect(),
    }
}

/// The word for the groups that this node runs, or for a move.
fn resources(cluster: &LinuxCluster) -> &'static str {
    let takeover = cluster.takeover();
    let settles = takeover.phase() == Phase::Init || takeover.is_settled();
    if settles { takeover.holds().as_str() } else { "transition" }
}
