//! `ResourceManager`: questions and orders of scripts about groups (docs/protocol/resources.md 2.4).

use std::fmt::Write as _;

use hbcore::config::Group;

use super::groups::{Groups, Verb, words};
use super::{Answer, Context};

/// Exit code of `status` for a resource that does not run here.
const NOT_OWNED: u8 = 3;

pub(super) fn run(context: &Context, arguments: &[String]) -> Answer {
    let argument = || arguments.get(1).map_or("", String::as_str);
    let groups = || Groups::read(context);
    match arguments.first().map(String::as_str) {
        Some("listkeys") => list_keys(&groups(), &arguments.get(1..).unwrap_or_default().join(" ")),
        Some("allkeys") => list_keys(&groups(), ".*"),
        Some("ourkeys") => list_words(&groups(), |group| is_node(group, &context.local_name())),
        Some("otherkeys") => list_words(&groups(), |group| !is_node(group, &context.local_name())),
        Some("status") => Answer::code(if groups().owns(argument()) { 0 } else { NOT_OWNED }),
        Some("takegroup") => carry_out(&groups(), Verb::Take, argument()),
        Some("givegroup") => carry_out(&groups(), Verb::Give, argument()),
        Some("statgroup") => count(context, &groups(), argument()),
        Some("verifyallidle") => verify_all_idle(context, &groups()),
        _ => usage(context),
    }
}

fn usage(context: &Context) -> Answer {
    let program = &context.program;
    let stderr = format!("usage: {program} listkeys machine | takegroup key | givegroup key|status resource\n\n");
    Answer { stderr, code: 1, ..Answer::default() }
}

/// The keys of the groups of a node, one a line. 3.0.6 takes a pattern for a node; here only `.*` is one, and a dot in
/// a node's name stands for itself.
fn list_keys(groups: &Groups<'_>, node: &str) -> Answer {
    let wanted = groups.iter().filter(|group| node == ".*" || is_node(group, node));
    let keys = wanted.flat_map(|group| [group.key().map_or("", |key| key.word), "\n"]);
    Answer { stdout: keys.collect(), ..Answer::default() }
}

/// All resources of the wanted groups, one group a line.
fn list_words(groups: &Groups<'_>, wanted: impl Fn(&Group<'_>) -> bool) -> Answer {
    let lines = groups.iter().filter(|group| wanted(group)).map(|group| words(group) + "\n");
    Answer { stdout: lines.collect(), ..Answer::default() }
}

fn is_node(group: &Group<'_>, node: &str) -> bool {
    group.node.eq_ignore_ascii_case(node)
}

/// A key without a group is skipped. Unlike in 3.0.6, the exit code is 1 if a group could not be started or stopped.
fn carry_out(groups: &Groups<'_>, verb: Verb, key: &str) -> Answer {
    Answer::code(u8::from(groups.find(key).is_some_and(|group| !groups.carry_out(verb, group))))
}

/// The part of a group that runs here, as a word in the debug file.
fn count(context: &Context, groups: &Groups<'_>, key: &str) -> Answer {
    let members: Vec<bool> = groups
        .find(key)
        .map_or_else(Vec::new, |group| group.resources().map(|resource| groups.owns(resource.word)).collect());
    let running = members.iter().filter(|owned| **owned).count();
    context.log.result(match running {
        0 => "NONE",
        all if all == members.len() => "ALL",
        _ => "SOME",
    });
    Answer::default()
}

/// For the start of the daemon: nothing should run here yet. The exit code is the number of groups whose first resource
/// runs.
fn verify_all_idle(context: &Context, groups: &Groups<'_>) -> Answer {
    let keys = groups.iter().filter_map(Group::key);
    let active: Vec<_> = keys.filter(|key| groups.owns(key.word)).collect();
    let mut stderr = String::new();
    let say = |stderr: &mut String, line: &str| {
        context.log.line(format_args!("{line}"));
        // Writing to a string cannot fail.
        let _ = writeln!(stderr, "{line}");
    };
    // An address that a killed daemon left is no danger: the next daemon begins by removing it.
    let (left_over, active): (Vec<_>, Vec<_>) = active.into_iter().partition(|key| groups.is_builtin(key.word));
    if !left_over.is_empty() {
        let words: Vec<&str> = left_over.iter().map(|key| key.word).collect();
        let words = words.join(" ");
        say(&mut stderr, &format!("WARN: left over by an earlier run, and removed when heartbeat starts: {words}"));
    }
    for key in &active {
        say(&mut stderr, &format!("CRITICAL: Resource {} is active, and should not be!", key.word));
        say(&mut stderr, "CRITICAL: Non-idle resources can affect data integrity!");
        let help = "stop it, and take it out of the services that the system starts by itself";
        say(&mut stderr, &format!("info: heartbeat alone must start what haresources names: {help}."));
    }
    if !active.is_empty() {
        context.log.line(format_args!("CRITICAL: Non-idle resources will affect resource takeback!"));
        context.log.line(format_args!("CRITICAL: Non-idle resources may affect data integrity!"));
    }
    Answer { stderr, code: u8::try_from(active.len() + left_over.len()).unwrap_or(u8::MAX), ..Answer::default() }
}
