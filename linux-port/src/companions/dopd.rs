//! `dopd`: has the data of a DRBD resource marked as outdated at the other node, when the replication between both is cut and the cluster
//! still reaches it. DRBD asks through `drbd-peer-outdater`.

mod askers;
mod workshop;

use super::counterpart::nodes;
use super::journal::{info, journal};
use super::outdater::{FAILED, UNREACHABLE};
use super::session::{Heard, Session};
use crate::client::{ClientError, Message};
use crate::log::{EarlyLog, Level};
use askers::{Asked, Askers};
use std::time::{Duration, Instant};
use workshop::Workshop;

const NAME: &str = "dopd";
/// Another asker waits for the same resource already.
const BUSY: u8 = 21;
/// How often a program that runs is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Runs until the daemon goes for good, or somebody wants the end. Returns the exit code.
pub(super) fn run() -> u8 {
    let mut log = journal(NAME);
    let help = " (dopd needs a line `apiauth dopd uid=hacluster`)";
    let Some(session) = Session::begin(NAME, help, &mut log) else { return 1 };
    let mut askers = match Askers::listen(&super::session::run_dir()) {
        Ok(askers) => askers,
        Err(error) => {
            log.log(Level::Error, format_args!("Cannot listen for drbd-peer-outdater: {error}"));
            return 1;
        }
    };
    let mut workshop = Workshop::default();
    session.keep(&mut log, |session, log| attend(session, &mut askers, &mut workshop, log).map(|()| 0))
}

/// Serves as long as the daemon is there. An error: why it is not heard any more.
fn attend(
    session: &mut Session,
    askers: &mut Askers,
    workshop: &mut Workshop,
    log: &mut EarlyLog,
) -> Result<(), ClientError> {
    session.listen()?;
    let own = session.client.told("node");
    loop {
        let until = (!workshop.is_idle()).then(|| Instant::now() + LOOK);
        let heard = {
            let fds = askers.fds();
            session.wait(&fds, until)
        };
        match heard {
            Heard::Leave => return Ok(()),
            Heard::Gone => return Err(ClientError::Unreachable),
            Heard::Message(message) => hear(session, askers, workshop, log, &own, &message)?,
            Heard::Other => {}
        }
        for Asked { asker, peer, resource } in askers.take() {
            if let Some(code) = refusal(session, askers, &own, &peer, &resource)? {
                askers.answer(asker, &own, code);
                continue;
            }
            info(log, &format!("{peer} is asked to outdate {resource}"));
            askers.wait_for(asker, &peer, &resource);
            let (src, dest) = (("src", own.as_bytes()), ("dest", peer.as_bytes()));
            session.client.say("start_outdate", &[src, ("dop_res", resource.as_bytes()), dest])?;
        }
        for (node, resource, code) in workshop.finished() {
            info(log, &format!("drbdadm outdate {resource}: {code}, for {node}"));
            tell_outcome(session, &own, &node, &resource, code)?;
        }
    }
}

/// Why a peer is not even asked.
fn refusal(
    session: &mut Session,
    askers: &Askers,
    own: &str,
    peer: &str,
    resource: &str,
) -> Result<Option<u8>, ClientError> {
    if askers.is_asked(resource) {
        return Ok(Some(BUSY));
    }
    let nodes = nodes(session)?;
    let is_there = |node: &&super::counterpart::Node| !node.is_ping && node.state != "dead" && node.name == peer;
    let is_there = peer != own && nodes.iter().any(|node| is_there(&node));
    Ok((!is_there).then_some(UNREACHABLE))
}

/// Tells the node that asked, with the exit code for its `drbd-peer-outdater`.
fn tell_outcome(session: &mut Session, own: &str, node: &str, resource: &str, code: u8) -> Result<(), ClientError> {
    let (value, src, dest) = (code.to_string(), ("src", own.as_bytes()), ("dest", node.as_bytes()));
    session.client.say("outdate_rc", &[("dop_value", value.as_bytes()), ("dop_res", resource.as_bytes()), src, dest])
}

fn hear(
    session: &mut Session,
    askers: &mut Askers,
    workshop: &mut Workshop,
    log: &mut EarlyLog,
    own: &str,
    message: &Message,
) -> Result<(), ClientError> {
    let field = |name: &str| message.text(name).unwrap_or_default();
    let (src, resource) = (field("src"), field("dop_res"));
    match field("t").as_str() {
        "start_outdate" => {
            if let Err(error) = workshop.begin(&src, &resource) {
                log.log(Level::Error, format_args!("Cannot run drbdadm outdate {resource}: {error}"));
                tell_outcome(session, own, &src, &resource, FAILED)?;
            }
        }
        "outdate_rc" => {
            let code = field("dop_value").trim().parse().unwrap_or(FAILED);
            info(log, &format!("{src} has tried to outdate {resource}: {code}"));
            askers.answer_all(own, code, |peer, asked| peer == src && asked == resource);
        }
        // Nobody is left there to answer.
        "status" if field("st") == "dead" => askers.answer_all(own, UNREACHABLE, |peer, _| peer == src),
        _ => {}
    }
    Ok(())
}
