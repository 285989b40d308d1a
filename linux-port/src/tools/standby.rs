//! `hb_standby` and `hb_takeover`: moving groups by hand.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::context::OPTIONS;
use super::send::{open, write};
use super::{Answer, Context, SendError, send};
use crate::status::{self, REFUSED, STANDBY, TAKEOVER};

/// `hb_standby [all|foreign|local|failback]`: hands groups over to the peer.
pub(super) fn standby(context: &Context, words: &[String]) -> Answer {
    let class = match class(context, words) {
        Ok("failback") => "foreign",
        Ok(class) => class,
        Err(usage) => return usage,
    };
    let fields = [("t", "ask_resources"), ("rsc_hold", class), ("info", "me")];
    let send = || {
        let fifo = open(&context.fifo)?;
        write(&context.fifo, &fifo, &fields)
    };
    // As 3.0.6, but of a standby that is not refused.
    order(context, STANDBY, send, || context.log.line(format_args!("Going standby [{class}].")))
}

/// `hb_takeover [all|foreign|local|failback]`: makes the peer hand over groups to this node.
pub(super) fn takeover(context: &Context, words: &[String]) -> Answer {
    match class(context, words) {
        Ok(class) => {
            order(context, TAKEOVER, || send(&context.fifo, &[("t", "hb_takeover"), ("rsc_hold", class)]), || {})
        }
        Err(usage) => usage,
    }
}

/// The time for which a tool waits for the daemon's answer. A running daemon answers within a millisecond.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sends an order and reports the daemon's decision: the FIFO accepts everything, and 3.0.6 writes the decision only to
/// its log. `accepted` is called unless the daemon refuses the order. Under its names the exit code says that the order was written, as there.
fn order(
    context: &Context,
    kind: &str,
    send: impl FnOnce() -> Result<(), SendError>,
    accepted: impl FnOnce(),
) -> Answer {
    let before = context.status.as_deref().map(last_order);
    let mut answer = Answer::sent(context, send());
    if answer.code != 0 {
        return answer;
    }
    let said = match (before, context.status.as_deref()) {
        (Some(Ok(before)), Some(path)) => said_since(path, before, kind),
        (Some(Err(error)), _) => Err(error),
        _ => {
            accepted();
            return answer;
        }
    };
    let lines = said.unwrap_or_else(|error| {
        vec![format!("the daemon does not answer whether it does so: see its log ({})", plain(&error))]
    });
    if lines.iter().any(|line| line.starts_with(REFUSED)) {
        answer.code = context.refused;
    } else {
        accepted();
    }
    answer.stderr.extend(lines.iter().map(|line| format!("{}: {line}\n", context.program)));
    answer
}

/// The number of the latest order that the daemon has decided.
fn last_order(path: &Path) -> io::Result<u64> {
    Ok(status::ask_within(path, PATIENCE)?.orders.last().map_or(0, |order| order.number))
}

/// The daemon's decisions about the orders after this one. Before it answers, it has read everything that was written.
fn said_since(path: &Path, before: u64, kind: &str) -> io::Result<Vec<String>> {
    let orders = status::ask_within(path, PATIENCE)?.orders;
    let ours = orders.into_iter().filter(|order| order.number > before && order.kind == kind && !order.said.is_empty());
    Ok(ours.map(|order| order.said).collect())
}

/// The error's text without the system's number.
fn plain(error: &io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_owned()
}

/// The class, or the text to print instead. Half of it goes to standard output, as in 3.0.6.
fn class<'w>(context: &Context, words: &'w [String]) -> Result<&'w str, Answer> {
    let program = &context.program;
    let complaint = match words {
        [] => return Ok("all"),
        [word] if ["all", "foreign", "local", "failback"].contains(&word.as_str()) => return Ok(word),
        [help] if help == "--help" => String::new(),
        [word] => format!("{program}: wrong resources({word}).\n"),
        _ => format!("{program}: too many arguments\n"),
    };
    let asks = words.first().is_some_and(|word| word == "-h" || word == "--help");
    let options = if asks { OPTIONS } else { "" };
    let stderr = format!("{program} [all|foreign|local|failback]\n{options}");
    Err(Answer { stdout: format!("{complaint}usage:\n"), stderr, code: 1 })
}
