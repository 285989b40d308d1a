//! The programs `drbdadm` that run for another node.

use crate::companions::outdater::FAILED;
use std::io;
use std::process::{Child, Command, Stdio};

/// Calls that run side by side.
const JOBS_MAX: usize = 32;

/// All calls that run.
#[derive(Debug, Default)]
pub(super) struct Workshop {
    jobs: Vec<(String, String, Child)>,
}

impl Workshop {
    /// Has this node's data of a resource marked as outdated, for another node.
    pub(super) fn begin(&mut self, node: &str, resource: &str) -> io::Result<()> {
        let is_name = !resource.is_empty() && !resource.starts_with('-');
        if !is_name || self.jobs.len() >= JOBS_MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut command = Command::new("drbdadm");
        command.args(["outdate", resource]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.jobs.push((node.to_owned(), resource.to_owned(), command.spawn()?));
        Ok(())
    }

    pub(super) fn is_idle(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The calls that have ended: for which node, which resource, and what DRBD is to be told.
    pub(super) fn finished(&mut self) -> Vec<(String, String, u8)> {
        let mut finished = Vec::new();
        self.jobs.retain_mut(|(node, resource, child)| {
            let code = match child.try_wait() {
                Ok(None) => return true,
                Ok(Some(status)) => outcome(status.code()),
                Err(_) => FAILED,
            };
            finished.push((node.clone(), resource.clone(), code));
            false
        });
        finished
    }
}

/// The meaning of an exit code of `drbdadm outdate` for DRBD's `fence-peer` handler.
fn outcome(code: Option<i32>) -> u8 {
    match code {
        // The data are outdated now.
        Some(0) => 4,
        // They were inconsistent.
        Some(5) => 3,
        // The peer is primary itself.
        Some(17) => 6,
        _ => FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_that_drbd_knows() {
        let codes = [Some(0), Some(5), Some(17), Some(1), None];
        assert_eq!(codes.map(outcome), [4, 3, 6, 20, 20]);
    }

    #[test]
    fn resource_that_looks_like_an_option_is_refused() {
        assert!(Workshop::default().begin("bravo", "--help").is_err());
        assert!(Workshop::default().begin("bravo", "").is_err());
    }
}
