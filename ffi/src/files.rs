//! Makes a cluster from the texts of `ha.cf`, `authkeys`, `haresources` and `hbcore.cf`.

use core::ffi::{c_char, c_void};

use engine::config::{AuthKeys, File, HaCf, HaResources, HbcoreCf, MessageFormat, Problem, Problems, Severity};
use engine::id::{Generation, NodeId, Uuid};
use engine::takeover::EFFECT_LIMIT;
use engine::time::Instant;
use engine::wire::Keys;
use engine::{Config, GroupConfig, LinkForm, NodeConfig};
use heapless::Vec;

use crate::cluster::Engine;
use crate::config::{flag, seed};
use crate::edge::{Checked, HbCluster, bytes, c_text, call, establish, output, sized_input, view, with};
use crate::limits::{HB_GROUPS, HB_KEYS, HB_LINKS, HB_NAME_MAX, HB_NODES};
use crate::result::HbResult;
use crate::text::{HbText, display};

/// The most problems of one file that are stored; further ones are only counted, as errors.
const PROBLEMS: usize = 32;

/// The texts of a configuration, and further values that a node needs. The files need no NUL at their end. Reading them
/// takes some 250 kB of stack: a microcontroller uses `hb_config_t`.
///
/// The library acts on nodes, keys, media, times, the speed of serial lines, `auto_failback`, `autojoin`, `hopfudge`,
/// `msgfmt`, `crm` and `heartbeat_format`. It checks all other directives too; the program may act on them: logs,
/// fencing, time limits of scripts.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbFiles {
    /// `sizeof(hb_files_t)`: the version of this structure.
    pub size: u32,
    /// 1: resource groups are managed. 0: this node only watches.
    pub manage_resources: u32,
    /// Our node name, from `uname -n`: one of the nodes in `ha.cf`.
    pub local_name: *const c_char,
    /// `ha.cf`
    pub ha_cf: HbText,
    /// `authkeys`
    pub authkeys: HbText,
    /// `haresources`; may be empty.
    pub haresources: HbText,
    /// `hbcore.cf`; may be empty.
    pub hbcore_cf: HbText,
    /// A number that is larger at each start of this node than ever before.
    pub generation: u64,
    /// Seeds the generator of random delays; should differ between nodes. 0: derived from the generation and our place
    /// in `ha.cf`.
    pub seed: u64,
    /// Our identity: made at random once, and kept.
    pub uuid: [u8; 16],
    /// 1: this program can fence nodes, as with `hb_config_t`.
    pub fencing: u32,
}

/// A file of the configuration.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbFile {
    /// `ha.cf`
    HaCf = 0,
    /// `authkeys`
    Authkeys = 1,
    /// `haresources`
    Haresources = 2,
    /// `hbcore.cf`
    HbcoreCf = 3,
}

/// The severity of a problem.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbSeverity {
    /// No cluster can be made.
    Error = 0,
    /// A cluster can be made, but probably not the intended one.
    Warning = 1,
    /// Worth knowing.
    Info = 2,
}

/// A problem of a file.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbProblem {
    /// The file: an `hb_file_t`.
    pub file: u32,
    /// The severity: an `hb_severity_t`.
    pub severity: u32,
    /// The line, counted from 1; 0 if the file as a whole lacks something.
    pub line: u32,
    /// The byte in the line, counted from 1.
    pub column: u32,
    /// The problem, with a NUL.
    pub message: [c_char; 160],
    /// The remedy, with a NUL.
    pub help: [c_char; 240],
}

/// The configuration that was read from all files.
pub(crate) struct Site<'t> {
    local: NodeId,
    pub(crate) ha_cf: HaCf<'t>,
    keys: AuthKeys<'t>,
    pub(crate) resources: HaResources<'t>,
    extensions: HbcoreCf<'t>,
}

/// The texts as slices.
pub(crate) struct Texts<'t> {
    local_name: &'t str,
    pub(crate) ha_cf: &'t [u8],
    authkeys: &'t [u8],
    haresources: &'t [u8],
    hbcore_cf: &'t [u8],
}

impl<'t> Texts<'t> {
    pub(crate) fn of(files: &HbFiles) -> Checked<Self> {
        let text = |text: &HbText| bytes(text.data.cast(), text.len);
        Ok(Self {
            local_name: c_text(files.local_name, HB_NAME_MAX)?,
            ha_cf: text(&files.ha_cf)?,
            authkeys: text(&files.authkeys)?,
            haresources: text(&files.haresources)?,
            hbcore_cf: text(&files.hbcore_cf)?,
        })
    }

    /// Reads all files and passes each problem to `tell`.
    fn read(&self, tell: &mut dyn FnMut(&Problem<'t>)) -> Option<Site<'t>> {
        let mut problems = Problems::<PROBLEMS>::new();
        let ha_cf = HaCf::parse(self.ha_cf, self.local_name, &mut problems);
        let resources = HaResources::parse(self.haresources, ha_cf.partial(), &mut problems);
        let keys = AuthKeys::parse(self.authkeys, &mut problems);
        let extensions = HbcoreCf::parse(self.hbcore_cf, &mut problems);
        problems.iter().for_each(tell);
        let ha_cf = ha_cf.checked()?;
        let local = ha_cf.node_id(self.local_name)?;
        Some(Site {
            local,
            ha_cf,
            keys: keys.checked()?,
            resources: resources.checked()?,
            extensions: extensions.checked()?,
        })
    }

    /// The configuration, if no file has errors.
    pub(crate) fn good(&self) -> Checked<Site<'t>> {
        self.read(&mut |_| {}).ok_or(HbResult::BadFiles)
    }
}

/// Makes a cluster in `storage` from files, like `hb_cluster_init`. Its links are the media of `ha.cf` in their order,
/// its groups the lines of `haresources`.
///
/// Returns `HB_RESULT_BAD_FILES` if a file has errors (see `hb_files_problem`), and `HB_RESULT_TOO_MANY_...` if the
/// files are good but larger than the capacities of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_init_from_files(
    storage: *mut c_void,
    len: usize,
    files: *const HbFiles,
    now_us: u64,
    unix_seconds: u64,
    cluster: *mut *mut HbCluster,
) -> HbResult {
    call(|| {
        output(cluster)?.set(core::ptr::null_mut());
        let files = sized_input(files)?;
        let made = build(storage, len, &files, Instant::from_micros(now_us), unix_seconds)?;
        output(cluster)?.set(made);
        Ok(())
    })
}

fn build(
    storage: *mut c_void,
    len: usize,
    files: &HbFiles,
    now: Instant,
    unix_seconds: u64,
) -> Checked<*mut HbCluster> {
    let site = Texts::of(files)?.good()?;
    let nodes = site.nodes(Uuid(files.uuid))?;
    let links = site.links()?;
    let groups = site.groups()?;
    let ha_cf = &site.ha_cf;
    let config = Config {
        local: site.local,
        nodes: &nodes,
        links: &links,
        groups: &groups,
        manage_resources: flag(files.manage_resources)? && ha_cf.pacemaker.mode.uses_haresources(),
        fencing: flag(files.fencing)?,
        resume: None,
        introduction: None,
        timing: ha_cf.timing,
        auto_failback: ha_cf.auto_failback,
        hopfudge: ha_cf.protocol.hopfudge,
        autojoin: ha_cf.protocol.autojoin,
        heartbeat: site.extensions.heartbeat_format,
        auth_field: ha_cf.protocol.message_format == MessageFormat::Classic,
        generation: Generation(files.generation),
        effect_limit: EFFECT_LIMIT,
        seed: seed(files.seed, files.generation, u32::from(site.local.0)),
    };
    let keys = site.keys.table()?;
    establish(storage, len, &links, |place| Engine::new_in(place, &config, keys, now, unix_seconds))
}

impl Site<'_> {
    fn nodes(&self, own_uuid: Uuid) -> Checked<Vec<NodeConfig, HB_NODES>> {
        let mut nodes = Vec::new();
        for (id, node) in (0..).map(NodeId).zip(&self.ha_cf.nodes) {
            let uuid = if id == self.local { own_uuid } else { Uuid::NIL };
            let config = NodeConfig { name: node.name.clone(), kind: node.kind, uuid };
            nodes.push(config).map_err(|_| HbResult::TooManyNodes)?;
        }
        Ok(nodes)
    }

    fn links(&self) -> Checked<Vec<LinkForm, HB_LINKS>> {
        let mut links = Vec::new();
        for line in &self.ha_cf.media {
            links.push(self.ha_cf.link_form(&line.medium)).map_err(|_| HbResult::TooManyLinks)?;
        }
        Ok(links)
    }

    /// The groups. The legacy protocol names them by their first resource.
    fn groups(&self) -> Checked<Vec<GroupConfig<'_>, HB_GROUPS>> {
        let mut groups = Vec::new();
        for group in &self.resources.groups {
            let home = self.ha_cf.node_id(group.node).ok_or(HbResult::BadFiles)?;
            let key = group.key().map_or("", |key| key.word);
            groups.push(GroupConfig { key, ..GroupConfig::at(home) }).map_err(|_| HbResult::TooManyGroups)?;
        }
        Ok(groups)
    }
}

/// The keys in a text of `authkeys`.
pub(crate) fn parse_keys<const ENTRIES: usize>(text: &[u8]) -> Checked<Keys<ENTRIES>> {
    let mut problems = Problems::<1>::new();
    Ok(AuthKeys::parse(text, &mut problems).checked().ok_or(HbResult::BadFiles)?.table()?)
}

/// Replaces the keys by those in the text of `authkeys`. Returns `HB_RESULT_BAD_FILES` if it has errors; the old keys
/// stay then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_set_authkeys(
    cluster: *mut HbCluster,
    authkeys: *const c_char,
    len: usize,
) -> HbResult {
    call(|| {
        let keys = parse_keys::<HB_KEYS>(bytes(authkeys.cast(), len)?)?;
        with(cluster, |body| Ok(body.engine.set_keys(keys)?))
    })
}

/// Returns problem number `index` of the files, those of `ha.cf` first; `HB_RESULT_NOTHING` if there are fewer. `size`
/// is `sizeof *problem`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_files_problem(
    files: *const HbFiles,
    index: usize,
    problem: *mut HbProblem,
    size: usize,
) -> HbResult {
    call(|| {
        let place = view(problem, size)?;
        let files = sized_input(files)?;
        let (mut left, mut found) = (index, None);
        let _ = Texts::of(&files)?.read(&mut |problem| {
            if left == 0 && found.is_none() {
                found = Some(describe(problem));
            }
            left = left.saturating_sub(1);
        });
        place.set(found.ok_or(HbResult::Nothing)?);
        Ok(())
    })
}

fn describe(problem: &Problem<'_>) -> HbProblem {
    HbProblem {
        file: match problem.file {
            File::HaCf => HbFile::HaCf,
            File::AuthKeys => HbFile::Authkeys,
            File::HaResources => HbFile::Haresources,
            File::HbcoreCf => HbFile::HbcoreCf,
        } as u32,
        severity: match problem.severity {
            Severity::Error => HbSeverity::Error,
            Severity::Warning => HbSeverity::Warning,
            Severity::Info => HbSeverity::Info,
        } as u32,
        line: problem.at.map_or(0, |at| at.line),
        column: problem.at.map_or(0, |at| at.column),
        message: display(problem.kind),
        help: display(problem.kind.help()),
    }
}
