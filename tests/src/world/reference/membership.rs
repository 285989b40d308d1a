//! The state of the other node (docs/protocol/wire.md 8).

use super::{Communication, Leaving, POLL, Reference};
use crate::world::engine::name;
use hbcore::node::NodeState;
use hbcore::time::Duration;
use hbcore::wire::{Header, MessageType};

const ASK_AGAIN: Duration = Duration::from_secs(1);
/// It restarts itself this long after a partition.
const RESTART: Duration = Duration::from_secs(2);

impl Reference {
    /// Joins, and checks whether the peer is dead.
    pub(super) fn look_after_the_peer(&mut self) {
        if self.communication != Communication::Up && self.leaving == Leaving::No {
            self.try_to_join();
        }
        if self.now < self.next_poll {
            return;
        }
        self.next_poll = self.later(POLL);
        let patience = if self.communication == Communication::Up { self.peer.deadtime } else { self.initdead };
        if self.peer.state != NodeState::Dead && self.silence() > patience {
            self.declare_dead();
        }
    }

    fn try_to_join(&mut self) {
        match self.communication {
            _ if self.peer.state == NodeState::Dead => {
                self.become_active();
                self.peer_died(false);
            }
            Communication::Waiting if self.peer.heard => self.ask_nodes(),
            Communication::Asking { again } if self.now >= again => self.ask_nodes(),
            Communication::Waiting | Communication::Asking { .. } | Communication::Up => {}
        }
    }

    fn ask_nodes(&mut self) {
        self.communication = Communication::Asking { again: self.later(ASK_AGAIN) };
        self.say(&[("dest", name(self.other)), ("t", "reqnodes")]);
    }

    fn become_active(&mut self) {
        self.communication = Communication::Up;
        self.state = NodeState::Active;
        self.say_status();
        self.say(&[("t", "starting")]);
        self.begin_resources();
    }

    fn declare_dead(&mut self) {
        let heard = self.peer.heard;
        self.peer.state = NodeState::Dead;
        self.peer.heard = false;
        self.forget_numbers();
        self.died();
        if self.communication == Communication::Up {
            self.peer_died(heard);
        }
    }

    /// A partition healed: it shuts down, and restarts itself.
    pub(super) fn returned(&mut self) {
        self.say_status();
        if self.leaving == Leaving::No {
            self.leaving = Leaving::Wanted { at: self.later(RESTART), restart: true };
        }
    }

    pub(super) fn dispatch(&mut self, header: &Header<'_>) {
        match header.kind {
            MessageType::Status => self.status(header),
            MessageType::ReqNodes => {
                let list = format!("{} {} ", name(0), name(1));
                let fields = [("dest", name(self.other)), ("t", "repnodes"), ("nodelist", &list), ("delnodelist", " ")];
                self.say(&fields);
            }
            MessageType::RepNodes if self.communication != Communication::Up && self.leaving == Leaving::No => {
                self.become_active();
            }
            _ if self.communication == Communication::Up => self.resource_message(header),
            _ => {}
        }
    }

    fn status(&mut self, header: &Header<'_>) {
        self.peer.heard = true;
        self.peer.state = NodeState::parse(header.status.unwrap_or_default());
        self.peer.status_at = self.now;
        self.peer.status_seq = self.peer.status_seq.max(header.seq.unwrap_or_default());
        if let Some(ms) = header.deadtime_ms {
            self.peer.deadtime = Duration::from_millis(ms);
        }
    }
}
