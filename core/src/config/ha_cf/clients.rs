//! The directives that take their whole line: clients, children and fencing (docs/protocol/files.md 6).

use super::Directive;
use super::parse::Parser;
use crate::config::lexer::{BLANKS, Token};
use crate::config::problem::{ApiAuthFault, Table};
use crate::config::{Position, ProblemKind};

/// The longest name of a client in bytes.
const CLIENT_NAME_MAX: usize = 31;

/// The users who may sign on as a client, from `apiauth`. A user needs to be in one of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiAuth<'t> {
    /// The client; `default` is any unlisted named client, `anon` any client without a name.
    pub client: &'t str,
    /// The place where the line's arguments begin.
    pub at: Position,
    /// The arguments as typed.
    pub line: &'t str,
    uids: Option<Token<'t>>,
    gids: Option<Token<'t>>,
}

impl<'t> ApiAuth<'t> {
    /// The users, names or numbers, each with its place; none if `uid=` is missing or empty.
    pub fn users(&self) -> impl Iterator<Item = (&'t str, Position)> + use<'t> {
        split_list(self.uids)
    }

    /// The groups, names or numbers, each with its place; none if `gid=` is missing or empty.
    pub fn groups(&self) -> impl Iterator<Item = (&'t str, Position)> + use<'t> {
        split_list(self.gids)
    }

    /// The text of `uid=` and of `gid=`, as typed.
    pub fn lists(&self) -> (Option<&'t str>, Option<&'t str>) {
        (self.uids.map(|list| list.text), self.gids.map(|list| list.text))
    }
}

fn split_list(list: Option<Token<'_>>) -> impl Iterator<Item = (&str, Position)> {
    list.into_iter().flat_map(|list| list.split(&[','])).map(|name| (name.text, name.at))
}

/// A child to run while the daemon runs, from `respawn` or `failfast`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child<'t> {
    /// The user that it runs as: a name.
    pub user: &'t str,
    /// The program and its arguments as typed, for the shell. It begins with an absolute path.
    pub command: &'t str,
    /// The treatment of its death.
    pub on_death: OnDeath,
    /// The place of the user.
    pub at: Position,
    /// The place of the command.
    pub command_at: Position,
}

impl<'t> Child<'t> {
    /// The program: the first word of the command.
    pub fn program(&self) -> &'t str {
        self.command.split(BLANKS).next().unwrap_or_default()
    }
}

/// The treatment of a child's death (docs/protocol/files.md 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDeath {
    /// It is started again, unless its exit status is 100 or it dies too often.
    Respawn,
    /// The machine is rebooted.
    Reboot,
}

/// The fencing device of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stonith<'t> {
    /// The type of device, such as `external/ipmi`.
    pub device_type: &'t str,
    /// The parameters for reaching it.
    pub parameters: StonithParameters<'t>,
    /// The place of the type.
    pub at: Position,
    /// The place of the file or the parameters; that of the type if there are none.
    pub parameters_at: Position,
}

/// The parameters for reaching a fencing device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StonithParameters<'t> {
    /// They stand in a file (`stonith`).
    File(&'t str),
    /// They stand on the line (`stonith_host`), as typed; may be empty.
    Line(&'t str),
}

impl<'t> Parser<'_, 't> {
    /// Reads a directive that takes the whole line: `word` names it, `rest` is the line after it.
    #[cold]
    pub(super) fn whole_line(&mut self, directive: Directive, word: Token<'t>, rest: Token<'t>) {
        let result = match directive {
            Directive::Apiauth => self.api_auth(word, rest),
            Directive::Stonith => self.stonith(word, rest),
            Directive::StonithHost => self.stonith_host(word, rest),
            Directive::Failfast => self.child(OnDeath::Reboot, word, rest),
            _ => self.child(OnDeath::Respawn, word, rest),
        };
        if let Err((at, kind)) = result {
            self.report.error(at, kind);
        }
    }

    fn api_auth(&mut self, word: Token<'t>, rest: Token<'t>) -> Result<(), (Position, ProblemKind<'t>)> {
        if rest.text.is_empty() {
            return Err((word.at, ProblemKind::ApiAuth { line: "", fault: ApiAuthFault::Incomplete }));
        }
        let entry = read_api_auth(rest).map_err(|(at, fault)| (at, ProblemKind::ApiAuth { line: rest.text, fault }))?;
        if self.result.api_auth.iter().any(|known| known.client == entry.client) {
            let fault = ApiAuthFault::DuplicateClient(entry.client);
            return Err((rest.at, ProblemKind::ApiAuth { line: rest.text, fault }));
        }
        let capacity = self.result.api_auth.capacity();
        let full = ProblemKind::TableFull { table: Table::ApiAuth, capacity };
        self.result.api_auth.push(entry).map_err(|_| (rest.at, full))
    }

    #[cold]
    fn child(
        &mut self,
        on_death: OnDeath,
        word: Token<'t>,
        rest: Token<'t>,
    ) -> Result<(), (Position, ProblemKind<'t>)> {
        let (user, command) = rest.split_first(BLANKS).ok_or((word.at, ProblemKind::NoUser))?;
        let command = command.trim();
        if command.text.is_empty() && user.text.contains('/') {
            return Err((user.at, ProblemKind::UserRunsIntoCommand { user: user.text }));
        }
        let child = Child { user: user.text, command: command.text, on_death, at: user.at, command_at: command.at };
        if !child.command.starts_with('/') {
            let at = if command.text.is_empty() { user.at } else { command.at };
            return Err((at, ProblemKind::CommandNotFullPathname { command: child.program() }));
        }
        let capacity = self.result.children.capacity();
        let full = ProblemKind::TableFull { table: Table::Children, capacity };
        self.result.children.push(child).map_err(|_| (user.at, full))
    }

    fn stonith(&mut self, word: Token<'t>, rest: Token<'t>) -> Result<(), (Position, ProblemKind<'t>)> {
        let (device, rest) = rest.split_first(BLANKS).ok_or((word.at, ProblemKind::NoStonithType))?;
        let (file, _) = rest.split_first(BLANKS).ok_or((device.at, ProblemKind::NoStonithFile))?;
        let parameters = StonithParameters::File(file.text);
        self.result.stonith =
            Some(Stonith { device_type: device.text, parameters, at: device.at, parameters_at: file.at });
        Ok(())
    }

    /// A line for another host is skipped unread, so that all nodes can have the same file.
    fn stonith_host(&mut self, word: Token<'t>, rest: Token<'t>) -> Result<(), (Position, ProblemKind<'t>)> {
        let (host, rest) = rest.split_first(BLANKS).ok_or((word.at, ProblemKind::NoStonithHost))?;
        if host.text != "*" && !host.text.eq_ignore_ascii_case(self.local_name) {
            return Ok(());
        }
        let (device, rest) = rest.split_first(BLANKS).ok_or((host.at, ProblemKind::NoStonithType))?;
        let rest = rest.trim();
        let parameters_at = if rest.text.is_empty() { device.at } else { rest.at };
        let parameters = StonithParameters::Line(rest.text);
        self.result.stonith = Some(Stonith { device_type: device.text, parameters, at: device.at, parameters_at });
        Ok(())
    }
}

/// Reads `CLIENT [uid=U,…] [gid=G,…]`.
fn read_api_auth(line: Token<'_>) -> Result<ApiAuth<'_>, (Position, ApiAuthFault<'_>)> {
    let (client, rest) = line.split_first(BLANKS).ok_or((line.at, ApiAuthFault::Incomplete))?;
    if client.text.len() > CLIENT_NAME_MAX {
        return Err((client.at, ApiAuthFault::NameTooLong));
    }
    let mut entry = ApiAuth { client: client.text, at: line.at, line: line.text, uids: None, gids: None };
    for word in rest.split(BLANKS) {
        let (slot, text, duplicate) = if let Some(list) = word.text.strip_prefix("uid=") {
            (&mut entry.uids, list, ApiAuthFault::DuplicateUid)
        } else if let Some(list) = word.text.strip_prefix("gid=") {
            (&mut entry.gids, list, ApiAuthFault::DuplicateGid)
        } else {
            return Err((word.at, ApiAuthFault::NeitherUidNorGid));
        };
        let list = Token { text, at: word.at.right(word.text.len().saturating_sub(text.len())) };
        if slot.replace(list).is_some() {
            return Err((word.at, duplicate));
        }
    }
    match (entry.uids, entry.gids) {
        (None, None) => Err((line.at, ApiAuthFault::Incomplete)),
        _ => Ok(entry),
    }
}
