//! Our extensions, `hbcore.cf`: what 3.0.6 would reject in `ha.cf`. Same grammar; the file is optional.

use super::ha_cf::Directive;
use super::lexer::{BLANKS, Token, VALUE_SEPARATORS, content, lines};
use super::problem::{ProblemKind, Problems, Reporter};
use super::{File, Parsed};

/// Everything `hbcore.cf` says; the default is that of a missing file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HbcoreCf {
    /// `heartbeat_format`: what heartbeats look like.
    pub heartbeat_format: HeartbeatFormat,
    /// `address_takeover`: who sets and removes addresses.
    pub address_takeover: AddressTakeover,
}

/// `heartbeat_format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeartbeatFormat {
    /// At most 150 bytes: only the fields that 3.0.6 needs.
    #[default]
    Compact,
    /// All fields that 3.0.6 sends.
    Full,
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

impl HbcoreCf {
    /// Reads `text`, the content of `hbcore.cf`, and reports every problem to `problems`.
    pub fn parse<'t, const N: usize>(text: &'t [u8], problems: &mut Problems<'t, N>) -> Parsed<Self> {
        let mut sink = |problem| problems.push(problem);
        let mut report = Reporter::new(File::HbcoreCf, &mut sink);
        let mut result = Self::default();
        for (number, line) in lines(text) {
            match content(number, line) {
                Ok(content) => result.line(content, &mut report),
                Err((at, kind)) => report.error(at, kind),
            }
        }
        let sound = report.is_sound();
        Parsed::new(result, sound)
    }

    fn line<'t>(&mut self, content: Token<'t>, report: &mut Reporter<'_, 't>) {
        let Some((word, rest)) = content.split_first(BLANKS) else { return };
        let known = Directive::by_name(word.text)
            .filter(|directive| matches!(directive, Directive::HeartbeatFormat | Directive::AddressTakeover));
        let Some(directive) = known else {
            return report.error(word.at, ProblemKind::UnknownDirective { word: word.text, file: File::HbcoreCf });
        };
        let mut any = false;
        for value in rest.split(VALUE_SEPARATORS) {
            any = true;
            if let Err(kind) = self.value(directive, value.text) {
                report.error(value.at, kind);
            }
        }
        if !any {
            report.warning(word.at, ProblemKind::NoValue { directive });
        }
    }

    fn value<'t>(&mut self, directive: Directive, text: &'t str) -> Result<(), ProblemKind<'t>> {
        let bad = |expected| Err(ProblemKind::BadWord { directive, text, expected });
        match (directive, text) {
            (Directive::HeartbeatFormat, "compact") => self.heartbeat_format = HeartbeatFormat::Compact,
            (Directive::HeartbeatFormat, "full") => self.heartbeat_format = HeartbeatFormat::Full,
            (Directive::HeartbeatFormat, _) => return bad("`compact` or `full`"),
            (_, "builtin") => self.address_takeover = AddressTakeover::Builtin,
            (_, "script") => self.address_takeover = AddressTakeover::Script,
            _ => return bad("`builtin` or `script`"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_empty_file_means_the_defaults() {
        let mut problems = Problems::<4>::new();
        let parsed = HbcoreCf::parse(b"# nothing\n", &mut problems);
        assert_eq!(parsed.checked(), Some(HbcoreCf::default()));
    }

    #[test]
    fn both_words_are_read() {
        let mut problems = Problems::<4>::new();
        let parsed = HbcoreCf::parse(b"heartbeat_format full\naddress_takeover script # ours\n", &mut problems);
        let expected = HbcoreCf { heartbeat_format: HeartbeatFormat::Full, address_takeover: AddressTakeover::Script };
        assert_eq!(parsed.checked(), Some(expected));
    }

    #[test]
    fn words_of_ha_cf_are_refused_here() {
        let mut problems = Problems::<4>::new();
        assert_eq!(HbcoreCf::parse(b"keepalive 2\nheartbeat_format tiny\n", &mut problems).checked(), None);
        assert_eq!(problems.errors(), 2);
    }
}
