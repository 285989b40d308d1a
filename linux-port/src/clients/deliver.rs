//! Messages through the daemon, and news for clients that they did not ask for (docs/protocol/clients.md 4 and 5).

use super::compressed;
use super::desk::{Conn, Desk, Member, Output, Stage};
use crate::compress::ALGORITHM;
use crate::ipc::form_for;
use crate::log::Level;
use hbcore::wire::{Structure, Writer};

/// An event in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A node's message that its state has changed.
    Status(Vec<u8>),
    /// A node is dead.
    Dead {
        /// Its name.
        node: String,
        /// The kind of its pings, if it is a ping node: `ping`, `ping_group` or `ping6`.
        asked_by: Option<&'static str>,
        /// The wall clock, in seconds.
        at: u64,
    },
    /// A ping node answers.
    Answers {
        /// Its name.
        node: String,
        /// The kind of its pings.
        asked_by: &'static str,
        /// The wall clock, in seconds.
        at: u64,
    },
    /// A node is heard on a link again, or no longer.
    Link {
        /// Its name.
        node: String,
        /// The link's name.
        link: String,
        /// Whether it is heard.
        up: bool,
    },
    /// A node was removed from the cluster.
    Removed(String),
}

/// Messages for nodes, which no client gets.
const OF_NODES: [&[u8]; 6] = [b"addnode", b"delnode", b"setweight", b"setsite", b"reqnodes", b"repnodes"];
/// Fields that name the client that has sent a message, in this order.
const ORIGIN: [&str; 3] = ["from_id", "to_id", "client_gen"];

impl Desk {
    /// A client sends a message to the cluster: to clients of its own name, whatever receiver it names.
    #[cold]
    #[inline(never)]
    pub(super) fn upward(&mut self, conn: Conn, member: &Member, message: &Structure<'_>) {
        if member.is_casual {
            return self.gone(conn, "badclient");
        }
        let (form, method) = (self.about.form, self.about.compression);
        let marked = message.fields().filter(compressed::is_marked);
        let pressed: Option<Vec<Vec<u8>>> = marked.map(|field| compressed::pressed(&field, form, method)).collect();
        let Some(pressed) = pressed else {
            return self.log(Level::Error, "A client's message has a structure that cannot be compressed".to_owned());
        };
        let generation = member.generation.to_string();
        let values = [member.id.as_bytes(), member.id.as_bytes(), generation.as_bytes()];
        let written = self.composer.message(|w| {
            let mut missing = [true; ORIGIN.len()];
            let is_pressed = !pressed.is_empty();
            let mut pressed = pressed.into_iter();
            for field in message.fields() {
                let places = ORIGIN.iter().zip(values).zip(&mut missing);
                let place = places.into_iter().find(|((name, _), _)| name.as_bytes() == field.name);
                match place.map(|((name, value), missing)| (name, value, std::mem::take(missing))) {
                    Some((name, value, true)) => w.text(name, value),
                    _ if compressed::is_marked(&field) => {
                        let name = String::from_utf8_lossy(field.name);
                        w.compressed(&name, &pressed.next().unwrap_or_default());
                    }
                    _ => w.field(&field),
                }
            }
            if is_pressed {
                w.text(ALGORITHM, method.name().as_bytes());
            }
            for ((name, value), _) in ORIGIN.iter().zip(values).zip(missing).filter(|(_, missing)| *missing) {
                w.text(name, value);
            }
        });
        self.out.extend(written.map(Output::Cluster));
    }

    /// A message that this node has received or sent.
    #[cold]
    #[inline(never)]
    pub fn cluster_message(&mut self, bytes: &[u8]) {
        let Ok(message) = Structure::local(bytes) else { return };
        let Some(kind) = message.text("t") else { return };
        let node = self.about.node.clone();
        if message.text("dest").is_some_and(|dest| dest != node.as_bytes()) {
            return;
        }
        if kind == b"setsite" {
            self.set_site(&message);
        }
        if OF_NODES.contains(&kind) || kind == b"status" || kind.starts_with(b"NS_") {
            return;
        }
        if kind == b"query-cstatus" {
            self.answer_node(&message);
        }
        self.deliver(&message);
        let is_own_join = kind == b"hbapi-clstat"
            && message.text("st") == Some(b"join")
            && message.text("src") == Some(node.as_bytes());
        if is_own_join && let (Some(id), Some(generation)) = (message.text("from_id"), message.text("client_gen")) {
            self.joined(id, generation);
        }
    }

    /// An event: the clients that listen get it.
    #[cold]
    #[inline(never)]
    pub fn tell(&mut self, fact: &Fact) {
        match fact {
            Fact::Status(bytes) => {
                if let Ok(message) = Structure::local(bytes) {
                    self.deliver(&message);
                }
            }
            Fact::Dead { node, asked_by, at } => self.tell_all(|w| {
                w.text("t", b"status");
                w.decimal("seq", 1);
                w.hex("ts", *at);
                w.text("src", node.as_bytes());
                w.text("st", b"dead");
                if let Some(word) = asked_by {
                    w.text("info", word.as_bytes());
                }
            }),
            Fact::Answers { node, asked_by, at } => self.tell_all(|w| {
                w.text("t", b"NS_st");
                w.text("st", b"ping");
                w.text("info", asked_by.as_bytes());
                w.text("src", node.as_bytes());
                w.hex("ts", *at);
            }),
            Fact::Link { node, link, up } => self.tell_all(|w| {
                w.text("t", b"ifstat");
                w.text("node", node.as_bytes());
                w.text("ifname", link.as_bytes());
                w.text("st", if *up { b"up" } else { b"dead" });
            }),
            Fact::Removed(node) => self.tell_all(|w| {
                w.text("t", b"delnode");
                w.text("node", node.as_bytes());
            }),
        }
    }

    #[cold]
    #[inline(never)]
    fn set_site(&mut self, message: &Structure<'_>) {
        let word = |name: &str| message.text(name).map(|text| String::from_utf8_lossy(text).into_owned());
        if let (Some(node), Some(site)) = (word("node").and_then(|n| self.view.node(n.as_bytes())), word("site")) {
            let name = node.name.clone();
            self.sites.retain(|(known, _)| *known != name);
            self.sites.push((name, site));
        }
    }

    /// Another node, or a client of it, asks whether a client is here.
    #[cold]
    #[inline(never)]
    fn answer_node(&mut self, message: &Structure<'_>) {
        let fields = (message.text("src"), message.text("cn"), message.text("from_id"));
        let (Some(asker), Some(client), Some(to)) = fields else { return };
        let status = self.status_of(client);
        let answer = self.composer.message(|w| {
            w.text("t", b"respond-cstatus");
            w.text("dest", asker);
            w.text("result", b"OK");
            w.text("cn", client);
            w.text("to_id", to);
            w.text("cs", status.as_bytes());
        });
        self.out.extend(answer.map(Output::Cluster));
    }

    #[cold]
    #[inline(never)]
    fn deliver(&mut self, message: &Structure<'_>) {
        let addressee = message.text("to_id");
        let form = form_for(message, self.about.form);
        let receivers = self.receivers(|member, is_signed_on| match addressee {
            Some(id) => member.id.as_bytes() == id,
            None => is_signed_on && member.listens,
        });
        self.send_to(&receivers, form, |w| message.fields().for_each(|field| w.field(&field)));
    }

    #[cold]
    #[inline(never)]
    fn tell_all(&mut self, fields: impl FnOnce(&mut Writer<'_>)) {
        let receivers = self.receivers(|member, is_signed_on| is_signed_on && member.listens);
        self.send_to(&receivers, self.about.form, fields);
    }

    /// The connections whose client `wants` it. The second argument tells whether the client knows that it is signed
    /// on.
    #[cold]
    #[inline(never)]
    fn receivers(&self, wants: impl Fn(&Member, bool) -> bool) -> Vec<Conn> {
        let wants = |stage: &Stage| match stage {
            Stage::Arrived => false,
            Stage::Joining(member) => wants(member, false),
            Stage::SignedOn(member) => wants(member, true),
        };
        self.clients.iter().filter(|(_, client)| wants(&client.stage)).map(|(conn, _)| conn).collect()
    }

    #[cold]
    #[inline(never)]
    fn send_to(&mut self, receivers: &[Conn], form: hbcore::wire::Form, fields: impl FnOnce(&mut Writer<'_>)) {
        let Some((first, others)) = receivers.split_first() else { return };
        let before = self.out.len();
        self.send_as(*first, form, fields);
        if let Some(Output::Frame(_, frame)) = self.out.get(before).cloned() {
            self.out.extend(others.iter().map(|conn| Output::Frame(*conn, frame.clone())));
        }
    }
}
