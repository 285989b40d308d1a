//! Where a client's log lines go: to the same places as the daemon's, as its environment says (docs/protocol/files.md 13).

use crate::log::{EarlyLog, Facility, Level, LogConfig};
use crate::sys::host_name;
use std::path::PathBuf;

/// The log that the environment describes, for this program. One that was started by hand speaks to standard error.
pub(super) fn journal(program: &str) -> EarlyLog {
    let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let file = |name: &str| text(name).filter(|path| path != "/dev/null").map(PathBuf::from);
    EarlyLog::new(LogConfig {
        entity: program.to_owned(),
        logfile: file("HA_logfile"),
        debugfile: file("HA_debugfile"),
        facility: text("HA_logfacility").and_then(|name| Facility::by_name(&name)),
        syslog_format: text("HA_syslogmsgfmt").is_none_or(|value| value != "false" && value != "off"),
        debug_level: text("HA_debug").and_then(|level| level.parse().ok()).unwrap_or(0),
        ..LogConfig::early(&host_name())
    })
}

/// Writes one line.
pub(super) fn info(log: &mut EarlyLog, text: &str) {
    log.log(Level::Info, format_args!("{text}"));
}
