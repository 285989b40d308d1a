//! Our extensions, `hbcore.cf`: directives that 3.0.6 would reject in `ha.cf`. Same grammar; the file is optional.

use super::directive::Directive;
use super::lexer::{BLANKS, Token, VALUE_SEPARATORS, content, lines};
use super::problem::{ProblemKind, Problems};
use super::reporter::Reporter;
use super::reporter::after_byte_order_mark;
use super::value::parse_time;
use super::{File, Parsed, Position};
use crate::settings::HeartbeatFormat;
use core::time::Duration;

/// All values of `hbcore.cf`; the default is that of a missing file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HbcoreCf<'t> {
    /// `heartbeat_format`: the form of heartbeats.
    pub heartbeat_format: HeartbeatFormat,
    /// `address_takeover`: the program that brings up and removes addresses.
    pub address_takeover: AddressTakeover,
    /// `address_conflict`: the reaction to another host that has an address of ours.
    pub address_conflict: AddressConflict,
    /// `script_timeout`: the longest time for one call of a resource script before it is terminated; an hour if not
    /// given.
    pub script_timeout: Option<Duration>,
    /// `shutdown_timeout`: the longest time for releasing all groups before the daemon ends by force; an hour if not
    /// given.
    pub shutdown_timeout: Option<Duration>,
    /// `stop_failure_command`: the program that deals with a group that cannot be stopped; without one, this machine is
    /// rebooted.
    pub stop_failure_command: Option<Program<'t>>,
    /// `fence_command`: the program that fences a dead node, instead of the device that `ha.cf` may name.
    pub fence_command: Option<Program<'t>>,
    /// `fence_timeout`: the longest time for one call of the program that fences before it is terminated; a minute if
    /// not given.
    pub fence_timeout: Option<Duration>,
}

/// A program of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program<'t> {
    /// Its absolute path.
    pub path: &'t str,
    /// The place of that.
    pub at: Position,
}

/// `address_takeover`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressTakeover {
    /// The daemon itself, without a script.
    #[default]
    Builtin,
    /// The scripts `resource.d/IPaddr` and its kin.
    Script,
}

/// `address_conflict`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressConflict {
    /// The log and `hb status` report it; the address stays.
    #[default]
    Warn,
    /// The group also moves to another node, as soon as one can take it over.
    Refuse,
}

impl<'t> HbcoreCf<'t> {
    /// Reads `text`, the content of `hbcore.cf`, and reports every problem to `problems`.
    pub fn parse<const N: usize>(text: &'t [u8], problems: &mut Problems<'t, N>) -> Parsed<Self> {
        let mut sink = |problem| problems.push(problem);
        let mut report = Reporter::new(File::HbcoreCf, &mut sink);
        let mut result = Self::default();
        for (number, line) in lines(after_byte_order_mark(text, &mut report)) {
            match content(number, line) {
                Ok(content) => result.line(content, &mut report),
                Err((at, kind)) => report.error(at, kind),
            }
        }
        let sound = report.is_sound();
        Parsed::new(result, sound)
    }

    fn line(&mut self, content: Token<'t>, report: &mut Reporter<'_, 't>) {
        let Some((word, rest)) = content.split_first(BLANKS) else { return };
        report.backslash(content);
        let known = Directive::by_name(word.text).filter(|directive| directive.file() == File::HbcoreCf);
        let Some(directive) = known else {
            return report.error(word.at, ProblemKind::UnknownDirective { word: word.text, file: File::HbcoreCf });
        };
        let mut any = false;
        for value in rest.split(VALUE_SEPARATORS) {
            any = true;
            if let Err(kind) = self.value(directive, value) {
                report.error(value.at, kind);
            }
        }
        if !any {
            report.warning(word.at, ProblemKind::NoValue { directive });
        }
    }

    fn value(&mut self, directive: Directive, value: Token<'t>) -> Result<(), ProblemKind<'t>> {
        let Token { text, at } = value;
        let bad = |expected| Err(ProblemKind::BadWord { directive, text, expected });
        match (directive, text) {
            (Directive::HeartbeatFormat, "compact") => self.heartbeat_format = HeartbeatFormat::Compact,
            (Directive::HeartbeatFormat, "full") => self.heartbeat_format = HeartbeatFormat::Full,
            (Directive::HeartbeatFormat, _) => return bad("`compact` or `full`"),
            (Directive::AddressTakeover, "builtin") => self.address_takeover = AddressTakeover::Builtin,
            (Directive::AddressTakeover, "script") => self.address_takeover = AddressTakeover::Script,
            (Directive::AddressTakeover, _) => return bad("`builtin` or `script`"),
            (Directive::AddressConflict, "warn") => self.address_conflict = AddressConflict::Warn,
            (Directive::AddressConflict, "refuse") => self.address_conflict = AddressConflict::Refuse,
            (Directive::AddressConflict, _) => return bad("`warn` or `refuse`"),
            (Directive::StopFailureCommand, path) if path.starts_with('/') => {
                self.stop_failure_command = Some(Program { path, at });
            }
            (Directive::FenceCommand, path) if path.starts_with('/') => self.fence_command = Some(Program { path, at }),
            (Directive::StopFailureCommand | Directive::FenceCommand, _) => {
                return bad("the full path of a program, without arguments");
            }
            (_, time) => {
                let time = parse_time(time).filter(|t| !t.is_zero());
                let Some(time) = time else { return Err(ProblemKind::BadTime { directive, text }) };
                match directive {
                    Directive::ScriptTimeout => self.script_timeout = Some(time),
                    Directive::FenceTimeout => self.fence_timeout = Some(time),
                    _ => self.shutdown_timeout = Some(time),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    #[test]
    fn missing_or_empty_file_means_the_defaults() {
        let mut problems = Problems::<4>::new();
        let parsed = HbcoreCf::parse(b"# nothing\n", &mut problems);
        assert_eq!(parsed.checked(), Some(HbcoreCf::default()));
    }

    #[test]
    fn both_words_are_read() {
        let mut problems = Problems::<4>::new();
        let parsed = HbcoreCf::parse(b"heartbeat_format full\naddress_takeover script # ours\n", &mut problems);
        let expected = HbcoreCf {
            heartbeat_format: HeartbeatFormat::Full,
            address_takeover: AddressTakeover::Script,
            ..HbcoreCf::default()
        };
        assert_eq!(parsed.checked(), Some(expected));
    }

    #[test]
    fn conflict_policy_is_one_of_two_words() {
        let mut problems = Problems::<4>::new();
        let mut read = |text| HbcoreCf::parse(text, &mut problems).checked().map(|read| read.address_conflict);
        assert_eq!(read(b""), Some(AddressConflict::Warn));
        assert_eq!(read(b"address_conflict refuse\n"), Some(AddressConflict::Refuse));
        assert_eq!(read(b"address_conflict refuse\naddress_conflict warn\n"), Some(AddressConflict::Warn));
        assert_eq!(read(b"address_conflict ignore\n"), None);
        let said = problems.iter().next().map(|problem| problem.kind.help().to_string()).unwrap_or_default();
        assert!(said.contains("`warn` or `refuse`"), "{said}");
    }

    #[test]
    fn times_and_the_command_are_read_and_wrong_ones_refused() {
        let mut problems = Problems::<8>::new();
        let text =
            b"script_timeout 90\nshutdown_timeout 1500ms\nstop_failure_command /sbin/fence-me\nfence_timeout 20\n";
        let read = HbcoreCf::parse(text, &mut problems).checked().expect("sound");
        assert_eq!(read.script_timeout, Some(Duration::from_secs(90)));
        assert_eq!(read.fence_timeout, Some(Duration::from_secs(20)));
        assert_eq!(read.shutdown_timeout, Some(Duration::from_millis(1500)));
        assert_eq!(
            read.stop_failure_command.map(|p| (p.path, p.at.line, p.at.column)),
            Some(("/sbin/fence-me", 3, 22))
        );
        let wrong = b"script_timeout 0\nscript_timeout soon\nstop_failure_command fence-me\n";
        assert_eq!(HbcoreCf::parse(wrong, &mut problems).checked(), None);
        assert_eq!(problems.errors(), 3);
        let said: Vec<String> = problems.iter().map(|problem| problem.kind.to_string()).collect();
        assert_eq!(
            said,
            [
                "`script_timeout` [0] is not a time",
                "`script_timeout` [soon] is not a time",
                "`stop_failure_command` [fence-me] is not a full pathname"
            ]
        );
    }

    #[test]
    fn places_messages_and_help_are_those_of_the_wrong_word() {
        let text = b" heartbeat_format  tiny # c\r\n\tscript_timeout 90 seconds\nfence_command  x\nkeepalive 1\n";
        let mut problems = Problems::<8>::new();
        let _ = HbcoreCf::parse(text, &mut problems);
        let all: std::vec::Vec<_> = problems
            .iter()
            .map(|p| (p.at.map_or((0, 0), |at| (at.line, at.column)), std::format!("{}; {}", p.kind, p.kind.help())))
            .collect();
        let expected = [
            ((1, 20), "`heartbeat_format` [tiny] is unknown; expected `compact` or `full`"),
            ((2, 20), "`script_timeout` [seconds] is not a time; expected a time above zero such as"),
            ((3, 16), "`fence_command` [x] is not a full pathname; expected the full path of a program"),
            ((4, 1), "Illegal directive [keepalive] in /etc/ha.d//hbcore.cf; this directive belongs into ha.cf"),
        ];
        assert_eq!(all.len(), expected.len(), "{all:?}");
        for ((place, text), (at, words)) in all.iter().zip(expected) {
            assert!(*place == at && text.starts_with(words), "{place:?} {text}");
        }
    }

    #[test]
    fn words_of_ha_cf_are_refused_here() {
        let mut problems = Problems::<4>::new();
        assert_eq!(HbcoreCf::parse(b"keepalive 2\nheartbeat_format tiny\n", &mut problems).checked(), None);
        assert_eq!(problems.errors(), 2);
    }
}
