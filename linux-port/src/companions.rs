//! The clients that this project brings along: `ipfail`, `dopd` and what DRBD calls to reach it. Each speaks to a daemon of this project or
//! to a 3.0.6, and to its counterpart on a node of either kind.

mod counterpart;
mod dopd;
mod ipfail;
mod journal;
mod judge;
mod outdater;
mod session;

use std::ffi::OsString;
use std::process::ExitCode;

/// The exit code with which one of them asks to be started no more (docs/protocol/files.md 6.2).
const ENOUGH: u8 = 100;

/// One of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Companion {
    /// `ipfail`
    Ipfail,
    /// `dopd`
    Dopd,
    /// `drbd-peer-outdater`
    PeerOutdater,
}

impl Companion {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ipfail, Self::Dopd, Self::PeerOutdater];

    /// The name of its program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipfail => "ipfail",
            Self::Dopd => "dopd",
            Self::PeerOutdater => "drbd-peer-outdater",
        }
    }

    /// Its main function; `words` follow the program's name.
    pub fn main(self, words: impl Iterator<Item = OsString>) -> ExitCode {
        let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        ExitCode::from(match self {
            Self::Ipfail => ipfail::run(),
            Self::Dopd => dopd::run(),
            Self::PeerOutdater => outdater::run(&words),
        })
    }
}
