//! The processes of clients: adopted from an earlier daemon, told to end, reaped.

use super::Wanted;
use crate::log::Logger;
use crate::script::Exit;
use crate::sys::process::Child;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, pidfd_open, waitid,
};
use std::os::fd::AsFd;

/// Tells a client to end.
pub(super) fn terminate(wanted: &Wanted, child: &Child, log: &Logger) {
    let (command, pid) = (&wanted.command, child.pid.as_raw_pid());
    log.info(format_args!("killing {command} process group {pid} with signal 15"));
    let _ = kill_process_group(child.pid, Signal::TERM);
}

/// A child that was started by an earlier program in this process; `None` if it is none of ours.
pub(super) fn adopted(pid: i32) -> Option<Child> {
    let pid = Pid::from_raw(pid)?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    let seen =
        waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT);
    seen.is_ok().then_some(Child { pid, pidfd })
}

/// How a child has ended, if it has; the call reaps it then.
pub(super) fn ended(child: &Child) -> Option<Exit> {
    let status = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
    let exit = |status: WaitIdStatus| {
        status.exit_status().map_or_else(|| Exit::Signal(status.terminating_signal().unwrap_or(0)), Exit::Code)
    };
    match status {
        Ok(status) => status.map(exit),
        Err(rustix::io::Errno::CHILD) => Some(Exit::Signal(0)),
        Err(_) => None,
    }
}
