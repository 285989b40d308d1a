//! `mach_down NODE`: takes over the groups of a dead node, and reports that.

use super::context::variable;
use super::groups::{Groups, Verb};
use super::{Answer, Context, send};
use crate::notify::ENGINE_VARIABLE;

/// Does nothing for this node itself, for a ping node, and for a script of `rc.d` that our daemon runs: then the engine
/// has taken over the groups, or is doing so.
pub(super) fn run(context: &Context, words: &[String]) -> Answer {
    let node = words.first().map_or("", String::as_str);
    let text = |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
    if node == context.local_name() || text("HA_info").contains("ping") {
        return Answer::default();
    }
    let mut answer = Answer::default();
    if variable(ENGINE_VARIABLE).is_none() {
        let groups = Groups::read(context);
        for group in groups.iter().filter(|group| group.node.eq_ignore_ascii_case(node)) {
            let key = group.key().map_or("", |key| key.word);
            context.log.line(format_args!("info: Taking over resource group {key}"));
            groups.carry_out(Verb::Take, group);
        }
        if matches!(text("HA_NICEFAILBACK").as_str(), "yes" | "Yes") {
            let program = &context.program;
            context.log.line(format_args!("info: {program}: nice_failback: foreign resources acquired"));
            let fields = [("t", "resource"), ("rsc_hold", "foreign"), ("info", "mach_down")];
            answer = Answer::sent(context, send(&context.fifo, &fields));
        }
    }
    context.log.line(format_args!("info: mach_down takeover complete for node {node}."));
    answer
}
