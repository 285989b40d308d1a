//! `hb demo`: a cluster of two nodes and a client on this machine, and the effects of power cuts on it.
//!
//! Everything happens in network namespaces that this process makes, with files in memory. The kernel removes all of it
//! when the process ends, for whatever reason. Begin reading with `story.rs`.

mod client;
mod files;
mod machine;
mod network;
mod page;
mod picture;
mod role;
mod stop;
mod story;
mod timing;
mod wiring;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

pub use self::role::{ROLE, play};

use self::page::Page;
use self::stop::{Doing, Stop};
use self::story::Story;
use crate::sys::namespace::isolate;
use crate::terminal::complain;

/// The number of power cuts if the user gives none.
pub const CUTS: u32 = 5;

/// Runs the demonstration with `cuts` power cuts, at least one. Writes its timeline to standard output, and a drawing
/// of the first failover to the file `drawing`.
///
/// The exit code is 0 if the address moved and came back each time, 1 if it did not, 4 if the system does not permit
/// namespaces, and 128 and the signal's number after a signal. Call it while the process has one thread, and end the
/// process afterwards: it has left the network it was in.
pub fn run(cuts: u32, drawing: Option<&Path>) -> ExitCode {
    match perform(cuts.max(1), drawing) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            complain(format_args!("hb demo: {stop}"));
            if let Some(help) = stop.help() {
                complain(format_args!("  help: {help}"));
            }
            ExitCode::from(stop.exit_code())
        }
    }
}

fn perform(cuts: u32, drawing: Option<&Path>) -> Result<(), Stop> {
    // Opened before this process leaves the file system that it was started in.
    let drawing = drawing.map(File::create).transpose().map_err(Stop::refused(Doing::Draw))?;
    let signals = story::listen()?;
    let rights = isolate().map_err(Stop::refused(Doing::Isolate))?;
    let directory = files::in_memory().map_err(Stop::refused(Doing::MakeFiles))?;
    let mut story = Story::prepare(Page::new(), signals, &directory)?;
    let told = story.tell(cuts, rights);
    if told.as_ref().is_err_and(Stop::is_of_the_cluster) {
        story.last_words().iter().for_each(|line| complain(format_args!("  {line}")));
    }
    told?;
    let write = |mut file: File| file.write_all(story.drawing().as_bytes());
    drawing.map_or(Ok(()), write).map_err(Stop::refused(Doing::Draw))
}
