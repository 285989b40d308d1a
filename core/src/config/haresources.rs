//! The resource groups and their homes, `haresources` (docs/protocol/resources.md 2).
//!
//! A line is a group: a node and its resources, started from left to right. A backslash at the end of a line continues
//! it.

use core::fmt;
use core::net::IpAddr;

use heapless::Vec;

use super::address::looks_like_ipv4;
use super::lexer::{BLANKS, NON_BREAKING_SPACE, Token, lines, text};
use super::problem::{ProblemKind, Problems, Table};
use super::reporter::Reporter;
use super::reporter::after_byte_order_mark;
use super::{AddressError, AddressSpec, File, HaCf, Parsed, Position};

/// The largest number of groups. 3.0.6 has no limit; the next group is an error.
pub const GROUPS_MAX: usize = 128;

/// The resource groups of a cluster, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct HaResources<'t> {
    /// The groups; the place in this list is the group's [`crate::id::GroupId`].
    pub groups: Vec<Group<'t>, GROUPS_MAX>,
}

/// One group: its home and its resources.
#[derive(Clone, Copy)]
pub struct Group<'t> {
    /// The node as typed; a node of `ha.cf`, in upper or lower case.
    pub node: &'t str,
    /// The place of the node.
    pub at: Position,
    /// The text after the node, up to the end of the last continued line, comments and backslashes included.
    body: &'t [u8],
}

/// One resource of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource<'t> {
    /// The word as typed.
    pub word: &'t str,
    /// Its place.
    pub at: Position,
}

impl<'t> HaResources<'t> {
    /// Reads `text`, the content of `haresources`, for the nodes of `ha_cf`, and reports every problem to `problems`.
    ///
    /// As for 3.0.6 only a wrong node is an error. Addresses that could not be taken over get a warning.
    pub fn parse<const N: usize>(text: &'t [u8], ha_cf: &HaCf<'_>, problems: &mut Problems<'t, N>) -> Parsed<Self> {
        let mut sink = |problem| problems.push(problem);
        let report = Reporter::new(File::HaResources, &mut sink);
        let mut parser = Parser { result: Self::default(), report, ha_cf: Some(ha_cf) };
        parser.run(text);
        Parsed::new(parser.result, parser.report.is_sound())
    }

    /// Reads `text` for any node, for a tool without `ha.cf`. Problems are ignored.
    pub fn read(text: &'t [u8]) -> Self {
        let report = &mut |_| ();
        let mut parser =
            Parser { result: Self::default(), report: Reporter::new(File::HaResources, report), ha_cf: None };
        parser.run(text);
        parser.result
    }
}

impl<'t> Group<'t> {
    /// The resources from left to right.
    pub fn resources(&self) -> impl Iterator<Item = Resource<'t>> + use<'t> {
        let mut first = true;
        let start = self.at.right(self.node.len());
        let physical = (start.line..).zip(self.body.split(|byte| *byte == b'\n'));
        physical.flat_map(move |(number, line)| {
            let at = if core::mem::take(&mut first) { start } else { Position { line: number, column: 1 } };
            let meaning = text(number, physical_line(line).words).map_or("", |token| token.text);
            Token { text: meaning, at }.split(BLANKS).map(|word| Resource { word: word.text, at: word.at })
        })
    }

    /// The first resource, by which scripts know the group; `None` for a line with a node alone.
    pub fn key(&self) -> Option<Resource<'t>> {
        self.resources().next()
    }
}

impl fmt::Debug for Group<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.node)?;
        f.debug_list().entries(self.resources().map(|resource| resource.word)).finish()
    }
}

impl<'t> Resource<'t> {
    /// The name of the script: the text before the first `::`, or `IPaddr` for a bare IPv4 address.
    pub fn script(&self) -> &'t str {
        if looks_like_ipv4(self.word) { "IPaddr" } else { self.word.split("::").next().unwrap_or_default() }
    }

    /// The arguments of the script, in order; for a bare address the whole word.
    pub fn args(&self) -> impl Iterator<Item = &'t str> + Clone + use<'t> {
        let skipped = usize::from(!looks_like_ipv4(self.word));
        let (whole, parts) = if skipped == 0 { (Some(self.word), "") } else { (None, self.word) };
        whole.into_iter().chain(parts.split("::").skip(1).filter(|part| !part.is_empty()))
    }

    /// Whether it is an IPv6 address without `IPv6addr::` before it, of which the beginning would count as the script.
    pub fn is_bare_ipv6(&self) -> bool {
        AddressSpec::parse(self.word).is_ok_and(|spec| spec.addr.is_ipv6())
    }

    /// The address, if the resource is one: a bare IPv4 address or the argument of `IPaddr`, `IPaddr2` or `IPv6addr`.
    /// `None` for any other script.
    pub fn address(&self) -> Option<Result<AddressSpec<'t>, AddressError>> {
        let wants_ipv6 = match self.script() {
            "IPaddr" | "IPaddr2" => false,
            "IPv6addr" => true,
            _ => return None,
        };
        // An IPv6 address may itself have two colons, so the argument is all text after the script.
        let argument = if looks_like_ipv4(self.word) {
            self.word
        } else {
            self.word.split_once("::").map_or("", |(_, argument)| argument)
        };
        Some(
            AddressSpec::parse(argument).and_then(|spec| {
                if spec.addr.is_ipv6() == wants_ipv6 { Ok(spec) } else { Err(AddressError::BadAddress) }
            }),
        )
    }
}

/// The parts of a physical line.
struct PhysicalLine<'t> {
    /// Its words: no comment, no backslash at the end.
    words: &'t [u8],
    /// Whether the next line continues it.
    continues: bool,
    /// Whether it has a comment.
    comment: bool,
}

fn physical_line(line: &[u8]) -> PhysicalLine<'_> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let before = line.split(|byte| *byte == b'#').next().unwrap_or_default();
    let comment = before.len() < line.len();
    match before.strip_suffix(b"\\") {
        Some(words) => PhysicalLine { words, continues: true, comment },
        None => PhysicalLine { words: before, continues: false, comment },
    }
}

struct Parser<'p, 't, 'c> {
    result: HaResources<'t>,
    report: Reporter<'p, 't>,
    /// The configuration with the nodes that may stand before a group; `None` allows any.
    ha_cf: Option<&'c HaCf<'c>>,
}

impl<'t> Parser<'_, 't, '_> {
    #[cold]
    fn run(&mut self, file: &'t [u8]) {
        let file = after_byte_order_mark(file, &mut self.report);
        let mut rest = file;
        let mut continued = false;
        for (number, line) in lines(file) {
            let physical = physical_line(line);
            match text(number, physical.words) {
                Err((at, kind)) => self.report.error(at, kind),
                Ok(token) if continued => self.continuation(token, physical.comment),
                Ok(token) => self.logical_line(token, rest),
            }
            continued = physical.continues;
            rest = rest.get(line.len().saturating_add(1)..).unwrap_or_default();
        }
        self.keys();
    }

    /// A line that begins a group; `rest` is the file from this line on.
    fn logical_line(&mut self, line: Token<'t>, rest: &'t [u8]) {
        self.note_non_breaking_space(line);
        let Some((node, _)) = line.split_first(BLANKS) else { return };
        let before_body = usize::try_from(node.at.column).unwrap_or(usize::MAX).saturating_sub(1);
        let body = rest.get(before_body.saturating_add(node.text.len())..).unwrap_or_default();
        let group = Group { node: node.text, at: node.at, body: logical_body(body) };
        if self.ha_cf.is_some_and(|ha_cf| !ha_cf.may_be_member(node.text)) {
            return self.report.error(node.at, ProblemKind::BadResourceNode { word: node.text });
        }
        self.addresses(group);
        let capacity = self.result.groups.capacity();
        if self.result.groups.push(group).is_err() {
            self.report.error(node.at, ProblemKind::TableFull { table: Table::Groups, capacity });
        }
    }

    fn continuation(&mut self, line: Token<'t>, comment: bool) {
        self.note_non_breaking_space(line);
        if comment {
            self.report.warning(line.at.right(line.text.len()), ProblemKind::CommentInContinuation);
        }
    }

    fn note_non_breaking_space(&mut self, line: Token<'t>) {
        if let Some(place) = line.text.find(NON_BREAKING_SPACE) {
            self.report.warning(line.at.right(place), ProblemKind::NonBreakingSpace);
        }
    }

    fn addresses(&mut self, group: Group<'t>) {
        if group.key().is_none() {
            self.report.warning(group.at, ProblemKind::EmptyGroup);
        }
        for resource in group.resources() {
            let text = resource.word;
            match resource.address() {
                Some(Err(error)) => self.report.warning(resource.at, ProblemKind::BadAddress { text, error }),
                Some(Ok(AddressSpec { addr: IpAddr::V6(addr), .. })) if resource.args().nth(1).is_some() => {
                    self.report.info(resource.at, ProblemKind::ShortenedIpv6 { text, addr });
                }
                None if resource.is_bare_ipv6() => self.report.warning(resource.at, ProblemKind::BareIpv6 { text }),
                _ => {}
            }
        }
    }

    /// Warns of a group whose key also stands in an earlier group: 3.0.6 would start both as one.
    fn keys(&mut self) {
        for (place, group) in self.result.groups.iter().enumerate() {
            let Some(key) = group.key() else { continue };
            let earlier = self.result.groups.iter().take(place);
            if earlier.flat_map(Group::resources).any(|resource| resource.word == key.word) {
                self.report.warning(key.at, ProblemKind::DuplicateResource { word: key.word });
            }
        }
    }
}

/// `rest` up to the end of the logical line that it begins with.
fn logical_body(rest: &[u8]) -> &[u8] {
    let mut end = 0usize;
    for line in rest.split(|byte| *byte == b'\n') {
        end = end.saturating_add(line.len());
        if !physical_line(line).continues {
            break;
        }
        end = end.saturating_add(1);
    }
    rest.get(..end).unwrap_or(rest)
}

#[cfg(test)]
mod tests;
