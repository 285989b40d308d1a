//! The configuration folder: reads the files, lets core parse them, and checks what depends on this machine.
//!
//! One run finds all problems of all files, see [`Loaded`]. [`check_report`] prints them for people. It reads files and
//! looks up names, so nothing of it belongs on the heartbeat path.

mod dump;
mod environment;
mod finding;
mod render;
mod sources;

use std::io::{self, Write};
use std::path::Path;

use hbcore::config::{AuthKeys, File, HaCf, HaResources, HbcoreCf, Logging, Medium, ProblemKind, Problems, Severity};
use hbcore::id::NodeName;

use crate::terminal::counted;

pub(crate) use self::environment::installed_program;

pub use self::dump::{dump_defaults, dump_effective};
pub use self::finding::Finding;
pub use self::render::render;
pub use self::sources::Sources;

/// Exit code of a daemon that did not start because of its configuration.
pub const EXIT_CONFIGURATION: u8 = 6;

/// Exit code for a command that this user may not give (docs/protocol/files.md 15.2).
pub const EXIT_NOT_PERMITTED: u8 = 4;

/// The largest number of kept problems of one file; the count of the others is shown.
const PROBLEMS_MAX: usize = 128;

/// A configuration without errors.
#[derive(Clone, Debug)]
pub struct Configuration<'t> {
    /// The name of this node.
    pub local_name: NodeName,
    /// `ha.cf`.
    pub ha_cf: HaCf<'t>,
    /// `authkeys`.
    pub keys: AuthKeys<'t>,
    /// `haresources`; empty if Pacemaker manages the resources.
    pub resources: HaResources<'t>,
    /// `hbcore.cf`.
    pub extensions: HbcoreCf<'t>,
}

/// The result of reading a configuration folder.
#[derive(Debug)]
pub struct Loaded<'t> {
    /// The configuration; `None` if there are errors.
    pub configuration: Option<Box<Configuration<'t>>>,
    /// All problems, file by file in the order of the lines.
    pub findings: Vec<Finding>,
    /// The destinations of log lines, as far as they could be read: a start that fails is logged there too.
    pub logging: Logging<'t>,
    /// The number of problems that found no room in [`Loaded::findings`].
    pub omitted: u32,
    /// Whether there is a file that this user may not read.
    pub denied: bool,
}

impl Loaded<'_> {
    /// The exit code of a daemon that does not start because of this.
    pub fn exit_code(&self) -> u8 {
        if self.denied { EXIT_NOT_PERMITTED } else { EXIT_CONFIGURATION }
    }

    /// The closing lines of 3.0.6: one for each failed stage, then one for the whole. Empty without errors.
    pub fn closing_lines(&self) -> Vec<&'static str> {
        if self.configuration.is_some() {
            return Vec::new();
        }
        let failed = |file| self.findings.iter().any(|f| f.file == file && f.severity == Severity::Error);
        let stages = [
            (File::HaCf, "Heartbeat not started: configuration error."),
            (File::AuthKeys, "Authentication configuration error."),
        ];
        let lines = stages.into_iter().filter(|(file, _)| failed(*file)).map(|(_, line)| line);
        lines.chain(["Configuration error, heartbeat not started."]).collect()
    }
}

/// Reads and checks the folder `dir`. The texts live as long as the process, a few kilobytes for each call.
#[cold]
pub fn load(dir: &Path) -> Loaded<'static> {
    let sources: &'static Sources = Box::leak(Box::new(Sources::read(dir)));
    load_sources(sources)
}

/// Checks files that were already read.
#[cold]
pub fn load_sources(sources: &Sources) -> Loaded<'_> {
    let mut problems = Problems::<PROBLEMS_MAX>::new();
    let local = sources.local_name();
    let ha_cf = HaCf::parse(sources.text(File::HaCf), local, &mut problems);
    let keys = AuthKeys::parse(sources.text(File::AuthKeys), &mut problems);
    let resources = HaResources::parse(sources.resources(ha_cf.partial()), ha_cf.partial(), &mut problems);
    let extensions = HbcoreCf::parse(sources.text(File::HbcoreCf), &mut problems);

    let mut findings = sources.missing_files(ha_cf.partial());
    let unread: Vec<File> = findings.iter().map(|finding| finding.file).collect();
    // "Nothing is in it" is no news about a file that could not be read.
    let parsed = problems.iter().filter(|problem| !unread.contains(&problem.file));
    // Only the peer is at the other end of a serial line.
    let is_cabled = is_cabled(ha_cf.partial());
    let parsed = parsed.filter(|problem| !is_cabled || problem.kind != ProblemKind::CrcAuthenticatesNobody);
    findings.extend(parsed.map(|problem| sources.finding(problem)));
    findings.extend(environment::check(sources, ha_cf.partial(), resources.partial(), extensions.partial()));
    findings.sort_by_key(|finding| (finding.file, finding.at.is_none(), finding.at));

    let logging = ha_cf.partial().logging;
    let sound = problems.errors() == 0 && findings.iter().all(|finding| finding.severity != Severity::Error);
    let configuration = sound.then(|| {
        Some(Box::new(Configuration {
            local_name: NodeName::new(local).ok()?,
            ha_cf: ha_cf.checked()?,
            keys: keys.checked()?,
            resources: resources.checked()?,
            extensions: extensions.checked()?,
        }))
    });
    let (omitted, denied) = (problems.omitted(), sources.is_denied());
    Loaded { configuration: configuration.flatten(), logging, findings, omitted, denied }
}

/// Whether all nodes are connected by serial lines alone.
fn is_cabled(ha_cf: &HaCf<'_>) -> bool {
    let mut media = ha_cf.media.iter().map(|line| line.medium).filter(|medium| !medium.is_ping()).peekable();
    media.peek().is_some() && media.all(|medium| matches!(medium, Medium::Serial { .. }))
}

/// Checks the folder `dir`, writes all problems to `out` and returns the exit code of a daemon started with it: 0, or
/// [`Loaded::exit_code`].
pub fn check_report(dir: &Path, out: &mut impl Write) -> io::Result<u8> {
    check_report_with(dir, out, |_| Vec::new())
}

/// [`check_report`], and a warning about `haresources` for each sentence of `more`, which is asked only about a good
/// configuration.
pub fn check_report_with(
    dir: &Path,
    out: &mut impl Write,
    more: impl FnOnce(&Configuration<'_>) -> Vec<String>,
) -> io::Result<u8> {
    let sources = Sources::read(dir);
    let loaded = load_sources(&sources);
    render(&loaded, out)?;
    match &loaded.configuration {
        Some(configuration) => {
            let nodes = configuration.ha_cf.members().count();
            let (media, groups) = (configuration.ha_cf.media.len(), configuration.resources.groups.len());
            let nodes = counted(nodes as u64, "node", "nodes");
            let media = counted(media as u64, "medium", "media");
            let groups = counted(groups as u64, "resource group", "resource groups");
            writeln!(out, "{}: good: {nodes}, {media}, {groups}", dir.display())?;
            let haresources = dir.join("haresources");
            for line in more(configuration) {
                writeln!(out, "{}: warning: {line}", haresources.display())?;
            }
            Ok(0)
        }
        None => Ok(loaded.exit_code()),
    }
}
