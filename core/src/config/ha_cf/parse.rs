//! Reading `ha.cf` line by line.

use core::time::Duration;

use heapless::Vec;

use super::doubt::Doubt;
use super::{
    AutoFailback, Directive, HaCf, Listed, Logging, MediumKind, Node, NodeKind, Pacemaker, ParameterText, Parameters,
    Process, Protocol, Timing,
};
use crate::config::lexer::{BLANKS, NON_BREAKING_SPACE, Token, VALUE_SEPARATORS, content, is_utf16, lines};
use crate::config::problem::Table;
use crate::config::reporter::Reporter;
use crate::config::reporter::after_byte_order_mark;
use crate::config::{Autojoin, File, GenerationMethod, MessageFormat, UuidSource};
use crate::config::{PacemakerMode, Parsed, ProblemKind, Problems};
use crate::id::NodeName;

/// The UDP port of media if no `udpport` line stands above them (service `ha-cluster`).
pub(super) const UDP_PORT: u16 = 694;
/// The speed of serial media if no `baud` line stands above them.
pub(super) const BAUD: u32 = 19200;

/// The configuration while it is read.
pub(super) struct Parser<'p, 't> {
    pub(super) result: HaCf<'t>,
    pub(super) report: Reporter<'p, 't>,
    pub(super) local_name: &'t str,
    pub(super) typed: Typed,
    /// The refused lines.
    pub(super) doubt: Doubt,
}

/// The values typed so far on which later lines or the relations depend.
pub(super) struct Typed {
    pub(super) warntime: Option<Duration>,
    pub(super) initdead: Option<Duration>,
    pub(super) deadping: Option<Duration>,
    pub(super) udpport: Option<u16>,
    pub(super) baud: Option<u32>,
    pub(super) use_logd: Option<bool>,
}

#[cold]
pub(super) fn parse<'t, const N: usize>(
    text: &'t [u8],
    local_name: &'t str,
    problems: &mut Problems<'t, N>,
) -> Parsed<HaCf<'t>> {
    let mut sink = |problem| problems.push(problem);
    let mut parser = Parser::new(local_name, Reporter::new(File::HaCf, &mut sink));
    for (number, line) in lines(after_byte_order_mark(text, &mut parser.report)) {
        parser.line(number, line);
    }
    if is_utf16(text) {
        parser.result.listed = Listed::Unknown;
    } else {
        parser.relate();
    }
    Parsed::new(parser.result, parser.report.is_sound())
}

impl<'p, 't> Parser<'p, 't> {
    fn new(local_name: &'t str, report: Reporter<'p, 't>) -> Self {
        let typed = Typed { warntime: None, initdead: None, deadping: None, udpport: None, baud: None, use_logd: None };
        Self { result: defaults(), report, local_name, typed, doubt: Doubt::default() }
    }

    #[cold]
    fn line(&mut self, number: u32, line: &'t [u8]) {
        let content = match content(number, line) {
            Ok(content) => content,
            Err((at, kind)) => {
                let before = usize::try_from(at.column).unwrap_or(usize::MAX).saturating_sub(1);
                let readable =
                    line.get(..before).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or_default();
                self.doubt.of_word(readable.split(BLANKS).find(|word| !word.is_empty()).unwrap_or_default());
                return self.report.error(at, kind);
            }
        };
        let Some((word, rest)) = content.split_first(BLANKS) else { return };
        if self.has_non_breaking_space(content, word) {
            return self.doubt.of_word(word.text);
        }
        self.report.backslash(content);
        if word.text == "udp" {
            self.report.warning(word.at, ProblemKind::UdpReplacedByBcast);
            self.medium(MediumKind::Bcast, word, rest);
        } else if let Some(medium) = MediumKind::by_name(word.text) {
            self.medium(medium, word, rest);
        } else if let Some(directive) = Directive::of_ha_cf(word.text) {
            self.directive(directive, word, rest);
        } else {
            self.doubt.of_word(word.text);
            self.report.error(word.at, ProblemKind::UnknownDirective { word: word.text, file: File::HaCf });
        }
    }

    /// Reports the first non-breaking space of the line. Within the first word it probably stands for a blank, and
    /// spoils the whole line.
    fn has_non_breaking_space(&mut self, content: Token<'t>, word: Token<'t>) -> bool {
        let Some(place) = content.text.find(NON_BREAKING_SPACE) else { return false };
        let at = content.at.right(place);
        let spoils = word.text.contains(NON_BREAKING_SPACE);
        if spoils {
            self.report.error(at, ProblemKind::NonBreakingSpace);
        } else {
            self.report.warning(at, ProblemKind::NonBreakingSpace);
        }
        spoils
    }

    #[cold]
    fn directive(&mut self, directive: Directive, word: Token<'t>, rest: Token<'t>) {
        if directive.takes_whole_line() {
            return self.whole_line(directive, word, rest.trim());
        }
        let mut any = false;
        for value in rest.split(VALUE_SEPARATORS) {
            any = true;
            match self.value(directive, value) {
                Ok(()) => self.accepted(directive, value),
                Err(kind) => {
                    self.doubt.of(directive);
                    self.report.error(value.at, kind);
                }
            }
        }
        if !any {
            self.report.warning(word.at, ProblemKind::NoValue { directive });
        }
    }

    fn accepted(&mut self, directive: Directive, value: Token<'t>) {
        let parameter = if directive == Directive::Crm { Directive::Pacemaker } else { directive };
        self.result.parameters.note_place(parameter, value.at);
        self.result.parameters.set(parameter, ParameterText::Typed(value.text));
    }

    /// Adds a node of that kind; a second node of the same name only gets a warning.
    #[cold]
    pub(super) fn add_node(&mut self, name: Token<'t>, kind: NodeKind) -> Result<(), ProblemKind<'t>> {
        let known = NodeName::new(name.text).map_err(|error| ProblemKind::BadNodeName { name: name.text, error })?;
        if self.result.nodes.iter().any(|node| node.name == known) {
            self.report.warning(name.at, ProblemKind::DuplicateNode { name: name.text });
            return Ok(());
        }
        let node = Node { name: known, kind, at: Some(name.at) };
        let capacity = self.result.nodes.capacity();
        self.result.nodes.push(node).map_err(|_| ProblemKind::TableFull { table: Table::Nodes, capacity })
    }
}

/// The configuration of an empty file, before anything is derived.
fn defaults<'t>() -> HaCf<'t> {
    let deadtime = Duration::from_secs(30);
    HaCf {
        nodes: Vec::new(),
        media: Vec::new(),
        timing: Timing {
            keepalive: Duration::from_secs(1),
            deadtime,
            warntime: deadtime / 2,
            initdead: deadtime,
            deadping: deadtime,
            max_rexmit_delay: Duration::from_millis(250),
        },
        protocol: Protocol {
            cluster: "linux-ha",
            hopfudge: 1,
            generation: GenerationMethod::File,
            uuid: UuidSource::File,
            autojoin: Autojoin::None,
            message_format: MessageFormat::Classic,
            compression: "zlib",
            compression_threshold: 2,
            traditional_compression: false,
            quorum_server: None,
        },
        auto_failback: AutoFailback::Legacy,
        pacemaker: Pacemaker { mode: PacemakerMode::Off, daemon_dir: None, crmd_spawns_pengine: None },
        logging: Logging {
            logfile: None,
            debugfile: None,
            facility: None,
            use_logd: false,
            conn_logd_time: Duration::from_mins(1),
            log_badpack: true,
            syslogmsgfmt: true,
            debug: None,
        },
        process: Process {
            realtime: true,
            rtprio: None,
            memreserve: 6500,
            watchdog: None,
            use_apphbd: false,
            coredumps: true,
            coreroot: None,
        },
        env: Vec::new(),
        api_auth: Vec::new(),
        children: Vec::new(),
        stonith: None,
        listed: Listed::All,
        parameters: Parameters::empty(),
    }
}
