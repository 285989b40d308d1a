//! The path between the wire and the takeover machine.

use super::{Cluster, Communication, Config, Event, Request, RequestError};
#[cfg(not(feature = "small"))]
use super::{Found, Introduction, Resume};
use crate::id::{GroupId, NodeId, Sequence};
use crate::node::{Node, NodeState};
#[cfg(not(feature = "small"))]
use crate::takeover::Remains;
use crate::takeover::{
    Ask, Class, Effect, FenceResult, Holds, Info, Inheritance, KEY_MAX, Notice, Outcome, Phase, ReportIn, Say, Ticket,
    Wish,
};
use crate::time::Instant;
use crate::told::TEXT_MAX;
#[cfg(not(feature = "small"))]
use crate::told::Told;
use crate::wire::{Header, MessageType, Writer};

/// The field by which hbcore nodes know each other. 3.0.6 ignores fields that it does not know (docs/protocol/wire.md
/// 2).
const KIND_FIELD: &str = "hbcore";

/// The field for other hbcore nodes in a status, where statuses have it.
pub(super) struct StatusField(#[cfg(not(feature = "small"))] Option<heapless::String<TEXT_MAX>>);

impl StatusField {
    #[cfg(not(feature = "small"))]
    pub(super) fn write(&self, w: &mut Writer<'_>) {
        if let Some(text) = &self.0 {
            w.text(KIND_FIELD, text.as_bytes());
        }
    }

    #[cfg(feature = "small")]
    #[expect(clippy::unused_self, reason = "the same call as where there is room")]
    pub(super) fn write(&self, _: &mut Writer<'_>) {}
}

impl<const NODES: usize, const LINKS: usize, const GROUPS: usize, const HISTORY: usize, const KEYS: usize>
    Cluster<NODES, LINKS, GROUPS, HISTORY, KEYS>
{
    /// Carries out a request of an operator or a tool.
    pub fn request(&mut self, now: Instant, request: Request) -> Result<(), RequestError> {
        self.set_now(now);
        match request {
            Request::Standby(_) | Request::Takeover(_) if !self.manage_resources => {
                return Err(RequestError::NotManaged);
            }
            Request::Standby(class) => {
                self.takeover.request_standby(self.now, class).map_err(RequestError::Standby)?;
            }
            Request::Takeover(wish) => self.takeover.request_takeover(wish).map_err(RequestError::Standby)?,
            Request::Leave => self.takeover.leave(self.now),
        }
        self.after_takeover();
        Ok(())
    }

    /// The next effect to carry out: at most one for each group at a time. Answer each with [`Cluster::complete`].
    pub fn poll_effect(&mut self) -> Option<(Ticket, Effect)> {
        self.takeover.poll_effect(self.now)
    }

    /// An effect ended. The ticket is used up; if the engine gave the effect up meanwhile, its outcome is ignored.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket can be redeemed once")]
    pub fn complete(&mut self, now: Instant, ticket: Ticket, outcome: Outcome) {
        self.set_now(now);
        self.takeover.complete(self.now, &ticket, outcome);
        self.after_takeover();
    }

    /// A group that runs here has lost a resource that cannot be put back, such as an address whose interface is gone.
    /// The peer is asked to take the group over, as for a group that does not start here ([`Notice::GroupLost`]). If no
    /// node can take it over now, nothing changes: call it again, once a second or so, as long as the loss lasts.
    pub fn group_lost(&mut self, now: Instant, group: GroupId) {
        self.set_now(now);
        self.takeover.group_lost(self.now, group);
        self.after_takeover();
    }

    /// The cause of a failed start is gone, such as an interface that was missing: the group is started at once if it
    /// could not be started here and belongs here. Otherwise nothing happens.
    #[cfg(not(feature = "small"))]
    pub fn cause_is_gone(&mut self, now: Instant, group: GroupId) {
        self.set_now(now);
        self.takeover.cause_is_gone(group);
        self.after_takeover();
    }

    /// A message about resources. Before we are active, only the start of another node is recorded
    /// (docs/protocol/resources.md 1.4).
    pub(super) fn resource_message(&mut self, id: NodeId, header: &Header<'_>) {
        if !self.manage_resources {
            return;
        }
        let told = header.message.text(KIND_FIELD);
        let is_hbcore = told.is_some();
        if let (Some(told), Some(seq), Some(node)) = (told, header.seq, self.node_mut(id)) {
            node.told.hear(told, seq);
        }
        let is_of_another = header.kind == MessageType::Starting && !is_hbcore;
        if cfg!(not(feature = "small"))
            && (header.kind == MessageType::Shutdone || is_of_another)
            && let (Some(seq), Some(node)) = (header.seq, self.node_mut(id))
        {
            // It starts nothing more; or it is a 3.0.6 in the place of an hbcore, which tells no groups.
            node.told.give_up(seq);
        }
        if header.kind != MessageType::Shutdone && self.is_dead_with_other_groups(id) {
            // A late message of a dead node must neither stop nor start anything. A node that is back reports again.
            return;
        }
        self.compare_groups(None);
        let active = self.communication == Communication::Up;
        match header.kind {
            MessageType::Starting => self.takeover.on_starting(id, header.seq.unwrap_or(Sequence(0)), is_hbcore),
            MessageType::Resource if active => self.resource_report(id, header, is_hbcore),
            MessageType::AskResources if active => self.standby_step(id, header),
            MessageType::HbTakeover if active => self.takeover_wish(id, header),
            MessageType::IpRequest if active => self.group_request(id, header),
            MessageType::IpRequestResp if active => self.group_answer(header),
            MessageType::Shutdone if active => {
                let heir = self.is_heir();
                self.takeover.on_shutdone(self.now, id, heir);
            }
            _ => {}
        }
        self.after_takeover();
    }

    /// With `auto_failback legacy`, a status tells what reports tell otherwise.
    #[cfg(not(feature = "small"))]
    pub(super) fn status_tells(&mut self, id: NodeId, header: &Header<'_>) {
        if self.hear_status_field(id, header) {
            self.compare_groups(None);
            // Before it is active, it answers no request.
            if self.nodes.get(usize::from(id.0)).is_some_and(|node| node.state == NodeState::Active) {
                self.takeover.status_heard(self.now);
                self.after_takeover();
            }
        }
    }

    /// Takes the field of a status. Returns whether statuses tell anything here. A status without the field is one of a
    /// 3.0.6, even if an earlier run of the node was an hbcore.
    #[cfg(not(feature = "small"))]
    pub(super) fn hear_status_field(&mut self, id: NodeId, header: &Header<'_>) -> bool {
        if !self.takeover.is_legacy() || !self.manage_resources || header.kind != MessageType::Status {
            return false;
        }
        let Some(node) = self.nodes.get_mut(usize::from(id.0)) else { return false };
        let seq = header.seq.unwrap_or(Sequence(0));
        match header.message.text(KIND_FIELD) {
            Some(told) => node.told.hear(told, seq),
            None => node.told.give_up(seq),
        }
        self.takeover.set_inheritance(node.told.inheritance());
        true
    }

    /// No node tells it anything.
    #[cfg(feature = "small")]
    #[expect(clippy::unused_self, reason = "the same calls as where there is room")]
    pub(super) fn status_tells(&mut self, _: NodeId, _: &Header<'_>) {}

    #[cfg(feature = "small")]
    #[expect(clippy::unused_self, reason = "the same calls as where there is room")]
    pub(super) fn hear_status_field(&mut self, _: NodeId, _: &Header<'_>) -> bool {
        false
    }

    /// The content of the field of a status, if statuses have it: with `auto_failback legacy`.
    #[cfg(not(feature = "small"))]
    pub(super) fn status_field(&self) -> StatusField {
        StatusField((self.takeover.is_legacy() && self.manage_resources).then(|| self.tells()))
    }

    #[cfg(feature = "small")]
    #[expect(clippy::unused_self, reason = "the same call as where there is room")]
    pub(super) fn status_field(&self) -> StatusField {
        StatusField()
    }

    /// Whether we come first in the configuration among the living members. Of two nodes, the survivor always does.
    pub(super) fn is_heir(&self) -> bool {
        let first = |(id, n): (NodeId, &Node<LINKS>)| id > self.local || n.state == NodeState::Dead;
        self.others().count() < 2 || self.others().all(first)
    }

    /// Another node wants groups. It is treated like a request for standby at this node.
    fn takeover_wish(&mut self, id: NodeId, header: &Header<'_>) {
        let Some(wish) = header.rsc_hold.and_then(Wish::parse) else { return };
        if self.takeover.request_standby(self.now, wish.to_give()).is_err() {
            self.event(Event::Resource(Notice::StandbyIgnored { node: id, other_in_flux: false }));
        }
    }

    fn group_request(&mut self, id: NodeId, header: &Header<'_>) {
        if let Some(key) = header.message.text("ipaddr") {
            self.takeover.on_group_request(self.now, id, key);
        }
    }

    fn group_answer(&mut self, header: &Header<'_>) {
        if let (Some(key), Some(b"OK")) = (header.message.text("ipaddr"), header.message.text("ok")) {
            self.takeover.on_group_answer(self.now, key);
        }
    }

    /// Passes on what the configuration says of the groups.
    pub(super) fn begin_groups(&mut self, config: &Config<'_>, now: Instant) {
        for (id, group) in (0..).map(GroupId).zip(config.groups) {
            // A name that does not fit counts as none.
            let _ = self.takeover.set_key(id, group.key);
        }
        self.takeover.set_fencing(config.fencing);
        self.begin_after_earlier_run(config, now);
    }

    /// Passes on what an earlier run of this node has left, and what this one tells of itself.
    #[cfg(not(feature = "small"))]
    fn begin_after_earlier_run(&mut self, config: &Config<'_>, now: Instant) {
        if let Some(resume) = config.resume {
            let holds = if let Resume::Claims(holds) = resume { Some(holds) } else { None };
            let found = |id: GroupId| config.groups.get(usize::from(id.0)).map_or(Found::Nothing, |group| group.found);
            self.takeover.resume(holds, |id| match found(id) {
                Found::Running(origin) => Remains::All(origin),
                Found::Part(origin) => Remains::Part(origin),
                Found::Nothing | Found::Leftover => Remains::Nothing,
            });
        }
        for (id, _) in (0..).map(GroupId).zip(config.groups).filter(|(_, group)| group.found == Found::Leftover) {
            self.takeover.stuck(now, id);
        }
        if let (Some(Introduction { release, digest }), Some(me)) = (config.introduction, self.node_mut(self.local)) {
            me.told.introduce(release, digest);
        }
    }

    /// A microcontroller begins with a reset, and tells nothing.
    #[cfg(feature = "small")]
    #[expect(clippy::unused_self, reason = "the same call as where there is an earlier run")]
    fn begin_after_earlier_run(&mut self, _: &Config<'_>, _: Instant) {}

    /// During a start: tells the takeover whether any message of the others is missing.
    pub(super) fn note_gaps(&mut self) {
        if self.takeover.is_starting() {
            let from = self.takeover.newest_report().next();
            let newer = |n: &Node<LINKS>| n.window.newest().is_some_and(|to| n.window.missing_run(from, to).is_some());
            let gaps = self.others().any(|(_, n)| n.state != NodeState::Dead && newer(n));
            self.takeover.set_gaps(gaps);
        }
    }

    fn resource_report(&mut self, id: NodeId, header: &Header<'_>, is_hbcore: bool) {
        let (Some(holds), Some(seq)) = (header.rsc_hold, header.seq) else { return };
        let (shutdown, releasing) = (header.info == Some(b"shutdown"), header.info == Some(b"standby"));
        let mut holds = Holds::parse(holds).unwrap_or(Holds::NONE);
        if !is_hbcore && header.info.is_some() && !shutdown && !releasing {
            // A child process sends this report of `req_our_resources()`. It does not know which groups its parent has
            // started since it began.
            holds.foreign |= self.takeover.other_holds().foreign;
        }
        let report = ReportIn {
            seq,
            holds,
            full: header.rtype == Some(b"full"),
            stable: header.isstable.map(|s| s == b"1"),
            shutdown,
            releasing,
            is_hbcore,
            inheritance: self.nodes.get(usize::from(id.0)).map_or(Inheritance::Nothing, |node| node.told.inheritance()),
        };
        self.note_gaps();
        self.takeover.on_report(self.now, id, report);
    }

    fn standby_step(&mut self, id: NodeId, header: &Header<'_>) {
        let step = match header.info {
            Some(b"me") => Ask::Me,
            Some(b"other") => Ask::Other,
            Some(b"done") => Ask::Done,
            _ => return,
        };
        if let Some(class) = header.rsc_hold.and_then(Class::parse) {
            self.takeover.on_ask(self.now, id, header.seq.unwrap_or(Sequence(0)), class, step);
        }
    }

    /// Sends the messages of the takeover machine, and passes its notices on. Each input yields a few of either.
    pub(super) fn after_takeover(&mut self) {
        // The notices come first, because the messages carry their facts.
        while let Some(notice) = self.takeover.poll_notice() {
            match notice {
                Notice::StartFailed(group) => self.note_start(group, false),
                Notice::Started(group) => self.note_start(group, true),
                _ => {}
            }
            self.event(Event::Resource(notice));
        }
        while let Some(say) = self.takeover.poll_say() {
            self.write(say);
        }
        if self.takeover.phase() == Phase::Left && !self.left {
            self.left = true;
            self.event(Event::Left);
        }
    }

    #[inline(never)]
    fn write(&mut self, say: Say) {
        if matches!(say, Say::Report { .. }) {
            self.report_seq = self.history.next_sequence();
        }
        match say {
            Say::Starting => {
                let kind = self.tells();
                self.say_fields(None, &[("t", b"starting"), (KIND_FIELD, kind.as_bytes())]);
            }
            Say::Report { hold, stable, info } => {
                let info: Option<&[u8]> = match info {
                    Info::Plain => None,
                    Info::Standby => Some(b"standby"),
                    Info::Shutdown => Some(b"shutdown"),
                    Info::OwnAcquired => Some(b"req_our_resources()"),
                };
                let (hold, stable): (_, &[u8]) = (hold.as_str().as_bytes(), if stable { b"1" } else { b"0" });
                let report = [("t", &b"resource"[..]), ("rsc_hold", hold), ("rtype", b"full"), ("isstable", stable)];
                let kind = self.tells();
                self.say_to_all(&|w| {
                    for (name, text) in report {
                        w.text(name, text);
                    }
                    if let Some(info) = info {
                        w.text("info", info);
                    }
                    w.text(KIND_FIELD, kind.as_bytes());
                });
            }
            Say::TakeoverDone => {
                self.say_fields(None, &[("t", b"resource"), ("rsc_hold", b"foreign"), ("info", b"mach_down")]);
            }
            Say::Ask { class, step } => {
                let step: &[u8] = match step {
                    Ask::Me => b"me",
                    Ask::Other => b"other",
                    Ask::Done => b"done",
                };
                let class = class.as_str().as_bytes();
                self.say_fields(None, &[("t", b"ask_resources"), ("rsc_hold", class), ("info", step)]);
            }
            Say::HbTakeover(wish) => {
                self.say_fields(None, &[("t", b"hb_takeover"), ("rsc_hold", wish.as_str().as_bytes())]);
            }
            Say::GroupRequest(group) => {
                let key = self.group_key(group);
                self.say_fields(None, &[("t", b"ip-request"), ("ipaddr", key.as_bytes())]);
            }
            Say::GroupAnswer { to, group, was_here } => {
                let key = self.group_key(group);
                let weown: &[u8] = if was_here { b"yes" } else { b"no" };
                let fields =
                    [("t", &b"ip-request-resp"[..]), ("ipaddr", key.as_bytes()), ("weown", weown), ("ok", b"OK")];
                self.say_fields(Some(to), &fields);
            }
            Say::Shutdone => self.say_fields(None, &[("t", b"shutdone"), ("st", b"dead")]),
            Say::Stonith { node, result } => {
                let Some(name) = self.nodes.get(usize::from(node.0)).map(|n| n.name.clone()) else { return };
                let result: &[u8] = match result {
                    FenceResult::Unneeded => b"unneeded",
                    FenceResult::NoDevice => b"n_stnth",
                    FenceResult::Done => b"OK",
                    FenceResult::Failed => b"bad",
                };
                self.say_fields(None, &[("t", b"stonith"), ("node", name.as_bytes()), ("result", result)]);
            }
        }
    }

    /// Compares our groups with those of each living node. `back`: a node that was dead and is heard again.
    pub(super) fn compare_groups(&mut self, back: Option<NodeId>) {
        if cfg!(feature = "small") {
            // No node tells it a digest.
            return;
        }
        let living = self.others().filter(|(id, node)| node.state != NodeState::Dead || Some(*id) == back);
        let differs = living.filter_map(|(_, node)| self.differs(node)).min();
        self.takeover.compare(differs);
    }

    /// Whether a node has told another digest than ours, and then whether ours is the lower one.
    fn differs(&self, node: &Node<LINKS>) -> Option<bool> {
        let ours = self.nodes.get(usize::from(self.local.0))?.told.digest()?;
        node.told.digest().filter(|theirs| *theirs != ours).map(|theirs| ours < theirs)
    }

    fn is_dead_with_other_groups(&self, id: NodeId) -> bool {
        let dead = self.nodes.get(usize::from(id.0)).filter(|node| node.state == NodeState::Dead);
        !cfg!(feature = "small") && dead.is_some_and(|node| self.differs(node).is_some())
    }

    /// Tells the others whether a group could be started here, until it runs.
    fn note_start(&mut self, group: GroupId, runs: bool) {
        if let Some(me) = self.node_mut(self.local) {
            me.told.note_start(group, runs);
        }
    }

    /// The content of the field for other hbcore nodes. A node that has released everything tells no groups.
    fn tells(&self) -> heapless::String<TEXT_MAX> {
        #[cfg(not(feature = "small"))]
        if self.takeover.has_released() {
            return Told::default().text(Inheritance::Nothing);
        }
        let inheritance = self.takeover.inheritance();
        self.nodes.get(usize::from(self.local.0)).map(|me| me.told.text(inheritance)).unwrap_or_default()
    }

    fn group_key(&self, group: GroupId) -> heapless::String<KEY_MAX> {
        self.takeover.groups().get(usize::from(group.0)).and_then(|g| g.key().try_into().ok()).unwrap_or_default()
    }
}
