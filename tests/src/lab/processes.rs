//! The processes of a machine, as `/proc` shows them.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// The resources that processes have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The number of processes.
    pub processes: usize,
    /// Processor time in user and kernel mode.
    pub cpu: Duration,
    /// Proportional share of memory, in KiB.
    pub pss_kib: u64,
}

/// The processes in the pid namespace of a machine's first process, without that one and without zombies.
pub(super) fn of_machine(first: u32) -> Vec<u32> {
    let Ok(machine) = fs::read_link(format!("/proc/{first}/ns/pid")) else { return Vec::new() };
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|&pid| pid != first && fs::read_link(format!("/proc/{pid}/ns/pid")).is_ok_and(|its| its == machine))
        .filter(|&pid| stat(pid).is_some_and(|fields| fields.first().is_some_and(|state| state != "Z")))
        .collect()
}

/// Sums up what these processes have used.
pub fn usage(pids: &[u32]) -> Usage {
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    let mut usage = Usage { processes: pids.len(), ..Usage::default() };
    for &pid in pids {
        // utime and stime are fields 14 and 15 of the line; `fields` begins with the third one.
        let ticks: u64 = stat(pid).iter().flatten().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
        usage.cpu += precise_cpu(pid).unwrap_or(Duration::from_millis(ticks * 1000 / ticks_per_second));
        usage.pss_kib += pss_kib(pid).unwrap_or_default();
    }
    usage
}

/// Sends a signal to processes that may be gone already.
pub(super) fn signal(pids: &[u32], signal: Signal) {
    for &pid in pids {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }
}

/// The fields of `/proc/PID/stat` from the third, the state, on.
fn stat(pid: u32) -> Option<Vec<String>> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = line.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

/// The processor time of all threads in nanoseconds, if the kernel counts it.
fn precise_cpu(pid: u32) -> Option<Duration> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        let line = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        sum += line.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(sum))
}

fn pss_kib(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
