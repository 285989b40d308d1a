//! The desk where clients sign on: a machine without I/O that decides which may, and what each receives.
//!
//! ```text
//!   arrived ──signon──▶ refused, closed
//!      │                                          a named client waits for its own join to come back
//!      ├──signon, casual──▶ signed on             from the cluster, and is answered then
//!      └──signon, named───▶ joining ──own join──▶ signed on ──▶ gone: its leave is told to all nodes
//! ```
//!
//! Memory: as many clients as the port accepts, a name each. The port takes the outputs after each input.

use super::announcement::Announcement;
use super::table::Table;
use super::view::{About, View};
use crate::compress;
use crate::ipc::Composer;
use crate::log::Level;
use hbcore::wire::{Form, Structure, Writer};

/// One connection, as the port numbers them; later ones have higher numbers.
pub type Conn = u64;

/// The longest name of a client, in bytes.
const NAME_MAX: usize = 31;
/// This number of malformed bodies in a row ends a connection.
const UNUSABLE_MAX: u8 = 10;

/// The other end of a connection, as the kernel knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The process that connected.
    pub pid: i32,
    /// Its effective user at that time.
    pub uid: u32,
    /// Its effective primary group at that time.
    pub gid: u32,
}

/// An order to the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this frame.
    Frame(Conn, Vec<u8>),
    /// Close after all earlier frames are sent. The desk no longer knows the connection.
    Close(Conn),
    /// From now on, this number of frames may wait for the client to read.
    QueueLimit(Conn, usize),
    /// From now on, send this signal to the client after each frame; 0: none.
    Signal(Conn, i32),
    /// Send this message to the cluster.
    Cluster(Vec<u8>),
    /// For the log.
    Log(Level, String),
}

/// A client that has signed on.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Its name; the process number of a casual client.
    pub(super) id: String,
    pub(super) is_casual: bool,
    /// The number of its sign-on.
    pub(super) generation: u32,
    /// Whether it wants messages that are for all clients.
    pub(super) listens: bool,
}

#[derive(Debug)]
pub(super) enum Stage {
    Arrived,
    /// The cluster has its join; the reply waits until the join has come back.
    Joining(Member),
    SignedOn(Member),
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) credentials: Credentials,
    pub(super) stage: Stage,
    unusable: u8,
}

impl Client {
    pub(super) fn member(&self) -> Option<&Member> {
        match &self.stage {
            Stage::Arrived => None,
            Stage::Joining(member) | Stage::SignedOn(member) => Some(member),
        }
    }
}

/// All clients, and the facts that they may know.
#[derive(Debug)]
pub struct Desk {
    pub(super) about: About,
    pub(super) view: View,
    /// The sites that `setsite` has set.
    pub(super) sites: Vec<(String, String)>,
    pub(super) clients: Table<Client>,
    registered: u32,
    pub(super) composer: Composer,
    pub(super) out: Vec<Output>,
}

impl Desk {
    /// A desk without clients.
    pub fn new(about: About) -> Self {
        Self {
            about,
            view: View::default(),
            sites: Vec::new(),
            clients: Table::default(),
            registered: 0,
            composer: Composer::default(),
            out: Vec::new(),
        }
    }

    /// Whether there is nothing to do.
    pub fn is_idle(&self) -> bool {
        self.out.is_empty()
    }

    /// The orders since the last call, in order.
    pub fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.out)
    }

    /// Sets the present view of the cluster.
    pub fn set_view(&mut self, view: View) {
        self.sites.retain(|(name, _)| view.nodes.iter().any(|node| node.name == *name));
        self.view = view;
    }

    /// A client has connected.
    #[cold]
    #[inline(never)]
    pub fn arrived(&mut self, conn: Conn, credentials: Credentials) {
        self.clients.push(conn, Client { credentials, stage: Stage::Arrived, unusable: 0 });
    }

    /// Whether a connection has not signed on.
    pub fn is_stranger(&self, conn: Conn) -> bool {
        self.clients.get(conn).is_none_or(|client| matches!(client.stage, Stage::Arrived))
    }

    /// The connection that has waited longest for its sign-on.
    #[cold]
    #[inline(never)]
    pub fn oldest_stranger(&self) -> Option<Conn> {
        self.clients.iter().find(|(_, client)| matches!(client.stage, Stage::Arrived)).map(|(conn, _)| conn)
    }

    /// Whether no more may be read from this connection yet, because its reply must come first.
    pub fn is_waiting(&self, conn: Conn) -> bool {
        self.clients.get(conn).is_some_and(|client| matches!(client.stage, Stage::Joining(_)))
    }

    /// A body has come. `exists` tells whether there is a process of this number.
    #[cold]
    #[inline(never)]
    pub fn received(&mut self, conn: Conn, body: &[u8], exists: &dyn Fn(i32) -> bool) {
        let Some(client) = self.clients.get_mut(conn) else { return };
        let Ok(message) = Structure::local(body) else {
            client.unusable += 1;
            if client.unusable >= UNUSABLE_MAX {
                self.gone(conn, "noinput");
            }
            return;
        };
        client.unusable = 0;
        let inflated = match compress::inflated(&message) {
            None => None,
            Some(Ok(inflated)) => Some(inflated),
            Some(Err(error)) => return self.log(Level::Error, format!("A client's message is dropped: {error}")),
        };
        // The message within may not be compressed again.
        let Some(message) = inflated.as_deref().map_or(Some(message), |inner| Structure::local(inner).ok()) else {
            return self.log(Level::Error, "A client's message is dropped: it is damaged".to_owned());
        };
        let stage = match &client.stage {
            Stage::Arrived => None,
            Stage::Joining(_) => return,
            Stage::SignedOn(member) => Some(member.clone()),
        };
        let is_request = message.text("t") == Some(b"hbapi-req");
        match (stage, message.text("t")) {
            (None, _) if is_request && message.text("reqtype") == Some(b"signon") => {
                self.sign_on(conn, &message, exists);
            }
            (None, _) => self.log(Level::Error, "bad message from a client that has not signed on".to_owned()),
            (Some(_), None) => self.log(Level::Error, "A client's message without a type is dropped".to_owned()),
            (Some(member), Some(_)) if is_request => self.request(conn, &member, &message),
            (Some(member), Some(_)) => self.upward(conn, &member, &message),
        }
    }

    /// A connection has ended, or is to end, for the reason `info`, in the words of 3.0.6.
    #[cold]
    #[inline(never)]
    pub fn gone(&mut self, conn: Conn, info: &str) {
        let Some(client) = self.clients.remove(conn) else { return };
        if let Some(member) = client.member().filter(|member| !member.is_casual) {
            self.tell_cluster("leave", &member.id, info, member.generation);
            let pid = client.credentials.pid;
            self.log(Level::Info, format!("Client [{}] pid {pid} has left: {info}", member.id));
        }
        self.out.push(Output::Close(conn));
    }

    /// Closes all connections, as when messages were lost.
    #[cold]
    #[inline(never)]
    pub fn close_all(&mut self, info: &str) {
        let all: Vec<Conn> = self.clients.iter().map(|(conn, _)| conn).collect();
        for conn in all {
            self.gone(conn, info);
        }
    }

    /// The checks of docs/protocol/clients.md 2.2, in their order.
    #[cold]
    #[inline(never)]
    fn sign_on(&mut self, conn: Conn, message: &Structure<'_>, exists: &dyn Fn(i32) -> bool) {
        let Some(credentials) = self.clients.get(conn).map(|client| client.credentials) else { return };
        let number = |name: &str| message.text(name).and_then(leading_number);
        let name = message.text("from_id");
        if message.text("pid").is_none() && name.is_none() {
            return self.log(Level::Error, "A sign-on has neither pid nor from_id".to_owned());
        }
        let generation = self.registered;
        self.registered = self.registered.wrapping_add(1);
        let pid = number("pid").unwrap_or(0);
        let is_casual = name.is_none_or(|name| leading_number(name) == Some(pid));
        let name = name.filter(|_| !is_casual).map(|name| String::from_utf8_lossy(name).into_owned());
        let id = name.clone().unwrap_or_else(|| pid.to_string());
        let is_name = |id: &str| id.len() <= NAME_MAX && id.bytes().all(|byte| byte.is_ascii_graphic());
        let (uid, gid) = (number("uid"), number("gid"));
        let about = &self.about;
        let rule = if is_casual { about.rules.for_casual() } else { about.rules.for_named(&id) };
        let pid = i32::try_from(pid).unwrap_or(0);
        let real = (i64::from(credentials.uid), i64::from(credentials.gid));
        let refusal = if pid <= 0 || !exists(pid) {
            Some("bad pid")
        } else if self.called(&id).is_some() {
            Some("duplicate add request")
        } else if uid.is_none() || gid.is_none() {
            Some("invalid id info")
        } else if (uid, gid) != (Some(real.0), Some(real.1)) {
            Some("incorrect/false credentials")
        } else if let Some(rule) = rule {
            if !rule.admits(credentials.uid, credentials.gid) || !is_name(&id) {
                Some("client failed authorization")
            } else {
                (pid != credentials.pid).then_some("pid mismatch")
            }
        } else {
            Some(if is_casual { "apiauth anon missing" } else { "no default client auth" })
        };
        match refusal {
            Some(reason) => self.refuse(conn, name.as_deref(), generation, reason),
            None => self.admit(conn, Member { id, is_casual, generation, listens: true }),
        }
    }

    #[cold]
    #[inline(never)]
    fn admit(&mut self, conn: Conn, member: Member) {
        let Some(client) = self.clients.get_mut(conn) else { return };
        if member.is_casual {
            client.stage = Stage::SignedOn(member);
            return self.answer_sign_on(conn, None);
        }
        client.stage = Stage::Joining(member.clone());
        self.tell_cluster("join", &member.id, "signon", member.generation);
    }

    /// The join of a client has come back from the cluster: now the client gets its reply.
    #[cold]
    #[inline(never)]
    pub(super) fn joined(&mut self, id: &[u8], generation: &[u8]) {
        let is_it = |member: &Member| {
            member.id.as_bytes() == id && leading_number(generation) == Some(i64::from(member.generation))
        };
        let found = self.clients.iter_mut().find_map(|(conn, client)| match &client.stage {
            Stage::Joining(member) if is_it(member) => Some((conn, member.clone(), client)),
            _ => None,
        });
        let Some((conn, member, client)) = found else { return };
        client.stage = Stage::SignedOn(member);
        self.answer_sign_on(conn, None);
    }

    /// A refused client gets the reason, and the facts of any reply. (3.0.6 also tells all nodes that it leaves.)
    #[cold]
    #[inline(never)]
    fn refuse(&mut self, conn: Conn, name: Option<&str>, generation: u32, reason: &'static str) {
        self.answer_sign_on(conn, Some(reason));
        let id = if reason == "duplicate add request" { "" } else { name.unwrap_or_default() };
        if name.is_some() {
            self.tell_leave(conn, id, reason, generation);
        }
        self.log(Level::Warn, format!("A client [{}] may not sign on: {reason}", name.unwrap_or("casual")));
        self.clients.remove(conn);
        self.out.push(Output::Close(conn));
    }

    #[cold]
    #[inline(never)]
    fn answer_sign_on(&mut self, conn: Conn, refusal: Option<&str>) {
        let About { deadtime_ms, keepalive_ms, version, facility, .. } = self.about;
        let (node, pacemaker) = (self.about.node.clone(), self.about.pacemaker.clone());
        self.send(conn, |w| {
            w.text("t", b"hbapi-resp");
            w.text("reqtype", b"signon");
            if let Some(reason) = refusal {
                w.text("info", reason.as_bytes());
            }
            w.text("result", if refusal.is_none() { b"OK" } else { b"badreq" });
            w.hex("deadtime", deadtime_ms);
            w.hex("keepalive", keepalive_ms);
            w.text("node", node.as_bytes());
            w.text("hbversion", version.as_bytes());
            w.text("pacemaker", pacemaker.as_bytes());
            w.text("logfacility", facility.to_string().as_bytes());
        });
    }

    /// The connection that has signed on under this name.
    #[cold]
    #[inline(never)]
    pub(super) fn called(&self, id: &str) -> Option<Conn> {
        self.clients.iter().find(|(_, client)| client.member().is_some_and(|m| m.id == id)).map(|(conn, _)| conn)
    }

    /// Tells all nodes that a named client is there, or no longer.
    #[cold]
    #[inline(never)]
    fn tell_cluster(&mut self, st: &'static str, id: &str, info: &str, generation: u32) {
        let announcement = Announcement { st, id, src: &self.about.node, info, generation };
        let message = self.composer.message(|w| announcement.write(w));
        self.out.extend(message.map(Output::Cluster));
    }

    /// Tells a client that it leaves.
    #[cold]
    #[inline(never)]
    pub(super) fn tell_leave(&mut self, conn: Conn, id: &str, info: &str, generation: u32) {
        let node = self.about.node.clone();
        let leave = Announcement { st: "leave", id, src: &node, info, generation };
        self.send(conn, |w| leave.write(w));
    }

    /// Sends a message that has only strings.
    #[cold]
    #[inline(never)]
    pub(super) fn send(&mut self, conn: Conn, fields: impl FnOnce(&mut Writer<'_>)) {
        self.send_as(conn, self.about.form, fields);
    }

    #[cold]
    #[inline(never)]
    pub(super) fn send_as(&mut self, conn: Conn, form: Form, fields: impl FnOnce(&mut Writer<'_>)) {
        match self.composer.frame(form, fields) {
            Some(frame) => self.out.push(Output::Frame(conn, frame)),
            None => self.log(Level::Error, "A message for a client cannot be written, and is dropped".to_owned()),
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn log(&mut self, level: Level, text: String) {
        self.out.push(Output::Log(level, text));
    }
}

/// The number at the beginning of a text, as `atoi` of C reads it; `None` where there is none.
#[cold]
#[inline(never)]
pub(super) fn leading_number(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii_start();
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = std::str::from_utf8(digits.get(..length)?).ok()?;
    digits.parse::<i64>().ok().map(|number| sign * number)
}
