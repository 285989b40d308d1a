//! The small programs that administrators and scripts call: those of 3.0.6 in `/usr/share/heartbeat`
//! (docs/protocol/resources.md 7.5, 8.3, 2.4), with its texts and exit codes.
//!
//! Unlike in 3.0.6, no tool waits for a daemon that does not run, and none leaves a plain file in the place of the
//! FIFO.

mod context;
mod groups;
mod log;
mod mach_down;
mod nodes;
mod req_resource;
mod resource_manager;
mod send;
mod standby;

use crate::companions::Companion;
use crate::sys::signal::ignore_file_size_limit;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

pub use context::Context;
pub use send::{SendError, send};

/// A tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// `hb_standby`
    Standby,
    /// `hb_takeover`
    Takeover,
    /// `hb_addnode`
    AddNode,
    /// `hb_delnode`
    DelNode,
    /// `hb_setweight`
    SetWeight,
    /// `hb_setsite`
    SetSite,
    /// `mach_down`
    MachDown,
    /// `req_resource`
    ReqResource,
    /// `ResourceManager`
    ResourceManager,
}

impl Tool {
    /// All tools.
    pub const ALL: [Self; 9] = [
        Self::Standby,
        Self::Takeover,
        Self::AddNode,
        Self::DelNode,
        Self::SetWeight,
        Self::SetSite,
        Self::MachDown,
        Self::ReqResource,
        Self::ResourceManager,
    ];

    /// The name of its program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standby => "hb_standby",
            Self::Takeover => "hb_takeover",
            Self::AddNode => "hb_addnode",
            Self::DelNode => "hb_delnode",
            Self::SetWeight => "hb_setweight",
            Self::SetSite => "hb_setsite",
            Self::MachDown => "mach_down",
            Self::ReqResource => "req_resource",
            Self::ResourceManager => "ResourceManager",
        }
    }

    fn run(self, context: &Context, words: &[String]) -> Answer {
        match self {
            Self::Standby => standby::standby(context, words),
            Self::Takeover => standby::takeover(context, words),
            Self::AddNode | Self::DelNode => nodes::list(self, context, words),
            Self::SetWeight | Self::SetSite => nodes::set(self, context, words),
            Self::MachDown => mach_down::run(context, words),
            Self::ReqResource => req_resource::run(context, words),
            Self::ResourceManager => resource_manager::run(context, words),
        }
    }
}

/// The output of a tool at its end, and its exit code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Answer {
    stdout: String,
    stderr: String,
    code: u8,
}

impl Answer {
    const fn code(code: u8) -> Self {
        Self { stdout: String::new(), stderr: String::new(), code }
    }

    /// The end of a tool that writes one message.
    fn sent(context: &Context, result: Result<(), SendError>) -> Self {
        result.map_or_else(|error| Self::failed(context, &error), |()| Self::default())
    }

    fn failed(context: &Context, error: &SendError) -> Self {
        Self { stderr: format!("{}: {error}\n", context.program), code: 1, ..Self::default() }
    }
}

/// The main function of one tool; `arguments` begins with the program's name.
pub fn main(tool: Tool, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    begin(tool, arguments, 0)
}

/// The main function of a tool that is a command of `hb`: it ends with 1 if the daemon refuses the order.
pub fn main_of_hb(tool: Tool, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    begin(tool, std::iter::once(tool.name().into()).chain(arguments), 1)
}

fn begin(tool: Tool, arguments: impl IntoIterator<Item = OsString>, refused: u8) -> ExitCode {
    ignore_file_size_limit();
    let mut arguments = arguments.into_iter();
    let program = arguments.next().unwrap_or_else(|| tool.name().into());
    match Context::new(&program, arguments) {
        Ok((context, words)) => print(&tool.run(&Context { refused, ..context }, &words)),
        Err(message) => print(&Answer { stderr: message, code: 1, ..Answer::default() }),
    }
}

/// The main function of the program that is all tools: the name by which it was called tells which one, or else its
/// first word.
pub fn main_of_all(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    ignore_file_size_limit();
    let mut arguments = arguments.into_iter().peekable();
    let called = |word: &OsString| {
        let name = Path::new(word).file_name();
        Tool::ALL.into_iter().find(|tool| name.is_some_and(|name| name == tool.name()))
    };
    let companion = |word: &OsString| {
        let name = Path::new(word).file_name();
        Companion::ALL.into_iter().find(|companion| name.is_some_and(|name| name == companion.name()))
    };
    if let Some(companion) = arguments.peek().and_then(companion) {
        return companion.main(arguments.skip(1));
    }
    if let Some(tool) = arguments.peek().and_then(called) {
        return main(tool, arguments);
    }
    let _ = arguments.next();
    if let Some(companion) = arguments.peek().and_then(companion) {
        return companion.main(arguments.skip(1));
    }
    if let Some(tool) = arguments.peek().and_then(called) {
        return main(tool, arguments);
    }
    let names = Tool::ALL.iter().map(|tool| tool.name());
    let names: Vec<_> = names.chain(Companion::ALL.iter().map(|companion| companion.name())).collect();
    print(&Answer { stderr: format!("usage: hb_tool {} ...\n", names.join("|")), code: 2, ..Answer::default() })
}

fn print(answer: &Answer) -> ExitCode {
    let written = io::stdout().write_all(answer.stdout.as_bytes());
    // If this fails, there is no way left to report it.
    let _ = io::stderr().write_all(answer.stderr.as_bytes());
    ExitCode::from(if written.is_err() { 1 } else { answer.code })
}
