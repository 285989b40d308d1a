//! A machine that can make no more processes, as under a service manager that limits them (cgroups, `pids.max`).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The limit, until this is dropped.
pub struct ProcessLimit {
    group: PathBuf,
    /// The group to which the processes return when the limit ends.
    parent: PathBuf,
}

/// The controller of processes on a machine with cgroups of version 1, and of version 2.
const CONTROLLERS: [&str; 2] = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];

impl ProcessLimit {
    /// Keeps these processes from making more threads and children. `None` if this machine has no such controller.
    pub(super) fn new(pids: &[u32]) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("hbcore-lab-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        CONTROLLERS.iter().map(Path::new).find_map(|parent| {
            let group = parent.join(&name);
            fs::create_dir(&group).ok()?;
            let this = Self { group, parent: parent.to_owned() };
            for pid in pids {
                fs::write(this.group.join("cgroup.procs"), pid.to_string()).ok()?;
            }
            let now = fs::read_to_string(this.group.join("pids.current")).ok()?;
            fs::write(this.group.join("pids.max"), now.trim()).ok()?;
            Some(this)
        })
    }
}

impl Drop for ProcessLimit {
    fn drop(&mut self) {
        let members = fs::read_to_string(self.group.join("cgroup.procs")).unwrap_or_default();
        for pid in members.lines() {
            let _ = fs::write(self.parent.join("cgroup.procs"), pid);
        }
        let _ = fs::remove_dir(&self.group);
    }
}
