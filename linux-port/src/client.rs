//! A client of the socket `register`, of this daemon or of a 3.0.6 (docs/protocol/clients.md 2 and 3).
//!
//! Requests are answered in their order; other messages that come in between are kept for [`Client::next_message`].

pub mod cl_status;
mod output;

use crate::compress;
use crate::ipc::{self, BODY_MAX, Composer, Inbox};
use hbcore::wire::{Form, Kind, Structure};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// The text of 3.0.6's library when it reaches no daemon.
const UNREACHABLE: &str = "hb_api_signon: Can't initiate connection to heartbeat";
/// The number of messages that wait to be read; for one more, the oldest is dropped.
const WAITING_MAX: usize = 256;
const READ: usize = 16 * 1024;

/// A message that has come: a body that was parsed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(Vec<u8>);

impl Message {
    /// With `traditional_compression`, a 3.0.6 also compresses what goes to its clients.
    fn of(body: Vec<u8>) -> Option<Self> {
        let inflated = compress::inflated(&Structure::local(&body).ok()?);
        let body = inflated.map_or(Ok(body), |inflated| inflated).ok()?;
        Structure::local(&body).is_ok().then_some(Self(body))
    }

    /// The text of a field; `None` if there is none, or it is no string.
    pub fn text(&self, name: &str) -> Option<String> {
        let structure = Structure::local(&self.0).ok()?;
        let field = structure.field(name)?;
        let mut room = vec![0; field.text()?.len()];
        field.copy_to(&mut room).map(|text| String::from_utf8_lossy(text).into_owned())
    }

    /// The kind and the raw value of a field; a compressed one is not inflated.
    pub fn field(&self, name: &str) -> Option<(Kind, Vec<u8>)> {
        let field = Structure::local(&self.0).ok()?.field(name)?;
        Some((field.kind, field.raw().to_vec()))
    }

    /// The names of its fields, in their order.
    pub fn names(&self) -> Vec<String> {
        let structure = Structure::local(&self.0);
        let fields = structure.iter().flat_map(Structure::fields);
        fields.map(|field| String::from_utf8_lossy(field.name).into_owned()).collect()
    }
}

/// The reason why a client has no answer.
#[derive(Debug)]
pub enum ClientError {
    /// No daemon listens, or the connection has ended.
    Unreachable,
    /// The bytes are no frame.
    Broken,
    /// The time is over.
    TimedOut,
    /// The daemon refuses, for this reason; empty if it gives none.
    Refused(String),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str(UNREACHABLE),
            Self::Broken => f.write_str("The daemon sends what is no frame."),
            Self::TimedOut => f.write_str("No timely response."),
            Self::Refused(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for ClientError {}

/// A client that has signed on.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    inbox: Inbox,
    composer: Composer,
    id: String,
    signed_on: Message,
    waiting: VecDeque<Message>,
    until: Instant,
}

impl Client {
    /// Signs on at the socket `path`; without a name, as a casual client. All calls of this client together must end
    /// within `limit`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn sign_on(path: &Path, name: Option<&str>, limit: Duration) -> Result<Self, ClientError> {
        let until = Instant::now() + limit;
        let stream = UnixStream::connect(path).map_err(|_| ClientError::Unreachable)?;
        let pid = std::process::id().to_string();
        let id = name.map_or_else(|| pid.clone(), str::to_owned);
        let nothing = Message(Vec::new());
        let (inbox, composer) = (Inbox::default(), Composer::default());
        let mut client = Self { stream, inbox, composer, id, signed_on: nothing, waiting: VecDeque::new(), until };
        let host = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
        let numbers =
            [rustix::process::geteuid().as_raw().to_string(), rustix::process::getegid().as_raw().to_string()];
        client.send(&host, "signon", &[("uid", &numbers[0]), ("gid", &numbers[1])])?;
        let reply = client.reply()?;
        if reply.text("result").as_deref() != Some("OK") {
            return Err(ClientError::Refused(reply.text("info").unwrap_or_default()));
        }
        client.signed_on = reply;
        Ok(client)
    }

    /// A fact from the answer to the sign-on: `node`, `hbversion`, `pacemaker`, `logfacility`.
    pub fn told(&self, name: &str) -> String {
        self.signed_on.text(name).unwrap_or_default()
    }

    /// A time from the answer to the sign-on: `deadtime`, `keepalive`.
    pub fn time(&self, name: &str) -> Duration {
        Duration::from_millis(u64::from_str_radix(&self.told(name), 16).unwrap_or(0))
    }

    /// Asks, and returns the answer: one message, or all messages of a list.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn ask(&mut self, request: &str, fields: &[(&str, &str)]) -> Result<Vec<Message>, ClientError> {
        self.request(request, fields)?;
        let mut answer = Vec::new();
        loop {
            let reply = self.reply()?;
            let result = reply.text("result").unwrap_or_default();
            match result.as_str() {
                "OK" | "ok/more" => answer.push(reply),
                _ => return Err(ClientError::Refused(reply.text("info").unwrap_or_default())),
            }
            if result == "OK" {
                return Ok(answer);
            }
        }
    }

    /// Sends a request and does not wait for its answer, which the next [`Client::ask`] then gets.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn request(&mut self, request: &str, fields: &[(&str, &str)]) -> Result<(), ClientError> {
        let node = self.told("node");
        self.send(&node, request, fields)
    }

    /// Sends a message of type `kind` to the clients of the same name at all nodes, this one included. Only a named
    /// client may do that.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn say(&mut self, kind: &str, fields: &[(&str, &[u8])]) -> Result<(), ClientError> {
        let frame = self.composer.frame(Form::Classic, |w| {
            w.text("t", kind.as_bytes());
            for (name, value) in fields {
                w.text(name, value);
            }
        });
        let frame = frame.ok_or_else(|| ClientError::Refused(String::new()))?;
        self.stream.write_all(&frame).map_err(|_| ClientError::Unreachable)
    }

    /// Sends this body as it is. The daemon takes no notice of one that is not well-formed.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn say_raw(&mut self, body: &[u8]) -> Result<(), ClientError> {
        let frame = [&ipc::header(body.len())[..], body].concat();
        self.stream.write_all(&frame).map_err(|_| ClientError::Unreachable)
    }

    /// Asks for one field; `None` if the answer has none.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn ask_one(
        &mut self,
        request: &str,
        fields: &[(&str, &str)],
        wanted: &str,
    ) -> Result<Option<String>, ClientError> {
        Ok(self.ask(request, fields)?.first().and_then(|message| message.text(wanted)))
    }

    /// Whether a client is at a node: `online` or `offline`, within `limit`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn client_status(&mut self, node: &str, client: &str, limit: Duration) -> Result<String, ClientError> {
        let own = self.told("node");
        let overall = self.until;
        self.until = overall.min(Instant::now() + limit);
        let is_answer = |message: &Message| {
            ["t", "subt"].iter().any(|name| message.text(name).as_deref() == Some("respond-cstatus"))
        };
        let answer = self.send(&own, "clientstatus", &[("node", node), ("cn", client)]).and_then(|()| {
            loop {
                let message = self.receive()?;
                if is_answer(&message) {
                    return Ok(message);
                }
            }
        });
        self.until = overall;
        answer.map(|message| message.text("cs").unwrap_or_default())
    }

    /// From now on, everything that this client does has to be over within `limit`.
    pub fn allow(&mut self, limit: Duration) {
        self.until = Instant::now() + limit;
    }

    /// A message that answers no request and has come already, if there is one.
    ///
    /// # Errors
    /// [`ClientError::Broken`].
    pub fn waiting(&mut self) -> Result<Option<Message>, ClientError> {
        if let Some(message) = self.waiting.pop_front() {
            return Ok(Some(message));
        }
        self.arrived()
    }

    /// Reads once from the socket. Call it when [`Client::fd`] is readable; then [`Client::waiting`] has the messages.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn fill(&mut self) -> Result<(), ClientError> {
        let mut buffer = [0; READ];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(ClientError::Unreachable),
            Ok(length) => {
                self.inbox.push(buffer.get(..length).unwrap_or_default());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(ClientError::TimedOut),
            Err(_) => Err(ClientError::Unreachable),
        }
    }

    /// The connection, to wait for what comes.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// The next message that answers no request.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn next_message(&mut self) -> Result<Message, ClientError> {
        self.waiting.pop_front().map_or_else(|| self.receive(), Ok)
    }

    /// Signs off. The daemon does not answer that.
    pub fn sign_off(mut self) {
        let node = self.told("node");
        let _ = self.send(&node, "signoff", &[]);
    }

    fn send(&mut self, dest: &str, request: &str, fields: &[(&str, &str)]) -> Result<(), ClientError> {
        let id = self.id.clone();
        let frame = self.composer.frame(Form::Classic, |w| {
            w.text("t", b"hbapi-req");
            w.text("reqtype", request.as_bytes());
            w.text("dest", dest.as_bytes());
            w.decimal("pid", std::process::id().into());
            w.text("from_id", id.as_bytes());
            for (name, value) in fields {
                w.text(name, value.as_bytes());
            }
        });
        // A word that no message can carry names nothing.
        let frame = frame.ok_or_else(|| ClientError::Refused(String::new()))?;
        self.stream.write_all(&frame).map_err(|_| ClientError::Unreachable)
    }

    /// The next answer; messages before it are kept.
    fn reply(&mut self) -> Result<Message, ClientError> {
        loop {
            let message = self.receive()?;
            if message.text("t").as_deref() == Some("hbapi-resp") {
                return Ok(message);
            }
            if self.waiting.len() >= WAITING_MAX {
                self.waiting.pop_front();
            }
            self.waiting.push_back(message);
        }
    }

    fn receive(&mut self) -> Result<Message, ClientError> {
        loop {
            if let Some(message) = self.arrived()? {
                return Ok(message);
            }
            let left = self.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ClientError::TimedOut);
            }
            self.stream.set_read_timeout(Some(left)).map_err(|_| ClientError::Unreachable)?;
            self.fill()?;
        }
    }

    /// The next whole message that was received. Bodies that cannot be parsed are skipped.
    fn arrived(&mut self) -> Result<Option<Message>, ClientError> {
        while let Some(body) = self.inbox.next(BODY_MAX).map_err(|_| ClientError::Broken)? {
            if let Some(message) = Message::of(body) {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }
}
