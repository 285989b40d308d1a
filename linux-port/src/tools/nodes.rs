//! `hb_addnode`, `hb_delnode`, `hb_setweight`, `hb_setsite`: changing the list of nodes while the cluster runs.

use super::{Answer, Context, Tool, send};

/// `hb_addnode NODE...` and `hb_delnode NODE...`
pub(super) fn list(tool: Tool, context: &Context, words: &[String]) -> Answer {
    if wants_usage(words) {
        return usage(tool, "<node> <node> ...");
    }
    let kind = if tool == Tool::AddNode { "addnode" } else { "delnode" };
    Answer::sent(context, send(&context.fifo, &[("t", kind), ("nodelist", &words.join(" "))]))
}

/// `hb_setweight NODE WEIGHT` and `hb_setsite NODE SITE`. A missing value is sent as an empty one, as in 3.0.6; words after it are
/// ignored.
pub(super) fn set(tool: Tool, context: &Context, words: &[String]) -> Answer {
    let (kind, field) = if tool == Tool::SetWeight { ("setweight", "weight") } else { ("setsite", "site") };
    match words {
        [node, rest @ ..] if !wants_usage(words) => {
            let value = rest.first().map_or("", String::as_str);
            Answer::sent(context, send(&context.fifo, &[("t", kind), ("node", node), (field, value)]))
        }
        _ => usage(tool, &format!("<node> <{field}>")),
    }
}

fn wants_usage(words: &[String]) -> bool {
    words.first().is_none_or(|word| word == "--help")
}

fn usage(tool: Tool, arguments: &str) -> Answer {
    Answer { stdout: format!("usage: {} {arguments}\n", tool.name()), code: 1, ..Answer::default() }
}
