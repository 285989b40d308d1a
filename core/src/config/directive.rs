//! The words that may begin a line of `ha.cf`, except media (docs/protocol/files.md 4 and 6).

/// A directive of `ha.cf` or `hbcore.cf`.
///
/// The order is that of 3.0.6's own table, in which `-D` and `-v` list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is documented at the field of the configuration that it sets")]
#[non_exhaustive]
pub enum Directive {
    Cluster,
    Node,
    Hopfudge,
    Keepalive,
    Deadtime,
    Deadping,
    Initdead,
    Warntime,
    Watchdog,
    Baud,
    Udpport,
    Logfacility,
    Logfile,
    Debugfile,
    NiceFailback,
    AutoFailback,
    Rtprio,
    Hbgenmethod,
    Realtime,
    Debug,
    Msgfmt,
    UseLogd,
    ConnLogdTime,
    LogBadpack,
    Syslogmsgfmt,
    Coredumps,
    Coreroot,
    UseApphbd,
    CrmDaemonDir,
    CrmdSpawnsPengine,
    Pacemaker,
    Crm,
    Autojoin,
    Uuidfrom,
    Env,
    Compression,
    CompressionThreshold,
    TraditionalCompression,
    MaxRexmitDelay,
    RecordConfigChanges,
    RecordPengineInputs,
    EnableConfigWrites,
    Memreserve,
    QuorumServer,
    Apiauth,
    Respawn,
    Failfast,
    Stonith,
    StonithHost,
    HeartbeatFormat,
    AddressTakeover,
    ScriptTimeout,
    ShutdownTimeout,
    StopFailureCommand,
    FenceCommand,
    FenceTimeout,
    AddressConflict,
}

use Directive as D;

use super::place::File;

/// One row per directive, in the order of the enum: name, default as text if it is a recorded parameter with a fixed
/// default, short description if it is a recorded parameter.
const TABLE: [(Directive, &str, Option<&str>, Option<&str>); 57] = [
    (D::Cluster, "cluster", Some("linux-ha"), Some("the name of cluster")),
    (D::Node, "node", None, None),
    (D::Hopfudge, "hopfudge", Some("1"), Some("# of hops above cluster size")),
    (D::Keepalive, "keepalive", Some("1000ms"), Some("keepalive time")),
    (D::Deadtime, "deadtime", Some("30000ms"), Some("node deadtime")),
    (D::Deadping, "deadping", None, Some("ping deadtime")),
    (D::Initdead, "initdead", None, Some("initial deadtime")),
    (D::Warntime, "warntime", None, Some("warning time")),
    (D::Watchdog, "watchdog", None, Some("watchdog device")),
    (D::Baud, "baud", Some("19200"), Some("baud rate")),
    (D::Udpport, "udpport", None, Some("UDP port number")),
    (D::Logfacility, "logfacility", None, Some("syslog log facility")),
    (D::Logfile, "logfile", None, Some("log file")),
    (D::Debugfile, "debugfile", None, Some("debug file")),
    (D::NiceFailback, "nice_failback", None, None),
    (D::AutoFailback, "auto_failback", Some("legacy"), Some("auto failback")),
    (D::Rtprio, "rtprio", None, Some("realtime priority")),
    (D::Hbgenmethod, "hbgenmethod", Some("file"), Some("protocol generation computation method")),
    (D::Realtime, "realtime", Some("true"), Some("enable realtime behavior?")),
    (D::Debug, "debug", None, Some("debug level")),
    (D::Msgfmt, "msgfmt", Some("classic"), Some("message format in the wire")),
    (D::UseLogd, "use_logd", None, Some("use logging daemon")),
    (D::ConnLogdTime, "conn_logd_time", Some("60"), Some("the interval to reconnect to logd")),
    (D::LogBadpack, "log_badpack", Some("true"), Some("warn about bad packets")),
    (D::Syslogmsgfmt, "syslogmsgfmt", Some("true"), Some("log to files in syslog format")),
    (D::Coredumps, "coredumps", Some("true"), Some("enable Linux-HA core dumps")),
    (D::Coreroot, "coreroot", None, Some("set root directory of core dump area")),
    (D::UseApphbd, "use_apphbd", None, None),
    (D::CrmDaemonDir, "crm_daemon_dir", None, Some("location for Pacemaker daemons")),
    (D::CrmdSpawnsPengine, "crmd_spawns_pengine", None, Some("should pengine be spawned directly by heartbeat")),
    (D::Pacemaker, "pacemaker", Some("false"), Some("enable Pacemaker resource management")),
    (D::Crm, "crm", None, None),
    (D::Autojoin, "autojoin", Some("none"), Some("set automatic join mode/style")),
    (D::Uuidfrom, "uuidfrom", Some("file"), Some("set the source for uuid")),
    (D::Env, "env", None, None),
    (D::Compression, "compression", Some("zlib"), Some("set compression module")),
    (D::CompressionThreshold, "compression_threshold", Some("2"), Some("set compression threshold")),
    (D::TraditionalCompression, "traditional_compression", Some("no"), Some("set traditional_compression")),
    (D::MaxRexmitDelay, "max_rexmit_delay", Some("250"), Some("set the maximum rexmit delay time")),
    (
        D::RecordConfigChanges,
        "record_config_changes",
        Some("on"),
        Some("record changes to the cib (valid only with: pacemaker on)"),
    ),
    (
        D::RecordPengineInputs,
        "record_pengine_inputs",
        Some("on"),
        Some("record the input used by the policy engine (valid only with: pacemaker on)"),
    ),
    (
        D::EnableConfigWrites,
        "enable_config_writes",
        Some("on"),
        Some("write configuration changes to disk (valid only with: pacemaker on)"),
    ),
    (D::Memreserve, "memreserve", Some("6500"), Some("number of kbytes to preallocate in heartbeat")),
    (D::QuorumServer, "quorum_server", None, Some("the name or ip of quorum server")),
    (D::Apiauth, "apiauth", None, None),
    (D::Respawn, "respawn", None, None),
    (D::Failfast, "failfast", None, None),
    (D::Stonith, "stonith", None, None),
    (D::StonithHost, "stonith_host", None, None),
    (D::HeartbeatFormat, "heartbeat_format", None, None),
    (D::AddressTakeover, "address_takeover", None, None),
    (D::ScriptTimeout, "script_timeout", None, None),
    (D::ShutdownTimeout, "shutdown_timeout", None, None),
    (D::StopFailureCommand, "stop_failure_command", None, None),
    (D::FenceCommand, "fence_command", None, None),
    (D::FenceTimeout, "fence_timeout", None, None),
    (D::AddressConflict, "address_conflict", None, None),
];

/// The number of directives.
pub(super) const COUNT: usize = TABLE.len();

impl Directive {
    /// All directives, in the order of 3.0.6's table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// The file in which it may stand.
    pub fn file(self) -> File {
        match self {
            Self::HeartbeatFormat
            | Self::AddressTakeover
            | Self::ScriptTimeout
            | Self::ShutdownTimeout
            | Self::StopFailureCommand
            | Self::FenceCommand
            | Self::FenceTimeout
            | Self::AddressConflict => File::HbcoreCf,
            _ => File::HaCf,
        }
    }

    /// The directive of `ha.cf` written `word`, case-sensitive; `None` also for the words of `hbcore.cf`.
    pub(super) fn of_ha_cf(word: &str) -> Option<Self> {
        Self::by_name(word).filter(|directive| directive.file() == File::HaCf)
    }

    /// The directive written `word`, in either file.
    pub(super) fn by_name(word: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == word).map(|row| row.0)
    }

    /// The word in the file.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The value if the file has none, if that is fixed and recorded as a parameter.
    pub fn fixed_default(self) -> Option<&'static str> {
        self.row().2
    }

    /// The meaning of the parameter in a few words; `None` if the directive is not recorded as a parameter.
    pub fn description(self) -> Option<&'static str> {
        self.row().3
    }

    /// Whether it is a parameter for clients and scripts: `hbparameter`, `HA_<name>`.
    pub fn is_recorded(self) -> bool {
        self.description().is_some()
    }

    /// Whether the rest of the line is one text instead of a list of values.
    pub(super) fn takes_whole_line(self) -> bool {
        matches!(self, Self::Apiauth | Self::Respawn | Self::Failfast | Self::Stonith | Self::StonithHost)
    }

    fn row(self) -> &'static (Self, &'static str, Option<&'static str>, Option<&'static str>) {
        const UNKNOWN: (Directive, &str, Option<&str>, Option<&str>) = (D::Node, "", None, None);
        TABLE.get(self as usize).unwrap_or(&UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_at_the_place_of_its_directive() {
        for directive in Directive::all() {
            assert_eq!(directive.row().0, directive);
            assert_eq!(Directive::by_name(directive.name()), Some(directive));
        }
    }
}
