//! Processes that cannot end, as while they wait for a dead disk: a signal that kills them takes effect later.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The processes stay as they are, even if they are killed, until this is dropped.
pub struct Frozen {
    group: PathBuf,
}

/// The freezer of cgroups of version 1. That of version 2 lets a killed process end.
const FREEZER: &str = "/sys/fs/cgroup/freezer";

impl Frozen {
    /// `None` if this machine has no such controller.
    pub(super) fn new(pids: &[u32]) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("hbcore-lab-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let group = Path::new(FREEZER).join(name);
        fs::create_dir(&group).ok()?;
        let this = Self { group };
        for pid in pids {
            fs::write(this.group.join("cgroup.procs"), pid.to_string()).ok()?;
        }
        this.set("FROZEN")?;
        Some(this)
    }

    fn set(&self, state: &str) -> Option<()> {
        let file = self.group.join("freezer.state");
        fs::write(&file, state).ok()?;
        while fs::read_to_string(&file).ok()?.trim() != state {
            std::thread::yield_now();
        }
        Some(())
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = self.set("THAWED");
        let members = fs::read_to_string(self.group.join("cgroup.procs")).unwrap_or_default();
        for pid in members.lines() {
            let _ = fs::write(Path::new(FREEZER).join("cgroup.procs"), pid);
        }
        // A killed process leaves the group when it has ended.
        while fs::remove_dir(&self.group).is_err() && self.group.exists() {
            std::thread::yield_now();
        }
    }
}
