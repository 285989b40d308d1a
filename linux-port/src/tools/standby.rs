//! `hb_standby` and `hb_takeover`: moving groups by hand.

use super::context::OPTIONS;
use super::send::{open, write};
use super::{Answer, Context, send};

/// `hb_standby [all|foreign|local|failback]`: gives groups to the other node.
pub(super) fn standby(context: &Context, words: &[String]) -> Answer {
    let class = match class(context, words) {
        Ok("failback") => "foreign",
        Ok(class) => class,
        Err(usage) => return usage,
    };
    let fields = [("t", "ask_resources"), ("rsc_hold", class), ("info", "me")];
    let sent = open(&context.fifo).and_then(|fifo| {
        context.log.line(format_args!("Going standby [{class}]."));
        write(&context.fifo, &fifo, &fields)
    });
    Answer::sent(context, sent)
}

/// `hb_takeover [all|foreign|local|failback]`: has the other node give us groups.
pub(super) fn takeover(context: &Context, words: &[String]) -> Answer {
    match class(context, words) {
        Ok(class) => Answer::sent(context, send(&context.fifo, &[("t", "hb_takeover"), ("rsc_hold", class)])),
        Err(usage) => usage,
    }
}

/// The word, or what to say instead. One half of it goes to standard output, as in 3.0.6.
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
