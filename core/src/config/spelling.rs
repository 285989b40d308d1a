//! The words of the configuration, and the one that a misspelled word resembles.

use super::directive::Directive;
use super::medium_kind::MediumKind;
use super::place::File;

/// All words that may begin a line of the file.
pub(super) fn words(file: File) -> impl Iterator<Item = &'static str> {
    let directives = Directive::all().filter(move |directive| directive.file() == file).map(Directive::name);
    directives.chain(MediumKind::all().map(MediumKind::name).filter(move |_| file == File::HaCf))
}

/// The word of the file that is most like `word`; `None` if about every third letter is wrong, or more.
#[cold]
pub(super) fn similar(word: &str, file: File) -> Option<&'static str> {
    let (name, wrong) = words(file).map(|name| (name, distance(name, word))).min_by_key(|(_, wrong)| *wrong)?;
    (wrong <= name.len().saturating_add(1) / 3).then_some(name)
}

/// The word of the file that was probably meant by `word`.
pub(super) fn meant(word: &str, file: File) -> Option<&'static str> {
    let name = word.split('=').next().unwrap_or_default();
    words(file).find(|known| known.eq_ignore_ascii_case(name)).or_else(|| similar(word, file))
}

/// The longest word that is compared.
const WORD_MAX: usize = 31;

/// The number of bytes to insert, delete or replace to make `b` of `a` (Levenshtein's distance). A long `b` is like no
/// word.
fn distance(a: &str, b: &str) -> usize {
    if b.len() > WORD_MAX {
        return usize::MAX;
    }
    // The distances of the part of `a` read so far from each beginning of `b`, except the empty one.
    let mut row: [usize; WORD_MAX] = core::array::from_fn(|place| place.saturating_add(1));
    let mut last = b.len();
    for (read, x) in (1usize..).zip(a.bytes()) {
        let (mut left, mut diagonal) = (read, read.saturating_sub(1));
        for (cell, y) in row.iter_mut().zip(b.bytes()) {
            let replaced = diagonal.saturating_add(usize::from(x != y));
            diagonal = *cell;
            left = diagonal.min(left).saturating_add(1).min(replaced);
            *cell = left;
        }
        last = left;
    }
    last
}
