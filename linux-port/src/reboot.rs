//! The reboot of this machine at once, as by 3.0.6 (docs/protocol/resources.md 1.8).

use crate::log::Logger;
use crate::sys::fault;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// Commands that reboot, each with the longest time from its success until the machine is down: the second one stops
/// services in order.
const REBOOT: [(&str, &[&str], Duration); 2] =
    [("/sbin/reboot", &["-nf"], Duration::from_secs(10)), ("/sbin/init", &["6"], Duration::from_mins(5))];
/// The longest time to wait for the log before the machine goes down.
const FLUSH: Duration = Duration::from_millis(500);

/// Reboots this machine. Returns if it runs on.
#[cold]
pub(crate) fn reboot_machine(log: &Logger) {
    log.flush(FLUSH);
    for (program, arguments, down_within) in REBOOT {
        if reboots(program, arguments) {
            thread::sleep(down_within);
            log.crit(format_args!("{program} succeeded, and this machine runs on"));
        }
    }
}

fn reboots(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = fault::gate(fault::Call::Spawn, program).and_then(|()| command.status());
    status.is_ok_and(|status| status.success())
}
