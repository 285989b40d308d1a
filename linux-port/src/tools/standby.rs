//! `hb_standby` and `hb_takeover`: moving groups by hand.

use std::io;

use super::context::OPTIONS;
use super::send::{open, write};
use super::{Answer, Context, SendError, send};
use crate::control::{REFUSED, Unanswered, give};

/// `hb_standby [all|foreign|local|failback]`: hands groups over to the peer.
pub(super) fn standby(context: &Context, words: &[String]) -> Answer {
    let class = match class(context, words) {
        Ok("failback") => "foreign",
        Ok(class) => class,
        Err(usage) => return usage,
    };
    let fields = [("t", "ask_resources"), ("rsc_hold", class), ("info", "me")];
    let write = || {
        let fifo = open(&context.fifo)?;
        write(&context.fifo, &fifo, &fields)
    };
    // As 3.0.6, but of a standby that is not refused.
    order(context, &format!("standby {class}"), write, || context.log.line(format_args!("Going standby [{class}].")))
}

/// `hb_takeover [all|foreign|local|failback]`: makes the peer hand over groups to this node.
pub(super) fn takeover(context: &Context, words: &[String]) -> Answer {
    match class(context, words) {
        Ok(class) => {
            let write = || send(&context.fifo, &[("t", "hb_takeover"), ("rsc_hold", class)]);
            order(context, &format!("takeover {class}"), write, || {})
        }
        Err(usage) => usage,
    }
}

/// Gives an order and reports the daemon's decision. A daemon without a control socket, such as a 3.0.6, gets it through
/// its FIFO, which accepts everything; the decision is only in its log. `accepted` is called unless the daemon refuses.
/// Under the names of 3.0.6 the exit code says that the order was given, as there.
fn order(
    context: &Context,
    order: &str,
    write: impl FnOnce() -> Result<(), SendError>,
    accepted: impl FnOnce(),
) -> Answer {
    let unknown =
        |error: &io::Error| format!("the daemon does not answer whether it does so: see its log ({})", plain(error));
    let (mut answer, said) = match context.control.as_deref().map(|path| give(path, order)) {
        Some(Ok(said)) => (Answer::default(), said),
        Some(Err(Unanswered::NoAnswer(error))) => (Answer::default(), unknown(&error)),
        Some(Err(Unanswered::NotGiven(error))) => (Answer::sent(context, write()), unknown(&error)),
        None => (Answer::sent(context, write()), String::new()),
    };
    if answer.code != 0 {
        return answer;
    }
    if said.starts_with(REFUSED) {
        answer.code = context.refused;
    } else {
        accepted();
    }
    if !said.is_empty() {
        answer.stderr = format!("{}: {said}\n", context.program);
    }
    answer
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
