//! `cl_status`: the questions of monitors, with the words and exit codes of 3.0.6 (docs/protocol/clients.md 10).

mod ccm;
mod words;

use super::output::{FAIL, OK, OTHER, Output, PARAMETER, TIMEOUT};
use super::{Client, ClientError, Message};
use crate::ipc::SOCKET;
use ccm::Asked;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use words::{COMMANDS, USAGE, Words};

/// The run directory of the socket, unless `HBCORE_RUN_DIR` names another: for several nodes on one machine.
const RUN_DIR: &str = "/run";
/// The longest time for one run.
const LIMIT: Duration = Duration::from_secs(5);
/// The time for which a client of another node is waited for.
const CLIENT_LIMIT: Duration = Duration::from_millis(500);

const SHORT: &str = "No enough parameter.";
const SHORT_TOO: &str = "Not enough parameters.";
const NO_NODE: &str = "Error. May be due to incorrect node name";
const NO_NODE_TOO: &str = "Error. Maybe due to incorrect node name.";

/// The end of a sub-command: an exit code, or the time is over and nothing is printed.
type End = Result<u8, ClientError>;

/// Carries out a command line, without the program's name.
pub fn main(words: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    crate::sys::signal::ignore_file_size_limit();
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let run_dir = std::env::var_os("HBCORE_RUN_DIR").unwrap_or_else(|| RUN_DIR.into());
    let mut output = Output::default();
    // As after an alarm: the partial answer is not printed.
    let Ok(code) = answer(&words, Path::new(&run_dir), &mut output) else {
        return ExitCode::from(TIMEOUT);
    };
    ExitCode::from(if output.print().is_ok() { code } else { OTHER })
}

fn answer(words: &[String], run_dir: &Path, output: &mut Output) -> End {
    let (command, words) = match words.split_first() {
        None => return Ok(usage(output)),
        Some((word, _)) if word == "-h" => return Ok(usage(output)),
        Some((word, rest)) => (word.as_str(), rest),
    };
    let Some((_, options)) = COMMANDS.iter().find(|(name, _)| *name == command) else {
        output.error(format_args!("{command}: invalid sub-command."));
        return Ok(PARAMETER);
    };
    let signed_on = Client::sign_on(&run_dir.join(SOCKET), None, LIMIT);
    if let Err(ClientError::TimedOut) = signed_on {
        return Err(ClientError::TimedOut);
    }
    if command == "hbstatus" {
        let words = Words::read(command, words, options, output);
        return heartbeat(signed_on, &words, run_dir, output);
    }
    let mut client = match signed_on {
        Ok(client) => client,
        Err(error) => {
            output.error(format_args!("Cannot signon with heartbeat"));
            output.error(format_args!("REASON: {error}"));
            return Ok(FAIL);
        }
    };
    // `test`, the last of them, looks at none of its words.
    let words = if command == "test" { &[] } else { words };
    let words = Words::read(command, words, options, output);
    let end =
        if words.is_wrong { Ok(wrong_option(command, output)) } else { run(command, &mut client, &words, output) };
    client.sign_off();
    end
}

fn usage(output: &mut Output) -> u8 {
    output.text.push_str(USAGE);
    OK
}

fn wrong_option(command: &str, output: &mut Output) -> u8 {
    let code = if matches!(command, "listnodes" | "listhblinks" | "hbparameter") { "code " } else { "" };
    output.error(format_args!("Error: getopt returnedcharacter {code}?."));
    PARAMETER
}

fn run(command: &str, client: &mut Client, words: &Words, output: &mut Output) -> End {
    match command {
        "listnodes" => list_nodes(client, words, output),
        "nodestatus" | "nodeweight" | "nodesite" | "nodetype" => of_node(command, client, words, output),
        "listhblinks" => match words.operand(0) {
            Some(node) => list_links(client, node, words, output),
            None => Ok(short(SHORT, output)),
        },
        "hblinkstatus" => link_status(client, words, output),
        "clientstatus" => Ok(client_status(client, words, output)),
        "rscstatus" => resources(client, words, output),
        "hbparameter" => parameter(client, words, output),
        _ => test(client, output),
    }
}

fn short(text: &str, output: &mut Output) -> u8 {
    output.complain(format_args!("{text}"));
    PARAMETER
}

/// The answer, or the reason if it was refused. Only the end of the time is passed on as an error.
fn granted<T>(answer: Result<T, ClientError>) -> Result<Result<T, String>, ClientError> {
    match answer {
        Ok(answer) => Ok(Ok(answer)),
        Err(ClientError::TimedOut) => Err(ClientError::TimedOut),
        Err(ClientError::Refused(reason)) => Ok(Err(reason)),
        Err(ClientError::Unreachable | ClientError::Broken) => Ok(Err(String::new())),
    }
}

fn heartbeat(signed_on: Result<Client, ClientError>, words: &Words, run_dir: &Path, output: &mut Output) -> End {
    let mut client = match signed_on {
        Ok(client) => client,
        Err(error) => {
            let (state, code) = match error {
                ClientError::Refused(_) => {
                    ("Heartbeat is apparently running on this machine, but refuses my connection", OK)
                }
                _ => ("Heartbeat is stopped on this machine.", FAIL),
            };
            output.line(format_args!("{state}"));
            if words.verbose {
                output.line(format_args!("({error})"));
            }
            return Ok(code);
        }
    };
    if !words.verbose {
        output.line(format_args!("Heartbeat is running on this machine."));
        client.sign_off();
        return Ok(OK);
    }
    let (version, pacemaker) = (client.told("hbversion"), client.told("pacemaker"));
    let by_haresources = hbcore::config::parse_boolean(&pacemaker) == Some(false);
    match (words.for_people, by_haresources) {
        (true, true) => {
            output.line(format_args!("Heartbeat version {version}\nResources controlled by \"haresources\""));
        }
        (true, false) => output.line(format_args!("Heartbeat version {version}\nResources controlled by Pacemaker.")),
        (false, true) => output.line(format_args!("version:\t{version}\nmanaged by:\t\"haresources\"")),
        (false, false) => output.line(format_args!("version:\t{version}\nmanaged by:\tpacemaker\t({pacemaker})")),
    }
    match ccm::ask(run_dir, LIMIT) {
        Asked::Absent => {}
        Asked::Told(membership) => membership.print(output),
        // The lines so far are printed.
        Asked::TimedOut => return Ok(TIMEOUT),
    }
    let end = list_nodes(&mut client, words, output);
    client.sign_off();
    end
}

/// The library of 3.0.6 gives lists in reverse order, and users are used to that.
fn reversed(answer: Vec<Message>) -> impl Iterator<Item = Message> {
    answer.into_iter().rev()
}

fn list_nodes(client: &mut Client, words: &Words, output: &mut Output) -> End {
    let nodes = match granted(client.ask("nodelist", &[]))? {
        Ok(nodes) => nodes,
        Err(reason) => {
            output.error(format_args!("Cannot start node walk."));
            output.error(format_args!("REASON: {reason}"));
            return Ok(OTHER);
        }
    };
    if words.for_people {
        output.line(format_args!("The nodes are as follow:"));
    }
    let shows_all = words.normal == words.ping;
    for message in reversed(nodes) {
        let field = |name: &str| message.text(name).unwrap_or_default();
        let (node, kind) = (field("node"), field("nodetype"));
        if !shows_all && (kind == "ping") != words.ping {
            continue;
        }
        if !words.verbose {
            output.line(format_args!("{node}"));
            continue;
        }
        output.line(format_args!("\n{node}\t{}\t(nodetype: {kind})", field("st")));
        list_links(client, &node, words, output)?;
    }
    Ok(OK)
}

fn of_node(command: &str, client: &mut Client, words: &Words, output: &mut Output) -> End {
    let Some(node) = words.operand(0) else {
        return Ok(short(if command == "nodetype" { SHORT } else { SHORT_TOO }, output));
    };
    let field = match command {
        "nodestatus" => "st",
        "nodeweight" => "weight",
        "nodesite" => "site",
        _ => "nodetype",
    };
    let Ok(Some(value)) = granted(client.ask_one(command, &[("node", node)], field))? else {
        return Ok(short(if command == "nodeweight" { NO_NODE_TOO } else { NO_NODE }, output));
    };
    match (words.for_people, command) {
        (false, _) => output.line(format_args!("{value}")),
        (true, "nodestatus") => output.line(format_args!("The cluster node {node} is {value}")),
        (true, "nodeweight") => output.line(format_args!("The weight of the cluster node {node} is {value}")),
        (true, "nodesite") => output.line(format_args!("The site of the cluster node {node} is {value}")),
        (true, _) => output.line(format_args!("The node {node}'s type: {value}")),
    }
    let is_up = command != "nodestatus" || matches!(value.as_str(), "active" | "up" | "ping");
    Ok(if is_up { OK } else { FAIL })
}

fn list_links(client: &mut Client, node: &str, words: &Words, output: &mut Output) -> End {
    let links = match granted(client.ask("iflist", &[("node", node)]))? {
        Ok(links) => links,
        Err(reason) => {
            output.error(format_args!("Cannot start heartbeat link interface walk."));
            output.error(format_args!("REASON: {reason}"));
            return Ok(OTHER);
        }
    };
    if words.for_people {
        output.line(format_args!("\tthis node has the following heartbeat links:"));
    }
    for message in reversed(links) {
        let link = message.text("ifname").unwrap_or_default();
        if words.verbose {
            output.line(format_args!("\t{link}\t{}", message.text("st").unwrap_or_default()));
        } else {
            output.line(format_args!("\t{link}"));
        }
    }
    Ok(OK)
}

fn link_status(client: &mut Client, words: &Words, output: &mut Output) -> End {
    let (Some(node), Some(link)) = (words.operand(0), words.operand(1)) else { return Ok(short(SHORT, output)) };
    let Ok(Some(status)) = granted(client.ask_one("ifstatus", &[("node", node), ("ifname", link)], "st"))? else {
        output.error(format_args!("Cannot get heartbeat link status"));
        output.error(format_args!("REASON: "));
        return Ok(OTHER);
    };
    if words.for_people {
        output.line(format_args!("The node {node}'s heartbeat link {link} is {status}"));
    } else {
        output.line(format_args!("{status}"));
    }
    Ok(if status == "dead" { FAIL } else { OK })
}

fn client_status(client: &mut Client, words: &Words, output: &mut Output) -> u8 {
    let (Some(node), Some(name)) = (words.operand(0), words.operand(1)) else { return short(SHORT, output) };
    let limit = words.operand(2).map(|text| text.parse().unwrap_or(0));
    let limit = limit.map_or(CLIENT_LIMIT, Duration::from_millis);
    let status = match client.client_status(node, name, limit) {
        Ok(status) => status,
        Err(error) => {
            output.error(format_args!("Cannot get heartbeat client {name}'s status"));
            output.error(format_args!("REASON: {error}"));
            return OTHER;
        }
    };
    output.line(format_args!("{status}"));
    let codes = ["online", "offline", "join", "leave"];
    let code = codes.iter().position(|known| *known == status).and_then(|code| u8::try_from(code).ok());
    code.unwrap_or(OTHER)
}

fn resources(client: &mut Client, words: &Words, output: &mut Output) -> End {
    if let Ok(Some(held)) = granted(client.ask_one("getrsc", &[], "rsc_hold"))? {
        if words.for_people {
            output.line(format_args!("This node is holding {held} resources."));
        } else {
            output.line(format_args!("{held}"));
        }
        return Ok(OK);
    }
    if hbcore::config::parse_boolean(&client.told("pacemaker")) == Some(false) {
        output.error(format_args!("Cannot get cluster resource status"));
    } else {
        output.error(format_args!("Cannot get cluster resource status of a pacemaker cluster; try crm_mon"));
    }
    Ok(FAIL)
}

fn parameter(client: &mut Client, words: &Words, output: &mut Output) -> End {
    let Some(name) = &words.parameter else {
        output.error(format_args!("parameter name required"));
        return Ok(PARAMETER);
    };
    // The library answers these two without the daemon.
    let value = match name.as_str() {
        "hbversion" | "pacemaker" => Some(client.told(name)),
        _ => granted(client.ask_one("getparm", &[("pname", name)], "pvalue"))?.unwrap_or_default(),
    };
    let Some(value) = value else {
        output.error(format_args!("Cannot get parameter {name}'s value"));
        output.error(format_args!("REASON: "));
        return Ok(FAIL);
    };
    if words.for_people {
        output.line(format_args!("Heartbeat parameter {name}'s value: {value}"));
    } else {
        output.line(format_args!("{value}"));
    }
    Ok(OK)
}

fn test(client: &mut Client, output: &mut Output) -> End {
    let (deadtime, keepalive) = (client.time("deadtime").as_millis(), client.time("keepalive").as_millis());
    let held = granted(client.ask_one("getrsc", &[], "rsc_hold"))?.ok().flatten();
    output.line(format_args!("Dead time: {deadtime}\n keeplive time: {keepalive}"));
    output.line(format_args!(" mynodeid: {}\n rsc: {}", client.told("node"), held.as_deref().unwrap_or("(null)")));
    Ok(OK)
}
