//! The files of the configuration, and places in them.

/// A file of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum File {
    /// `ha.cf`.
    HaCf,
    /// `authkeys`.
    AuthKeys,
    /// `haresources`.
    HaResources,
    /// `hbcore.cf`, our extensions.
    HbcoreCf,
}

impl File {
    /// The name in the configuration folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::HaCf => "ha.cf",
            Self::AuthKeys => "authkeys",
            Self::HaResources => "haresources",
            Self::HbcoreCf => "hbcore.cf",
        }
    }
}

/// A place in a file, both counted from 1; columns are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The byte in the line.
    pub column: u32,
}

impl Position {
    /// The place `bytes` further to the right.
    pub(super) fn right(self, bytes: usize) -> Self {
        Self { column: self.column.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX)), ..self }
    }
}
