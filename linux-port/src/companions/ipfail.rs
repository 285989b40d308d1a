//! `ipfail`: moves the groups to the node that reaches more of the ping nodes. [`Judge`] decides.

use super::ENOUGH;
use super::counterpart::{nodes, partner};
use super::journal::{info, journal};
use super::judge::{Deed, Held, Judge, News, Sight};
use super::session::{Heard, Session};
use crate::client::{ClientError, Message};
use crate::log::{EarlyLog, Level};
use std::time::Instant;

const NAME: &str = "ipfail";

/// Runs until the daemon goes for good, or somebody wants the end. Returns the exit code.
pub(super) fn run() -> u8 {
    let mut log = journal(NAME);
    let Some(session) = Session::begin(NAME, "", &mut log) else { return 1 };
    session.keep(&mut log, attend)
}

/// Serves as long as the daemon is there. An exit code, or why the daemon is not heard any more.
fn attend(session: &mut Session, log: &mut EarlyLog) -> Result<u8, ClientError> {
    match session.ask("getrsc", &[], "rsc_hold") {
        Err(ClientError::Refused(why)) => {
            log.log(Level::Error, format_args!("Heartbeat does not manage resources: {why}"));
            return Ok(ENOUGH);
        }
        answered => answered?,
    };
    let failback = session.ask("getparm", &[("pname", "auto_failback")], "pvalue")?.unwrap_or_default();
    if failback.eq_ignore_ascii_case("legacy") {
        log.log(Level::Error, format_args!("auto_failback is set to legacy: ipfail can do nothing here"));
        return Ok(ENOUGH);
    }
    session.listen()?;
    let own = session.client.told("node");
    let Some(partner) = partner(&nodes(session)?, &own) else {
        log.log(Level::Error, format_args!("There is no other node: ipfail can do nothing here"));
        return Ok(ENOUGH);
    };
    let gives_back = hbcore::config::parse_boolean(&failback) == Some(true);
    let mut judge = Judge::new(gives_back, session.client.time("keepalive"));
    info(log, &format!("ipfail compares ping nodes with {partner}"));
    loop {
        let news = match session.wait(&[], judge.due()) {
            Heard::Leave => return Ok(0),
            Heard::Gone => return Err(ClientError::Unreachable),
            Heard::Message(message) => news(&message, &partner),
            Heard::Other => judge.due().filter(|at| *at <= Instant::now()).map(|_| News::Time),
        };
        let Some(news) = news else { continue };
        let sight = sight(session)?;
        for deed in judge.hear(news, sight, Instant::now()) {
            carry_out(session, log, &own, &partner, deed)?;
        }
    }
}

/// The view of this node at this moment.
fn sight(session: &mut Session) -> Result<Sight, ClientError> {
    let pings = nodes(session)?.iter().filter(|node| node.is_ping && node.state == "ping").count();
    let holds = match session.ask("getrsc", &[], "rsc_hold")?.unwrap_or_default().as_str() {
        "none" => Some(Held::Nothing),
        "local" => Some(Held::Local),
        "foreign" | "all" => Some(Held::Foreign),
        _ => None,
    };
    Ok(Sight { pings: u32::try_from(pings).unwrap_or(u32::MAX), holds })
}

fn news(message: &Message, partner: &str) -> Option<News> {
    let field = |name: &str| message.text(name).unwrap_or_default();
    let (kind, st, src) = (field("t"), field("st"), field("src"));
    let is_partner = src.eq_ignore_ascii_case(partner);
    match kind.as_str() {
        "status" if st == "dead" && field("info").starts_with("ping") => Some(News::PingDead),
        "NS_st" if st == "ping" => Some(News::PingUp),
        "NS_st" if st == "dead" => Some(News::PingDead),
        "ifstat" if st == "dead" => Some(News::LinkDead),
        "hbapi-clstat" if is_partner && st == "join" => Some(News::PartnerJoined),
        "num_ping_nodes" if is_partner => field("num_ping").trim().parse().ok().map(News::Count),
        "you_are_dead" if is_partner => Some(News::TheyHaveMore),
        "abort_giveup" if is_partner => Some(News::Balanced),
        "resource" if is_partner && field("isstable") == "1" && message.text("info").is_none() => {
            Some(News::PartnerStable)
        }
        _ => None,
    }
}

fn carry_out(
    session: &mut Session,
    log: &mut EarlyLog,
    own: &str,
    partner: &str,
    deed: Deed,
) -> Result<(), ClientError> {
    let (own, dest) = (("src", own.as_bytes()), ("dest", partner.as_bytes()));
    let client = &mut session.client;
    match deed {
        Deed::Log(text) => {
            info(log, &text);
            Ok(())
        }
        Deed::TellCount(count) => {
            client.say("num_ping_nodes", &[own, ("num_ping", count.to_string().as_bytes()), dest])
        }
        Deed::TellLess => client.say("you_are_dead", &[own, dest]),
        Deed::TellBalanced => client.say("abort_giveup", &[own, dest]),
        Deed::GiveUp(share) => {
            client.say("ask_resources", &[("rsc_hold", share.word().as_bytes()), own, ("info", b"me")])
        }
    }
}
