//! Clients of the daemon: the rate of their messages, the time of a question, and the cost of those that only listen.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use super::contender::{Contender, site};
use super::outage::{LIMIT, milliseconds};
use crate::lab::{Daemon, Host, Lab, Site};

/// A name that both daemons admit for root.
const NAME: &str = "lha-snmpagent";
/// The heartbeats beside the messages.
const KEEPALIVE: u32 = 100;
/// A 3.0.6 takes some milliseconds for each.
const MESSAGES: [(Contender, u32); 2] = [(Contender::Ours, 10_000), (Contender::Reference, 2_000)];
const SIZE: u32 = 1000;
const QUESTIONS: [(Contender, u32); 2] = [(Contender::Ours, 2_000), (Contender::Reference, 20)];
const IDLE: u32 = 100;
/// The time for which the processor time is counted.
const TIME: Duration = Duration::from_secs(10);
const REST: Duration = Duration::from_secs(2);
const MESSAGES_LIMIT: Duration = Duration::from_mins(5);

/// The scripted client of this package, built beside this program.
fn client() -> PathBuf {
    std::env::current_exe().expect("the path of this program").with_file_name("client")
}

fn says(host: &Host, words: &str) -> String {
    let client = client().display().to_string();
    host.run(&client, &words.split(' ').collect::<Vec<_>>()).output
}

/// Its output goes to this file of `/var/log`.
fn in_background(host: &Host, words: &str, file: &str) {
    let line = format!("sleep 600 | timeout 600 {} {words} > /var/log/{file} 2>&1 &", client().display());
    assert_eq!(host.run("sh", &["-c", &line]).code, Some(0));
}

/// A pair that has settled.
fn running(who: Contender) -> Lab {
    let more = "apiauth default uid=root\n".to_owned();
    let lab = who.lab("bench", &Site { more, ..site(KEEPALIVE, 10 * KEEPALIVE) });
    lab.hosts().into_iter().for_each(|host| who.start(host));
    lab.await_until(LIMIT, "the address on alpha", || lab.holders() == ["alpha"]);
    if lab.alpha.daemon() == Daemon::Reference {
        lab.await_until(LIMIT, "both to settle", || {
            lab.hosts().iter().all(|host| host.logged("resource transition completed."))
        });
    }
    lab
}

/// The number that stands for a contender in one of the tables above.
fn count(table: &[(Contender, u32)], who: Contender) -> u32 {
    table.iter().find(|(one, _)| *one == who).map_or(0, |(_, count)| *count)
}

/// Messages of a client on alpha that reach its counterpart on bravo, in order, for each second; and the longest time
/// between two heartbeats of each node meanwhile, from the kernel.
///
/// # Panics
/// If a message is lost, or comes after a later one.
pub(super) fn messages(who: Contender) -> String {
    let lab = running(who);
    let count = count(&MESSAGES, who);
    in_background(&lab.bravo, &format!("collect {NAME} {count} 600"), "collected");
    lab.await_until(LIMIT, "the collector", || lab.bravo.lines_of("collected") == ["ready"]);
    let wire = lab.wire_of_heartbeats();
    let begin = Instant::now();
    in_background(&lab.alpha, &format!("send {NAME} {count} {SIZE}"), "sent");
    let lines = || lab.bravo.lines_of("collected");
    lab.await_until(MESSAGES_LIMIT, "the last message", || lines().len() > count as usize);
    let time = begin.elapsed();
    let gaps = wire.end().map(|sent| format!("{:.0}", milliseconds(sent.longest_silence())));
    let expected: Vec<String> = (1..=count).map(|n| n.to_string()).collect();
    lab.check(lines()[1..] == expected, "all messages, in order");
    format!("**{:.0} per second**, {} ms", f64::from(count) / time.as_secs_f64(), gaps.join(" / "))
}

/// The median time from a question to its answer.
pub(super) fn question(who: Contender) -> String {
    let lab = running(who);
    says(&lab.alpha, &format!("time-questions {}", count(&QUESTIONS, who))).trim().to_owned()
}

/// Processor time per second of the owner, without clients and with those that only listen.
pub(super) fn idle(who: Contender) -> String {
    let lab = running(who);
    // The clients are processes of the host too, and are not counted.
    let daemon = lab.alpha.daemon_processes();
    let cpu = || {
        thread::sleep(REST);
        let before = lab.alpha.usage_of(&daemon);
        thread::sleep(TIME);
        milliseconds(lab.alpha.usage_of(&daemon).cpu.saturating_sub(before.cpu)) / TIME.as_secs_f64()
    };
    let without = cpu();
    in_background(&lab.alpha, &format!("idle {IDLE}"), "idle");
    lab.await_until(LIMIT, "the clients", || lab.alpha.lines_of("idle") == [format!("{IDLE} listen")]);
    let with = cpu();
    format!("{without:.1} / {with:.1} ms")
}
