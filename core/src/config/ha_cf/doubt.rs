//! The possible content of refused lines: if something is missing, or does not fit, only because of them, that is no
//! further error.

use super::{Directive, MediumKind};
use crate::config::File;
use crate::config::lexer::{BLANKS, NON_BREAKING_SPACE};
use crate::config::spelling::meant;

/// The directives of refused lines, and whether one of these lines may be a medium.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubt {
    /// One bit for each directive; there are fewer than 64.
    directives: u64,
    pub(super) media: bool,
}

impl Doubt {
    /// A value of this directive was refused.
    pub(super) fn of(&mut self, directive: Directive) {
        self.directives |= bit(directive);
    }

    /// A line that begins with this word was refused: it counts as the word that is most like it.
    #[cold]
    pub(super) fn of_word(&mut self, word: &str) {
        let word = word.trim_start_matches(BLANKS).split(NON_BREAKING_SPACE).next().unwrap_or_default();
        let Some(meant) = meant(word, File::HaCf) else { return };
        self.media |= MediumKind::by_name(meant).is_some();
        if let Some(directive) = Directive::by_name(meant) {
            self.of(directive);
        }
    }

    /// Whether one of these was refused.
    pub(super) fn any(self, directives: &[Directive]) -> bool {
        directives.iter().any(|directive| self.directives & bit(*directive) != 0)
    }
}

fn bit(directive: Directive) -> u64 {
    1u64.checked_shl(directive as u32).unwrap_or(0)
}
