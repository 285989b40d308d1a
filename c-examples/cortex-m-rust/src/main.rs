//! A cluster node without an operating system, in Rust. `../cortex-m` is the same in C.
//!
//! This is node `charlie`. Its peer is the Linux node `alpha`, over one serial line. Each is the home of one resource
//! group. A group that runs here drives its pin of port B high and is shown on the console.
//!
//! The serial line is a driver of `embedded-hal-nb`, and the console one of `embedded-io`: both kinds of driver work
//! for both.
#![no_std]
#![no_main]

mod board;

use core::mem::MaybeUninit;

use board::{Console, Uart, generation_next, now, pin_set, watchdog};
use cortex_m_rt::entry;
use embedded_io::Write;
use hbcore::id::{Generation, LinkId, NodeId, NodeName, Uuid};
use hbcore::serial::{Nb, SerialEnd};
use hbcore::takeover::{EFFECT_LIMIT, Effect, Outcome};
use hbcore::time::{Duration, Instant};
use hbcore::wire::{Keys, Method};
use hbcore::{AutoFailback, Autojoin, Config, Event, GroupConfig, HeartbeatFormat, LinkForm, NodeConfig, NodeKind, Timing};

/// Two nodes, one link, two groups, 2 KiB of history, one key.
type Node = hbcore::cluster! { nodes: 2, links: 1, groups: 2, history: 2048, keys: 1 };

/// The end of the serial line: messages of at most 768 bytes, and as many bytes that wait to be sent.
type Cable = SerialEnd<Nb<Uart>, MESSAGE, MESSAGE>;

/// Longest message.
const MESSAGE: usize = 768;

/// Longer than one turn can take, and shorter than the time of the watchdog.
const OVERDUE: Duration = Duration::from_millis(200);

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop(); // until the watchdog resets the machine
    }
}

#[entry]
fn main() -> ! {
    board::start();
    let mut console = Console;
    // Both are made in place, because they are too large for the stack.
    let end = cortex_m::singleton!(: Cable = const { SerialEnd::new(Nb(Uart::CABLE)) });
    let place = cortex_m::singleton!(: MaybeUninit<Node> = MaybeUninit::uninit());
    let node = place.and_then(|place| start(place, &mut console));
    let (Some(end), Some(node)) = (end, node) else { panic!("a mistake of this program") };
    loop {
        receive(node, end);
        turn(node, end, &mut console);
        if node.next_deadline().is_none_or(|deadline| now().since(deadline) < OVERDUE) {
            watchdog::feed();
        }
        cortex_m::asm::wfi();
    }
}

#[inline(never)] // on a stack that is free again before the loop begins
fn start<'p>(place: &'p mut MaybeUninit<Node>, console: &mut Console) -> Option<&'p mut Node> {
    let mut keys = Keys::new();
    keys.insert(1, Method::Sha1, b"between-us").ok()?;
    keys.set_signing(1).ok()?;
    let node =
        |name, uuid| Some(NodeConfig { name: NodeName::new(name).ok()?, kind: NodeKind::Member, uuid: Uuid(uuid) });
    let run = generation_next();
    // With the speed of the line, the engine repeats heartbeats on it, against noise.
    let config = Config {
        local: NodeId(1),
        nodes: &[node("alpha", [0; 16])?, node("charlie", *b"charlie's identi")?],
        links: &[LinkForm::Serial { baud: board::CABLE_BAUD }],
        groups: &[GroupConfig::at(NodeId(0)), GroupConfig::at(NodeId(1))],
        manage_resources: true,
        fencing: false,
        timing: Timing {
            keepalive: Duration::from_secs(1),
            warntime: Duration::from_millis(2500),
            deadtime: Duration::from_secs(5),
            initdead: Duration::from_secs(10),
            deadping: Duration::from_secs(5),
            max_rexmit_delay: Duration::from_millis(250),
        },
        auto_failback: AutoFailback::On,
        hopfudge: 1,
        autojoin: Autojoin::None,
        heartbeat: HeartbeatFormat::Compact,
        auth_field: true,
        generation: Generation(u64::from(run)),
        effect_limit: EFFECT_LIMIT,
        seed: u64::from(run),
    };
    let _ = write!(console, "charlie starts, run {run}\r\n");
    Node::new_in(place, &config, keys, now(), 1).ok() // peers do not compare this clock with theirs
}

#[inline(never)]
fn receive(node: &mut Node, end: &mut Cable) {
    let _ = end.receive(|message| {
        let _ = node.handle(now(), LinkId(0), message); // a damaged message is counted
    });
}

#[inline(never)]
fn turn(node: &mut Node, end: &mut Cable, console: &mut Console) {
    let mut buffer = [0; MESSAGE];
    let at: Instant = now();
    node.advance(at);
    while let Some((ticket, effect)) = node.poll_effect() {
        let (group, on) = match effect {
            Effect::Acquire(group) => (group.0, true),
            Effect::Release(group) => (group.0, false),
            // There is nothing to announce, a pin always switches, and this node cannot fence.
            Effect::Announce(_) | Effect::Escalate(_) | Effect::Fence(_) => continue,
        };
        pin_set(group, on);
        let _ = write!(console, "group {group} {}\r\n", if on { "runs here" } else { "is stopped here" });
        node.complete(at, ticket, Outcome::Done);
    }
    while let Some(transmit) = node.poll_transmit(&mut buffer) {
        end.send(&buffer[..transmit.len]); // a message without room is requested again
    }
    let _ = end.flush();
    while let Some(event) = node.poll_event() {
        tell(node, event, console);
    }
}

fn tell(node: &Node, event: Event, console: &mut Console) {
    let (Event::NodeState(id) | Event::NodeDead(id)) = event else { return };
    if let Some(other) = node.node(id) {
        let _ = write!(console, "node {} is {}\r\n", other.name, other.state.as_str());
    }
}
