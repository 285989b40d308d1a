//! The problems of a configuration: cause, place and severity. `message.rs` has the words.

use core::fmt;
use core::net::Ipv6Addr;
use core::time::Duration;

use heapless::Vec;

use super::address::AddressError;
use super::directive::Directive;
use super::medium_kind::MediumKind;
use super::place::{File, Position};
use crate::id::NameError;

/// The severity of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The daemon does not start.
    Error,
    /// The daemon starts, but probably not as the operator meant.
    Warning,
    /// A fact worth knowing.
    Info,
}

/// One problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Problem<'t> {
    /// The file.
    pub file: File,
    /// The place; `None` if the file as a whole lacks something.
    pub at: Option<Position>,
    /// The severity.
    pub severity: Severity,
    /// The cause. Its `Display` is the message, in the words of 3.0.6 where that has some.
    pub kind: ProblemKind<'t>,
}

/// The problems of one file, in the order in which they were found: at most `N`; further ones are only counted.
#[derive(Clone, Debug)]
pub struct Problems<'t, const N: usize = 64> {
    list: Vec<Problem<'t>, N>,
    errors: u32,
    omitted: u32,
}

impl<'t, const N: usize> Problems<'t, N> {
    /// No problems.
    pub const fn new() -> Self {
        Self { list: Vec::new(), errors: 0, omitted: 0 }
    }

    /// The kept problems.
    pub fn iter(&self) -> core::slice::Iter<'_, Problem<'t>> {
        self.list.iter()
    }

    /// The number of problems that did not fit. An error still counts in [`Problems::errors`].
    pub fn omitted(&self) -> u32 {
        self.omitted
    }

    /// The number of errors.
    pub fn errors(&self) -> u32 {
        self.errors
    }

    /// Adds a problem; if the list is full it is only counted.
    pub fn push(&mut self, problem: Problem<'t>) {
        if problem.severity == Severity::Error {
            self.errors = self.errors.saturating_add(1);
        }
        if self.list.push(problem).is_err() {
            self.omitted = self.omitted.saturating_add(1);
        }
    }
}

impl<const N: usize> Default for Problems<'_, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, 't, const N: usize> IntoIterator for &'a Problems<'t, N> {
    type Item = &'a Problem<'t>;
    type IntoIter = core::slice::Iter<'a, Problem<'t>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Bytes of a file that need not be UTF-8; shown with replacement characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted<'t>(pub &'t [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{fffd}")?;
            }
        }
        Ok(())
    }
}

/// A table of fixed size for entries of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Nodes, ping nodes included.
    Nodes,
    /// Media.
    Media,
    /// `env` assignments.
    Variables,
    /// `apiauth` lines.
    ApiAuth,
    /// `respawn` and `failfast` lines.
    Children,
    /// Lines of `haresources`.
    Groups,
}

/// The fault of an `apiauth` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiAuthFault<'t> {
    /// The client's name is missing, or stands alone.
    Incomplete,
    /// The client's name has more than 31 bytes.
    NameTooLong,
    /// A word is neither `uid=` nor `gid=`.
    NeitherUidNorGid,
    /// `uid=` stands twice.
    DuplicateUid,
    /// `gid=` stands twice.
    DuplicateGid,
    /// An earlier line has the same client.
    DuplicateClient(&'t str),
}

/// The fault of a medium's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediumFault<'t> {
    /// There are none.
    NoArguments,
    /// The peer's address or name is missing.
    MissingHost,
    /// The multicast group is missing.
    MissingGroup,
    /// This is no multicast group of the medium's address family.
    BadGroup(&'t str),
    /// This is no address of the medium's address family.
    BadAddress(&'t str),
    /// The port is missing.
    MissingPort,
    /// The port is not above zero.
    BadPort(i32),
    /// The time to live is missing.
    MissingTtl,
    /// The time to live is not 0 to 4.
    BadTtl(i32),
    /// The loopback flag is missing.
    MissingLoop,
    /// The loopback flag is neither 0 nor 1.
    BadLoop(i32),
    /// The device is not an absolute path.
    NotFullPathname,
    /// A ping group has no hosts.
    NoHosts,
}

/// A remarkable choice of log destinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogChoice {
    /// Nothing: the logging daemon is used.
    NothingChosen,
    /// The logging daemon and nothing else.
    OnlyLogd,
    /// None, and the logging daemon is ruled out.
    NothingLeft,
    /// Files or a facility without the logging daemon.
    WithoutLogd,
    /// Files or a facility beside the logging daemon.
    BesideLogd,
}

/// Every cause of a problem. Texts are as they stand in the file.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the offending texts, in units and ranges of their directive")]
pub enum ProblemKind<'t> {
    // Any file.
    /// A line has bytes that are not UTF-8 outside a comment.
    NotUtf8,
    /// The file begins with a byte order mark (U+FEFF).
    ByteOrderMark,
    /// A non-breaking space (U+00A0) stands where a blank is meant.
    NonBreakingSpace,
    /// A backslash at the end of a line of `ha.cf` or `hbcore.cf`, where it does not continue the line.
    Backslash,
    /// A table of fixed size is full.
    TableFull { table: Table, capacity: usize },
    // Lines of ha.cf.
    /// The first word of the line is no directive.
    UnknownDirective { word: &'t str, file: File },
    /// A directive without value does nothing.
    NoValue { directive: Directive },
    /// A medium without arguments does nothing.
    NoDevice { medium: MediumKind },
    /// `udp` is an old name of `bcast`.
    UdpReplacedByBcast,
    // Values.
    /// Not a time, or zero where it must be above.
    BadTime { directive: Directive, text: &'t str },
    /// Not a boolean.
    BadBoolean { directive: Directive, text: &'t str },
    /// The number is outside `least` to `most`.
    BadInteger { directive: Directive, text: &'t str, value: i32, least: i32, most: i32 },
    /// Not a plain number, but read as `value`.
    LenientInteger { directive: Directive, text: &'t str, value: i32 },
    /// None of the allowed words.
    BadWord { directive: Directive, text: &'t str, expected: &'static str },
    /// The directive may stand only once.
    MultiplySpecified { directive: Directive },
    /// The directive has no effect on media above it.
    AfterMedia { directive: Directive },
    /// The port does not fit 16 bits; the low ones are used.
    PortCut { text: &'t str, used: u16 },
    /// The directive must stand before `pacemaker`.
    AfterPacemaker { directive: Directive, text: &'t str },
    /// `env` without a name.
    BadVariable { text: &'t str },
    /// `env` without `=`.
    VariableWithoutValue { text: &'t str },
    /// `coreroot` is not an absolute path.
    BadCoreDirectory { text: &'t str },
    /// Not a node name.
    BadNodeName { name: &'t str, error: NameError },
    /// An earlier line names the same node.
    DuplicateNode { name: &'t str },
    /// `nice_failback` is obsolete; with the setting that it means.
    NiceFailback { text: &'t str, taken_as: super::AutoFailback },
    // Whole lines.
    /// A bad `apiauth` line.
    ApiAuth { line: &'t str, fault: ApiAuthFault<'t> },
    /// `respawn` or `failfast` without a user.
    NoUser,
    /// The user and the command of a child run together: the blank between them is missing.
    UserRunsIntoCommand { user: &'t str },
    /// The command of a child is not an absolute path.
    CommandNotFullPathname { command: &'t str },
    /// `stonith_host` without a host.
    NoStonithHost,
    /// `stonith` or `stonith_host` without a type of device.
    NoStonithType,
    /// `stonith` without a file of parameters.
    NoStonithFile,
    /// A medium's arguments are wrong.
    BadMedium { medium: MediumKind, device: &'t str, fault: MediumFault<'t> },
    // Relations.
    /// `deadtime` is not above twice `keepalive`.
    DeadtimeTooSmall { deadtime: Duration, keepalive: Duration },
    /// `deadping` is not above twice `keepalive`.
    DeadpingTooSmall { deadping: Duration, keepalive: Duration },
    /// `initdead` is below `deadtime`.
    InitdeadBelowDeadtime { initdead: Duration, deadtime: Duration },
    /// `initdead` is below ten seconds.
    InitdeadSmall { initdead: Duration },
    /// There is no medium.
    NoMedia,
    /// There are only ping media: no other node can be heard.
    OnlyPingMedia,
    /// There is no node, not even the local one.
    NoNodes { name: &'t str },
    /// The local node is not listed.
    LocalNodeMissing { name: &'t str },
    /// The local node's own name is no node name.
    BadLocalName { name: &'t str, error: NameError },
    /// `autojoin` needs Pacemaker.
    AutojoinConflict,
    /// `auto_failback legacy`, typed or by default.
    LegacyFailback,
    /// A remarkable choice of log destinations.
    Log(LogChoice),
    // authkeys.
    /// A line that begins with `a` is not `auth N`.
    BadAuthLine { word: Quoted<'t> },
    /// A line is neither `auth N` nor `N METHOD [KEY]`.
    BadKeyLine { word: Quoted<'t> },
    /// The index is not 0 to 15.
    BadKeyIndex { index: i32 },
    /// The method is none of `crc`, `md5`, `sha1`.
    UnknownMethod { method: Quoted<'t> },
    /// `crc` takes no key.
    CrcWithKey,
    /// Packets of this entry are accepted from any sender.
    CrcAuthenticatesNobody,
    /// A second `auth` line; the line of the earlier one, which no longer counts.
    RepeatedAuthLine { number: i32, earlier: u32 },
    /// The method needs a key.
    KeyRequired { method: super::Method },
    /// An earlier line has the same index.
    DuplicateKey { index: u8 },
    /// No `auth` line; the index of the first key, if there is one.
    NoAuthLine { key: Option<u8> },
    /// No key line of that index below the `auth` line; the last line above it that has one.
    SigningKeyMissing { index: i32, above: Option<u32> },
    /// Text after the number or the key is ignored.
    TrailingText,
    // haresources.
    /// The first word of a line is no node.
    BadResourceNode { word: &'t str },
    /// A line without resources.
    EmptyGroup,
    /// An address that cannot be taken over as it stands.
    BadAddress { text: &'t str, error: AddressError },
    /// An IPv6 address without its script: the text before its first two colons would be the script.
    BareIpv6 { text: &'t str },
    /// An IPv6 address with two colons in a row, which 3.0.6 takes as the end of an argument.
    ShortenedIpv6 { text: &'t str, addr: Ipv6Addr },
    /// The group's first resource also stands in another line.
    DuplicateResource { word: &'t str },
    /// A comment in a line that continues another one: 3.0.6 would take its words as resources.
    CommentInContinuation,
}
