//! The questions of clients that have signed on (docs/protocol/clients.md 3).

use super::desk::{Conn, Desk, Member, Output, Stage, leading_number};
use crate::log::Level;
use hbcore::wire::Structure;

/// Bits of a filter: messages for all clients, and five kinds that are for debugging.
const LISTEN: u64 = 0x01;
const DEBUG: u64 = 0x3e;
/// The largest number of frames that a client may have wait: `ccm` wants 1,024.
const QUEUE_MAX: i64 = 4096;
/// The end of the signals that a client may ask for. It may not ask for `SIGKILL` and `SIGSTOP` either.
const SIGNALS_END: i64 = 32;

/// The answer to a request.
enum Reply {
    /// One frame, `OK`.
    Fields(Vec<Field>),
    /// A frame for each, all but the last with `ok/more`.
    List(Vec<Vec<Field>>),
    /// A refusal, and its reason.
    Refused(Option<&'static str>),
    /// Nothing, or another node answers.
    Nothing,
}

type Field = (&'static str, Value);

enum Value {
    Text(String),
    Binary(Vec<u8>),
}

fn text(name: &'static str, value: &str) -> Field {
    (name, Value::Text(value.to_owned()))
}

fn one(field: Field) -> Reply {
    Reply::Fields(vec![field])
}

const INVALID: Reply = Reply::Refused(Some("EINVAL"));

impl Desk {
    /// A request of a client that has signed on.
    #[cold]
    #[inline(never)]
    pub(super) fn request(&mut self, conn: Conn, member: &Member, message: &Structure<'_>) {
        let Some(kind) = message.text("reqtype") else {
            return self.log(Level::Error, format!("A request of client {} has no reqtype", member.id));
        };
        if !self.is_from(conn, message) {
            return self.log(Level::Error, format!("Client {} speaks for another one: ignored", member.id));
        }
        let kind = String::from_utf8_lossy(kind).into_owned();
        if kind == "signoff" {
            return self.sign_off(conn);
        }
        match self.reply(conn, &kind, message) {
            Reply::Fields(fields) => self.answer(conn, &kind, &fields, "OK", None),
            Reply::List(rows) => {
                let last = rows.len().saturating_sub(1);
                for (n, fields) in rows.iter().enumerate() {
                    self.answer(conn, &kind, fields, if n == last { "OK" } else { "ok/more" }, None);
                }
            }
            Reply::Refused(info) => self.answer(conn, &kind, &[], "badreq", info),
            Reply::Nothing => {}
        }
    }

    /// Checks that this connection is the newest of the clients that a request names by `pid` or `from_id`.
    #[cold]
    #[inline(never)]
    fn is_from(&self, conn: Conn, message: &Structure<'_>) -> bool {
        let (pid, id) = (message.text("pid").and_then(leading_number), message.text("from_id"));
        let members = self.clients.iter().filter_map(|(conn, c)| Some((conn, c.credentials.pid, c.member()?)));
        let named = members.filter(|(_, known, member)| {
            pid == Some(i64::from(*known)) || id.is_some_and(|id| id == member.id.as_bytes())
        });
        named.max_by_key(|(_, _, member)| member.generation).is_some_and(|(found, _, _)| found == conn)
    }

    /// Signs a client off. A named client is told of its own leave, and so are all nodes.
    #[cold]
    #[inline(never)]
    fn sign_off(&mut self, conn: Conn) {
        let member = self.clients.get(conn).and_then(|client| client.member()).cloned();
        if let Some(member) = member.filter(|member| !member.is_casual) {
            self.tell_leave(conn, &member.id, "signoff", member.generation);
        }
        self.gone(conn, "signoff");
    }

    #[cold]
    #[inline(never)]
    fn reply(&mut self, conn: Conn, kind: &str, message: &Structure<'_>) -> Reply {
        let node = || message.text("node").and_then(|name| self.view.node(name));
        let of_node = |field: &dyn Fn(&super::view::NodeView) -> Field| node().map_or(INVALID, |n| one(field(n)));
        match kind {
            "setfilter" => self.set_filter(conn, message),
            "setsignal" => self.set_signal(conn, message),
            "set_sendqlen" => self.set_queue(conn, message),
            "nodelist" => self.nodes(),
            "nodestatus" => of_node(&|n| text("st", &n.state)),
            "nodetype" => of_node(&|n| text("nodetype", kind_of(n))),
            "nodeweight" => of_node(&|n| text("weight", &n.weight.to_string())),
            "nodesite" => of_node(&|n| text("site", self.site_of(&n.name))),
            "numnodes" => one(text("numnodes", &self.view.nodes.iter().filter(|n| !n.is_ping).count().to_string())),
            "iflist" => match node() {
                // A 3.0.6 without a usable link crashes.
                Some(n) if !n.links.is_empty() => Reply::List(n.links.iter().map(link).collect()),
                _ => INVALID,
            },
            "ifstatus" => {
                let name = message.text("ifname").unwrap_or_default();
                let found = node().and_then(|n| n.links.iter().find(|(known, _)| known.as_bytes() == name));
                found.map_or(INVALID, |(_, up)| one(text("st", state_of(*up))))
            }
            "getparm" => match message.text("pname") {
                None => INVALID,
                Some(name) => {
                    let found = std::str::from_utf8(name).ok().and_then(|name| self.about.parameter(name));
                    Reply::Fields(found.map(|value| text("pvalue", value)).into_iter().collect())
                }
            },
            "getrsc" if !self.about.manages => {
                Reply::Refused(Some("Resource is managed by crm. Use crm tool to query resource"))
            }
            "getrsc" => one(text("rsc_hold", self.view.resources)),
            "clientstatus" => self.client_status(message),
            "getuuid" => match message.text("queryname") {
                None => Reply::Refused(Some("no query node name found")),
                Some(name) => {
                    let found = self.view.exactly(name);
                    let uuid = found.map(|n| ("queryuuid", Value::Binary(n.uuid.0.to_vec())));
                    Reply::Fields(uuid.into_iter().collect())
                }
            },
            "getnodename" => match message.field("queryuuid").and_then(|field| field.uuid()) {
                None => Reply::Refused(Some("no query node name found")),
                Some(uuid) => {
                    let found = self.view.nodes.iter().find(|n| n.uuid == uuid && !n.is_ping);
                    Reply::Fields(found.map(|n| text("queryname", &n.name)).into_iter().collect())
                }
            },
            _ => Reply::Refused(None),
        }
    }

    fn site_of(&self, node: &str) -> &str {
        self.sites.iter().find(|(name, _)| name == node).map_or("", |(_, site)| site)
    }

    #[cold]
    #[inline(never)]
    fn nodes(&self) -> Reply {
        let row =
            |n: &super::view::NodeView| vec![text("node", &n.name), text("nodetype", kind_of(n)), text("st", &n.state)];
        Reply::List(self.view.nodes.iter().map(row).collect())
    }

    #[cold]
    #[inline(never)]
    fn set_filter(&mut self, conn: Conn, message: &Structure<'_>) -> Reply {
        let mask = message.text("fmask").and_then(|mask| std::str::from_utf8(mask).ok());
        let Some(mask) = mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()) else { return INVALID };
        let Some(client) = self.clients.get_mut(conn) else { return Reply::Nothing };
        if mask & (LISTEN | DEBUG) == 0 {
            return INVALID;
        }
        if mask & DEBUG != 0 && client.credentials.uid != 0 {
            return Reply::Refused(Some("EPERM"));
        }
        if let Stage::SignedOn(member) = &mut client.stage {
            member.listens = mask & LISTEN != 0;
        }
        Reply::Fields(Vec::new())
    }

    #[cold]
    #[inline(never)]
    fn set_signal(&mut self, conn: Conn, message: &Structure<'_>) -> Reply {
        let Some(signal) = message.text("signal") else { return Reply::Refused(None) };
        match leading_number(signal).unwrap_or(0) {
            signal if !(0..SIGNALS_END).contains(&signal) => INVALID,
            signal if signal == i64::from(libc::SIGKILL) || signal == i64::from(libc::SIGSTOP) => INVALID,
            signal => {
                self.out.push(Output::Signal(conn, i32::try_from(signal).unwrap_or(0)));
                Reply::Fields(Vec::new())
            }
        }
    }

    /// 3.0.6 never answers this one.
    #[cold]
    #[inline(never)]
    fn set_queue(&mut self, conn: Conn, message: &Structure<'_>) -> Reply {
        match message.text("sendqlen").and_then(leading_number) {
            Some(length) if length > 0 => {
                let length = usize::try_from(length.min(QUEUE_MAX)).unwrap_or(1);
                self.out.push(Output::QueueLimit(conn, length));
            }
            _ => self.log(Level::Error, "A client asks for a queue of no length".to_owned()),
        }
        Reply::Nothing
    }

    /// The status of a client. For a client of an active node elsewhere, that node is asked, and answers the asker
    /// (docs/protocol/clients.md 3.4).
    #[cold]
    #[inline(never)]
    fn client_status(&mut self, message: &Structure<'_>) -> Reply {
        let fields = (message.text("node"), message.text("cn"), message.text("from_id"));
        let (Some(node), Some(client), Some(asker)) = fields else { return INVALID };
        let status = |word: &str| Reply::Fields(vec![text("subt", "respond-cstatus"), text("cs", word)]);
        if node == self.about.node.as_bytes() {
            return status(self.status_of(client));
        }
        match self.view.exactly(node).map(|n| n.state == "active") {
            // The library of 3.0.6 does not take this as an answer, and waits until its own time is over.
            None => INVALID,
            Some(false) => status("offline"),
            Some(true) => {
                let query = self.composer.message(|w| {
                    w.text("t", b"query-cstatus");
                    w.text("dest", node);
                    w.text("cn", client);
                    w.text("from_id", asker);
                });
                self.out.extend(query.map(Output::Cluster));
                Reply::Nothing
            }
        }
    }

    /// `online` or `offline`.
    #[cold]
    #[inline(never)]
    pub(super) fn status_of(&self, client: &[u8]) -> &'static str {
        let is_here = std::str::from_utf8(client).is_ok_and(|id| self.called(id).is_some());
        if is_here { "online" } else { "offline" }
    }

    #[cold]
    #[inline(never)]
    fn answer(&mut self, conn: Conn, kind: &str, fields: &[Field], result: &str, info: Option<&str>) {
        self.send(conn, |w| {
            w.text("t", b"hbapi-resp");
            w.text("reqtype", kind.as_bytes());
            for (name, value) in fields {
                match value {
                    Value::Text(value) => w.text(name, value.as_bytes()),
                    Value::Binary(value) => w.binary(name, value),
                }
            }
            w.text("result", result.as_bytes());
            if let Some(info) = info {
                w.text("info", info.as_bytes());
            }
        });
    }
}

fn kind_of(node: &super::view::NodeView) -> &'static str {
    if node.is_ping { "ping" } else { "normal" }
}

fn state_of(up: bool) -> &'static str {
    if up { "up" } else { "dead" }
}

fn link((name, up): &(String, bool)) -> Vec<Field> {
    vec![text("ifname", name), text("st", state_of(*up))]
}
