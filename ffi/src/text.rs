//! Text for C: pieces of other texts, and texts that are composed here.

use core::ffi::c_char;
use core::fmt::{self, Write};

use crate::edge::{Checked, room};
use crate::result::HbResult;

/// A piece of a text that belongs to the caller. There is no NUL at its end: print it with `"%.*s", (int)text.len, text.data`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbText {
    /// Its first byte; NULL if there is no such text.
    pub data: *const c_char,
    /// Its length in bytes.
    pub len: usize,
}

#[cfg(not(feature = "small"))]
impl HbText {
    pub(crate) const NONE: Self = Self { data: core::ptr::null(), len: 0 };

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr().cast(), len: bytes.len() }
    }

    pub(crate) fn option(bytes: Option<&[u8]>) -> Self {
        bytes.map_or(Self::NONE, Self::of)
    }
}

/// Text number `place` of several that each end with a NUL. `place` is at most their number.
pub(crate) fn nth(texts: &'static str, place: usize) -> *const c_char {
    let found = texts.split_inclusive('\0').nth(place).unwrap_or("\0");
    found.as_ptr().cast()
}

/// Writes into a fixed room, cuts the text if it does not fit, and keeps a byte for the NUL.
struct Cutter<'a> {
    room: &'a mut [u8],
    len: usize,
    cut: bool,
}

impl Write for Cutter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let free = self.room.len().saturating_sub(self.len).saturating_sub(1);
        let fits = text.floor_char_boundary(free);
        self.cut |= fits < text.len();
        if let (Some(to), Some(from)) = (self.room.get_mut(self.len..self.len + fits), text.as_bytes().get(..fits)) {
            to.copy_from_slice(from);
            self.len += fits;
        }
        Ok(())
    }
}

/// Writes `what` into the caller's buffer, with a NUL at its end.
pub(crate) fn write(text: *mut c_char, size: usize, what: impl fmt::Display) -> Checked<()> {
    let room = room(text.cast(), size)?;
    if room.is_empty() {
        return Err(HbResult::BadLength);
    }
    let cut = fill(room, what);
    if cut { Err(HbResult::Truncated) } else { Ok(()) }
}

/// Fills `room` with a text and a NUL; true if the text was cut.
fn fill(room: &mut [u8], what: impl fmt::Display) -> bool {
    let mut cutter = Cutter { room, len: 0, cut: false };
    let _ = write!(cutter, "{what}");
    let (end, cut) = (cutter.len, cutter.cut);
    if let Some(nul) = cutter.room.get_mut(end) {
        *nul = 0;
    }
    cut
}

/// A displayed value for a field of a structure; cut if it does not fit.
#[cfg(not(feature = "small"))]
pub(crate) fn display<const N: usize>(what: impl fmt::Display) -> [c_char; N] {
    let mut bytes = [0; N];
    fill(&mut bytes, what);
    bytes.map(|byte| c_char::from_ne_bytes([byte]))
}

/// A text with a NUL for a field of a structure; cut if it does not fit.
pub(crate) fn field<const N: usize>(text: &[u8]) -> [c_char; N] {
    let mut field = [0; N];
    for (to, from) in field.iter_mut().take(N.saturating_sub(1)).zip(text) {
        *to = c_char::from_ne_bytes([*from]);
    }
    field
}
