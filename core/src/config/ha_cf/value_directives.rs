//! The values that each directive accepts (docs/protocol/files.md 4).

use core::time::Duration;

use super::parse::Parser;
use super::{
    AutoFailback, Autojoin, Directive, Facility, GenerationMethod, MediumKind, MessageFormat, NodeKind, PacemakerMode,
    UuidSource, Variable,
};
use crate::config::ProblemKind;
use crate::config::lexer::Token;
use crate::config::problem::Table;
use crate::config::value::{parse_boolean, parse_integer, parse_time};

/// Speeds that `baud` accepts.
const BAUD_RATES: [u32; 7] = [9600, 19200, 38400, 57600, 115_200, 230_400, 460_800];

type Checked<'t, T = ()> = Result<T, ProblemKind<'t>>;

impl<'t> Parser<'_, 't> {
    /// Applies one value of `directive`. After an error the earlier value stays in force.
    #[cold]
    pub(super) fn value(&mut self, directive: Directive, value: Token<'t>) -> Checked<'t> {
        use Directive as D;
        match directive {
            D::Node => self.add_node(value, NodeKind::Member),
            D::Keepalive | D::Deadtime | D::Deadping | D::Initdead | D::Warntime | D::ConnLogdTime => {
                self.time(directive, value.text)
            }
            D::Realtime
            | D::Coredumps
            | D::UseApphbd
            | D::UseLogd
            | D::LogBadpack
            | D::Syslogmsgfmt
            | D::TraditionalCompression
            | D::RecordConfigChanges
            | D::RecordPengineInputs
            | D::EnableConfigWrites => self.boolean(directive, value.text),
            D::Hopfudge | D::Rtprio | D::Memreserve | D::Debug | D::CompressionThreshold | D::MaxRexmitDelay => {
                self.integer(directive, value)
            }
            D::Hbgenmethod | D::Uuidfrom | D::Autojoin | D::Msgfmt | D::Logfacility | D::AutoFailback => {
                self.word(directive, value.text)
            }
            D::Udpport | D::Baud => self.medium_setting(directive, value),
            D::NiceFailback => self.nice_failback(value),
            D::Pacemaker | D::Crm | D::CrmDaemonDir | D::CrmdSpawnsPengine => self.pacemaker(directive, value),
            D::Env => self.variable(value),
            _ => self.text(directive, value.text),
        }
    }

    fn time(&mut self, directive: Directive, text: &'t str) -> Checked<'t> {
        let may_be_zero = matches!(directive, Directive::Deadtime | Directive::Deadping | Directive::Initdead);
        let time = parse_time(text)
            .filter(|time| may_be_zero || !time.is_zero())
            .ok_or(ProblemKind::BadTime { directive, text })?;
        match directive {
            Directive::Keepalive => self.result.timing.keepalive = time,
            Directive::Deadtime => self.result.timing.deadtime = time,
            Directive::Deadping => self.typed.deadping = Some(time),
            Directive::Initdead => self.typed.initdead = Some(time),
            Directive::Warntime => self.typed.warntime = Some(time),
            _ => self.result.logging.conn_logd_time = time,
        }
        Ok(())
    }

    fn boolean(&mut self, directive: Directive, text: &'t str) -> Checked<'t> {
        let value = parse_boolean(text).ok_or(ProblemKind::BadBoolean { directive, text })?;
        match directive {
            Directive::Realtime => self.result.process.realtime = value,
            Directive::Coredumps => self.result.process.coredumps = value,
            Directive::UseApphbd => self.result.process.use_apphbd = value,
            Directive::UseLogd => self.typed.use_logd = Some(value),
            Directive::LogBadpack => self.result.logging.log_badpack = value,
            Directive::Syslogmsgfmt => self.result.logging.syslogmsgfmt = value,
            Directive::TraditionalCompression => self.result.protocol.traditional_compression = value,
            // The others matter only to Pacemaker's daemons, which find them in their environment.
            _ => {}
        }
        Ok(())
    }

    fn integer(&mut self, directive: Directive, value: Token<'t>) -> Checked<'t> {
        let (least, most) = match directive {
            Directive::Hopfudge | Directive::Debug => (0, 255),
            Directive::Rtprio => (1, 99),
            _ => (1, i32::MAX),
        };
        let number = self.number(directive, value, least, most)?;
        let small = u8::try_from(number).unwrap_or(u8::MAX);
        match directive {
            Directive::Hopfudge => self.result.protocol.hopfudge = small,
            Directive::Debug => self.result.logging.debug = Some(small),
            Directive::Rtprio => self.result.process.rtprio = Some(small),
            Directive::Memreserve => self.result.process.memreserve = number,
            Directive::CompressionThreshold => self.result.protocol.compression_threshold = number,
            _ => self.result.timing.max_rexmit_delay = Duration::from_millis(u64::from(number)),
        }
        Ok(())
    }

    /// Reads a number of `least` to `most`, both not negative. A number with other text around it is read as C reads
    /// it.
    pub(super) fn number(&mut self, directive: Directive, token: Token<'t>, least: i32, most: i32) -> Checked<'t, u32> {
        let text = token.text;
        let integer = parse_integer(text);
        let value = integer.value;
        if value < least || value > most {
            return Err(ProblemKind::BadInteger { directive, text, value, least, most });
        }
        if !integer.exact {
            self.report.warning(token.at, ProblemKind::LenientInteger { directive, text, value });
        }
        Ok(value.unsigned_abs())
    }

    fn word(&mut self, directive: Directive, text: &'t str) -> Checked<'t> {
        let bad = |expected| ProblemKind::BadWord { directive, text, expected };
        match directive {
            Directive::Hbgenmethod => {
                let known = [("file", GenerationMethod::File), ("time", GenerationMethod::Time)];
                self.result.protocol.generation = choose(text, known).ok_or(bad("`file` or `time`"))?;
            }
            Directive::Uuidfrom => {
                let known = [("file", UuidSource::File), ("nodename", UuidSource::NodeName)];
                self.result.protocol.uuid = choose(text, known).ok_or(bad("`file` or `nodename`"))?;
            }
            Directive::Msgfmt => {
                let known = [("classic", MessageFormat::Classic), ("netstring", MessageFormat::Netstring)];
                self.result.protocol.message_format = choose(text, known).ok_or(bad("`classic` or `netstring`"))?;
            }
            Directive::Autojoin => {
                let known = [("none", Autojoin::None), ("other", Autojoin::Other), ("any", Autojoin::Any)];
                self.result.protocol.autojoin = choose_any_case(text, known).ok_or(bad("`none`, `other` or `any`"))?;
            }
            Directive::AutoFailback => {
                self.result.auto_failback = failback(text).ok_or(bad("`on`, `off` or `legacy`"))?;
            }
            _ => {
                self.result.logging.facility = match text {
                    "none" => None,
                    name => Some(Facility::by_name(name).ok_or(bad("a syslog facility such as `local0`, or `none`"))?),
                };
            }
        }
        Ok(())
    }

    /// `udpport` and `baud`, which apply to the media below them.
    fn medium_setting(&mut self, directive: Directive, value: Token<'t>) -> Checked<'t> {
        let affected = |kind: MediumKind| match directive {
            Directive::Baud => kind == MediumKind::Serial,
            _ => matches!(kind, MediumKind::Ucast | MediumKind::Bcast | MediumKind::Ucast6),
        };
        if directive == Directive::Baud {
            self.baud(value)?;
        } else {
            self.typed.udpport = Some(self.port(directive, value)?);
        }
        if self.result.media.iter().any(|line| affected(line.medium.kind())) {
            self.report.warning(value.at, ProblemKind::AfterMedia { directive });
        }
        Ok(())
    }

    fn baud(&mut self, value: Token<'t>) -> Checked<'t> {
        let directive = Directive::Baud;
        if self.typed.baud.is_some() {
            return Err(ProblemKind::MultiplySpecified { directive });
        }
        let expected = "9600, 19200, 38400, 57600, 115200, 230400 or 460800";
        let wrong = ProblemKind::BadWord { directive, text: value.text, expected };
        let rate = self.number(directive, value, 0, i32::MAX).ok().filter(|rate| BAUD_RATES.contains(rate));
        self.typed.baud = Some(rate.ok_or(wrong)?);
        Ok(())
    }

    /// A port above zero. Of a number that does not fit, 3.0.6 uses the low 16 bits; so do we, with a warning.
    fn port(&mut self, directive: Directive, token: Token<'t>) -> Checked<'t, u16> {
        let number = self.number(directive, token, 1, i32::MAX)?;
        let used = number as u16;
        if u32::from(used) != number {
            self.report.warning(token.at, ProblemKind::PortCut { text: token.text, used });
        }
        Ok(used)
    }

    /// The obsolete opposite of `auto_failback` (docs/protocol/files.md 4.5).
    fn nice_failback(&mut self, value: Token<'t>) -> Checked<'t> {
        let (text, directive) = (value.text, Directive::NiceFailback);
        parse_boolean(text).ok_or(ProblemKind::BadBoolean { directive, text })?;
        let taken_as = match self.result.parameters.place(Directive::AutoFailback) {
            Some(_) => AutoFailback::Off,
            None => AutoFailback::Legacy,
        };
        self.result.auto_failback = taken_as;
        self.report.warning(value.at, ProblemKind::NiceFailback { text, taken_as });
        Ok(())
    }

    fn pacemaker(&mut self, directive: Directive, value: Token<'t>) -> Checked<'t> {
        let text = value.text;
        let pacemaker_seen = self.result.parameters.place(Directive::Pacemaker).is_some();
        let pacemaker = &mut self.result.pacemaker;
        match directive {
            Directive::CrmDaemonDir => {
                pacemaker.daemon_dir = Some(text);
                if pacemaker_seen {
                    self.report.warning(value.at, ProblemKind::AfterPacemaker { directive, text });
                }
            }
            Directive::CrmdSpawnsPengine => {
                if pacemaker_seen {
                    return Err(ProblemKind::AfterPacemaker { directive, text });
                }
                let value = parse_boolean(text).ok_or(ProblemKind::BadBoolean { directive, text })?;
                pacemaker.crmd_spawns_pengine = Some(value);
            }
            _ if pacemaker_seen => return Err(ProblemKind::MultiplySpecified { directive }),
            _ => {
                let expected = "a boolean, `respawn`, `minimal`, `manual` or `ccm-only`";
                pacemaker.mode = mode(text).ok_or(ProblemKind::BadWord { directive, text, expected })?;
            }
        }
        Ok(())
    }

    fn variable(&mut self, value: Token<'t>) -> Checked<'t> {
        let text = value.text;
        let variable = match text.split_once('=') {
            Some(("", _)) => return Err(ProblemKind::BadVariable { text }),
            Some((name, value)) => Variable { name, value },
            None => {
                self.report.warning(value.at, ProblemKind::VariableWithoutValue { text });
                Variable { name: text, value: "" }
            }
        };
        let capacity = self.result.env.capacity();
        self.result.env.push(variable).map_err(|_| ProblemKind::TableFull { table: Table::Variables, capacity })
    }

    fn text(&mut self, directive: Directive, text: &'t str) -> Checked<'t> {
        match directive {
            Directive::Cluster => self.result.protocol.cluster = text,
            Directive::Compression => self.result.protocol.compression = text,
            Directive::QuorumServer => self.result.protocol.quorum_server = Some(text),
            Directive::Logfile => self.result.logging.logfile = Some(text),
            Directive::Debugfile => self.result.logging.debugfile = Some(text),
            Directive::Watchdog if self.result.process.watchdog.is_some() => {
                return Err(ProblemKind::MultiplySpecified { directive });
            }
            Directive::Watchdog => self.result.process.watchdog = Some(text),
            Directive::Coreroot if !text.starts_with('/') => return Err(ProblemKind::BadCoreDirectory { text }),
            Directive::Coreroot => self.result.process.coreroot = Some(text),
            // `value` handles all others, or they take whole lines.
            _ => {}
        }
        Ok(())
    }
}

fn choose<T, const K: usize>(text: &str, known: [(&str, T); K]) -> Option<T> {
    known.into_iter().find(|(word, _)| *word == text).map(|(_, value)| value)
}

fn choose_any_case<T, const K: usize>(text: &str, known: [(&str, T); K]) -> Option<T> {
    known.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, value)| value)
}

fn failback(text: &str) -> Option<AutoFailback> {
    match parse_boolean(text) {
        Some(true) => Some(AutoFailback::On),
        Some(false) => Some(AutoFailback::Off),
        None => choose_any_case(text, [("legacy", AutoFailback::Legacy)]),
    }
}

fn mode(text: &str) -> Option<PacemakerMode> {
    match parse_boolean(text) {
        Some(true) => Some(PacemakerMode::On),
        Some(false) => Some(PacemakerMode::Off),
        None => choose_any_case(
            text,
            [
                ("respawn", PacemakerMode::Respawn),
                ("minimal", PacemakerMode::Minimal),
                ("manual", PacemakerMode::Manual),
                ("ccm-only", PacemakerMode::CcmOnly),
            ],
        ),
    }
}
