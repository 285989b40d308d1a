//! Makes a cluster from a plain structure.

use core::ffi::{c_char, c_void};

use engine::id::{Generation, NodeId, NodeName, Uuid};
use engine::takeover::{EFFECT_LIMIT, KEY_MAX};
use engine::time::{Duration, Instant};
use engine::wire::{Keys, Method};
use engine::{AutoFailback, Autojoin, Config, GroupConfig, HeartbeatFormat, LinkForm, NodeConfig, NodeKind, Timing};
use heapless::Vec;

use crate::cluster::Engine;
use crate::edge::{Checked, HbCluster, array, c_ascii, c_bytes, call, establish, output, sized_input, view};
use crate::limits::{HB_GROUPS, HB_KEYS, HB_LINKS, HB_NAME_MAX, HB_NODES, HB_SECRET_MAX};
use crate::result::HbResult;

/// The kind of a node.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbNodeKind {
    /// A member of the cluster.
    Member = 0,
    /// A host that only answers pings.
    Ping = 1,
    /// A member that was removed from the cluster while this node ran.
    Removed = 2,
}

/// The form in which a link carries messages.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbLinkForm {
    /// One message in each datagram: for `hb_cluster_handle`.
    Datagram = 0,
    /// A stream of bytes: for `hb_cluster_feed`.
    Serial = 1,
    /// Echo requests to a ping node; the payload of its replies is for `hb_cluster_handle`.
    Ping = 2,
}

/// The method that signs messages.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbMethod {
    /// A checksum: it finds damage, and stops no attacker.
    Crc = 0,
    /// HMAC-MD5.
    Md5 = 1,
    /// HMAC-SHA1.
    Sha1 = 2,
}

/// The policy when the home of a group returns.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbFailback {
    /// The home gets the group back.
    On = 0,
    /// The group stays with its owner.
    Off = 1,
    /// The older protocol, which is the default of 3.0.6. Either all nodes must have it, or none.
    Legacy = 2,
}

/// The form of a periodic heartbeat. Every node understands both.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbHeartbeat {
    /// At most 150 bytes.
    Compact = 0,
    /// All fields that 3.0.6 sends.
    Full = 1,
}

/// A node of the configuration.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbNodeConfig {
    /// Its name, which is `uname -n` on that node; at most `HB_NAME_MAX` bytes and a NUL.
    pub name: *const c_char,
    /// Its kind: `HB_NODE_KIND_MEMBER` or `HB_NODE_KIND_PING`.
    pub kind: u32,
    /// Its identity, or zeros if that is not known. Our own must be made at random once, and be kept.
    pub uuid: [u8; 16],
}

/// A link of the configuration.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbLinkConfig {
    /// Its form: an `hb_link_form_t`.
    pub form: u32,
    /// For `HB_LINK_FORM_PING`: the index of the ping node.
    pub node: u32,
    /// For `HB_LINK_FORM_SERIAL`: the speed in bits per second; 0 if it is not known. With a known speed, the library
    /// repeats heartbeats, against noise, while the line has nothing else to carry; retransmissions wait until the line
    /// is free. So poll again at the deadline. The slowest line counts for all.
    pub baud: u32,
}

/// A resource group of the configuration.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbGroupConfig {
    /// Its home: the index of a node.
    pub home: u32,
    /// Its name: the first word of its line in `haresources`, in ASCII; may be NULL. Only `HB_FAILBACK_LEGACY` needs it.
    pub key: *const c_char,
}

/// A key of the cluster.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbKey {
    /// The index by which packets name it: 0 to 15. Of two keys with the same index the later one counts.
    pub index: u32,
    /// Its method: an `hb_method_t`.
    pub method: u32,
    /// The secret, at most `HB_SECRET_MAX` bytes and a NUL; NULL for `HB_METHOD_CRC`.
    pub secret: *const c_char,
}

/// Everything that a cluster must know before it starts. The library keeps no reference to it after the call.
///
/// Begin with `hb_config_defaults`, which also sets `size`. Then set the fields that are marked with a star. All nodes
/// of a cluster should have the same nodes, groups and keys in the same order.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbConfig {
    /// `sizeof(hb_config_t)`: the version of this structure.
    pub size: u32,
    /// (*) The index of this node in `nodes`.
    pub local_node: u32,
    /// (*) All nodes.
    pub nodes: *const HbNodeConfig,
    /// (*) The number of nodes: at most `HB_NODES`.
    pub node_count: usize,
    /// (*) All links. Their indexes are local: other nodes may number their links differently.
    pub links: *const HbLinkConfig,
    /// (*) The number of links: at most `HB_LINKS`, of which `HB_SERIAL_LINKS` serial ones.
    pub link_count: usize,
    /// The resource groups, in the order of `haresources`. May be NULL.
    pub groups: *const HbGroupConfig,
    /// The number of groups: at most `HB_GROUPS`.
    pub group_count: usize,
    /// (*) The keys.
    pub keys: *const HbKey,
    /// (*) The number of keys: at most `HB_KEYS`.
    pub key_count: usize,
    /// (*) The index, as in `hb_key_t`, of the key that signs.
    pub signing_key: u32,
    /// The policy when the home of a group returns: an `hb_failback_t`. Default: the home gets the group back.
    pub auto_failback: u32,
    /// The form of our heartbeats: an `hb_heartbeat_t`. Default: compact.
    pub heartbeat: u32,
    /// 1: resource groups are managed. 0: this node only watches. Default: 1.
    pub manage_resources: u32,
    /// 1: nodes that are not configured may join if their messages are authentic. Default: 0.
    pub autojoin: u32,
    /// The time to live of messages is the number of nodes plus this: 0 to 255. Default: 1.
    pub hopfudge: u32,
    /// 1: this program can fence nodes. Then groups that a dead node may still run are started only after an
    /// `HB_EFFECT_FENCE` was completed as done. 0: silence counts as death. Default: 0.
    pub fencing: u32,
    /// Interval of our heartbeats in microseconds. Default: 2 s.
    pub keepalive_us: u64,
    /// A heartbeat later than this is reported. 0: half of `deadtime_us`, which is the default.
    pub warntime_us: u64,
    /// The others declare this node dead after so long a silence; more than twice `keepalive_us`. Default: 30 s.
    pub deadtime_us: u64,
    /// A node that was not heard since our start is dead after so long a silence. 0: twice `deadtime_us`, the default.
    pub initdead_us: u64,
    /// A ping node is dead after so long a silence. 0: `deadtime_us`, the default.
    pub deadping_us: u64,
    /// The longest delay before a retransmission is requested. Default: 250 ms.
    pub max_rexmit_delay_us: u64,
    /// The longest that an effect may take before it counts as failed. 0: an hour, the default.
    pub effect_limit_us: u64,
    /// A number that is larger at each start of this node than ever before: a counter in persistent memory, or seconds
    /// since 1970.
    pub generation: u64,
    /// Seeds the generator of random delays; should differ between nodes. Default: 0, which derives it from the
    /// generation and `local_node`.
    pub seed: u64,
}

/// Fills `config` with defaults. `size` is `sizeof *config`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_config_defaults(config: *mut HbConfig, size: usize) -> HbResult {
    call(|| {
        let config = view(config, size)?;
        if size != size_of::<HbConfig>() {
            return Err(HbResult::BadLength);
        }
        config.set(DEFAULTS);
        Ok(())
    })
}

/// Makes a cluster in `storage`, which has `len` bytes: use an `hb_cluster_storage_t`. The cluster begins to speak:
/// poll it.
///
/// `now_us` is the caller's monotonic clock, `unix_seconds` the wall clock (any number above 0 if there is none; the
/// other nodes do not compare it with theirs). `cluster` gets the pointer for all other calls; it is the address of the
/// storage. The former content of the storage is overwritten, even a cluster: this is how a node restarts.
///
/// The library makes the cluster in place. No call of the small library takes more than 3 kB of stack on a Cortex-M.
/// The large library is for programs that have some hundred kilobytes of stack, for calls with `hb_files_t`.
///
/// Returns `HB_RESULT_BAD_LENGTH` if the storage or `config->size` is too small, or else the fault in the
/// configuration; `*cluster` is NULL then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_init(
    storage: *mut c_void,
    len: usize,
    config: *const HbConfig,
    now_us: u64,
    unix_seconds: u64,
    cluster: *mut *mut HbCluster,
) -> HbResult {
    call(|| {
        output(cluster)?.set(core::ptr::null_mut());
        let config = sized_input(config)?;
        let made = build(storage, len, &config, Instant::from_micros(now_us), unix_seconds)?;
        output(cluster)?.set(made);
        Ok(())
    })
}

const DEFAULTS: HbConfig = HbConfig {
    size: size_of::<HbConfig>() as u32,
    local_node: 0,
    nodes: core::ptr::null(),
    node_count: 0,
    links: core::ptr::null(),
    link_count: 0,
    groups: core::ptr::null(),
    group_count: 0,
    keys: core::ptr::null(),
    key_count: 0,
    signing_key: 0,
    auto_failback: HbFailback::On as u32,
    heartbeat: HbHeartbeat::Compact as u32,
    manage_resources: 1,
    autojoin: 0,
    hopfudge: 1,
    fencing: 0,
    keepalive_us: 2_000_000,
    warntime_us: 0,
    deadtime_us: 30_000_000,
    initdead_us: 0,
    deadping_us: 0,
    max_rexmit_delay_us: 250_000,
    effect_limit_us: EFFECT_LIMIT.as_secs() * 1_000_000,
    generation: 0,
    seed: 0,
};

fn build(
    storage: *mut c_void,
    len: usize,
    config: &HbConfig,
    now: Instant,
    unix_seconds: u64,
) -> Checked<*mut HbCluster> {
    // Filled in place, because a small stack has no room for copies.
    let (mut nodes, mut links, mut groups, mut keys) = (Vec::new(), Vec::new(), Vec::new(), Keys::new());
    read_nodes(&mut nodes, array(config.nodes, config.node_count)?)?;
    read_links(&mut links, array(config.links, config.link_count)?)?;
    read_groups(&mut groups, array(config.groups, config.group_count)?)?;
    read_keys(&mut keys, array(config.keys, config.key_count)?, config.signing_key)?;
    let plain = Config {
        local: node_id(config.local_node)?,
        nodes: &nodes,
        links: &links,
        groups: &groups,
        manage_resources: flag(config.manage_resources)?,
        fencing: flag(config.fencing)?,
        #[cfg(not(feature = "small"))]
        resume: None,
        #[cfg(not(feature = "small"))]
        introduction: None,
        timing: timing(config),
        auto_failback: failback(config.auto_failback)?,
        hopfudge: u8::try_from(config.hopfudge).map_err(|_| HbResult::BadValue)?,
        autojoin: if flag(config.autojoin)? { Autojoin::Any } else { Autojoin::None },
        heartbeat: heartbeat(config.heartbeat)?,
        auth_field: true,
        generation: Generation(config.generation),
        effect_limit: if config.effect_limit_us == 0 { EFFECT_LIMIT } else { micros(config.effect_limit_us) },
        seed: seed(config.seed, config.generation, config.local_node),
    };
    establish(storage, len, &links, |place| Engine::new_in(place, &plain, keys, now, unix_seconds))
}

/// The seed of the random delays: the program's number, or one that differs between nodes and starts.
pub(crate) fn seed(given: u64, generation: u64, local_node: u32) -> u64 {
    if given == 0 { generation ^ u64::from(local_node) << 32 } else { given }
}

/// Not inlined, because it divides.
#[inline(never)]
fn micros(number: u64) -> Duration {
    Duration::from_micros(number)
}

fn timing(config: &HbConfig) -> Timing {
    let or = |value: u64, otherwise: u64| micros(if value == 0 { otherwise } else { value });
    let deadtime = config.deadtime_us;
    Timing {
        keepalive: micros(config.keepalive_us),
        warntime: or(config.warntime_us, deadtime / 2),
        deadtime: micros(deadtime),
        initdead: or(config.initdead_us, deadtime.saturating_mul(2)),
        deadping: or(config.deadping_us, deadtime),
        max_rexmit_delay: micros(config.max_rexmit_delay_us),
    }
}

fn read_nodes(nodes: &mut Vec<NodeConfig, HB_NODES>, from: &[HbNodeConfig]) -> Checked<()> {
    for node in from {
        let name = c_bytes(node.name, HB_NAME_MAX).map_err(|error| match error {
            HbResult::BadLength => HbResult::BadName,
            other => other,
        })?;
        let name = NodeName::from_bytes(name).map_err(|_| HbResult::BadName)?;
        let kind = match node.kind {
            n if n == HbNodeKind::Member as u32 => NodeKind::Member,
            n if n == HbNodeKind::Ping as u32 => NodeKind::Ping,
            _ => return Err(HbResult::BadValue),
        };
        nodes.push(NodeConfig { name, kind, uuid: Uuid(node.uuid) }).map_err(|_| HbResult::TooManyNodes)?;
    }
    Ok(())
}

fn read_links(links: &mut Vec<LinkForm, HB_LINKS>, from: &[HbLinkConfig]) -> Checked<()> {
    for link in from {
        let form = match link.form {
            n if n == HbLinkForm::Datagram as u32 => LinkForm::Datagram,
            n if n == HbLinkForm::Serial as u32 => LinkForm::Serial { baud: link.baud },
            n if n == HbLinkForm::Ping as u32 => LinkForm::Ping(node_id(link.node)?),
            _ => return Err(HbResult::BadValue),
        };
        links.push(form).map_err(|_| HbResult::TooManyLinks)?;
    }
    Ok(())
}

fn read_groups<'a>(groups: &mut Vec<GroupConfig<'a>, HB_GROUPS>, from: &'a [HbGroupConfig]) -> Checked<()> {
    for group in from {
        let config = GroupConfig { key: c_ascii(group.key, KEY_MAX)?, ..GroupConfig::at(node_id(group.home)?) };
        groups.push(config).map_err(|_| HbResult::TooManyGroups)?;
    }
    Ok(())
}

/// Fills a key table of any capacity.
pub(crate) fn read_keys<const ENTRIES: usize>(keys: &mut Keys<ENTRIES>, from: &[HbKey], signing: u32) -> Checked<()> {
    for key in from {
        let method = match key.method {
            n if n == HbMethod::Crc as u32 => Method::Crc,
            n if n == HbMethod::Md5 as u32 => Method::Md5,
            n if n == HbMethod::Sha1 as u32 => Method::Sha1,
            _ => return Err(HbResult::BadValue),
        };
        let secret = if key.secret.is_null() { &[] } else { c_bytes(key.secret, HB_SECRET_MAX)? };
        keys.insert(key_index(key.index)?, method, secret)?;
    }
    Ok(keys.set_signing(key_index(signing)?)?)
}

/// Makes the engine's key table from the C array.
pub(crate) fn engine_keys(keys: *const HbKey, count: usize, signing: u32) -> Checked<Keys<HB_KEYS>> {
    let mut table = Keys::new();
    read_keys(&mut table, array(keys, count)?, signing)?;
    Ok(table)
}

fn key_index(index: u32) -> Checked<u8> {
    u8::try_from(index).map_err(|_| HbResult::BadKeyIndex)
}

fn node_id(index: u32) -> Checked<NodeId> {
    u8::try_from(index).map(NodeId).map_err(|_| HbResult::UnknownConfigNode)
}

/// Reads a number that means yes (1) or no (0).
pub(crate) fn flag(number: u32) -> Checked<bool> {
    match number {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(HbResult::BadValue),
    }
}

fn failback(number: u32) -> Checked<AutoFailback> {
    match number {
        n if n == HbFailback::On as u32 => Ok(AutoFailback::On),
        n if n == HbFailback::Off as u32 => Ok(AutoFailback::Off),
        n if n == HbFailback::Legacy as u32 => Ok(AutoFailback::Legacy),
        _ => Err(HbResult::BadValue),
    }
}

fn heartbeat(number: u32) -> Checked<HeartbeatFormat> {
    match number {
        n if n == HbHeartbeat::Compact as u32 => Ok(HeartbeatFormat::Compact),
        n if n == HbHeartbeat::Full as u32 => Ok(HeartbeatFormat::Full),
        _ => Err(HbResult::BadValue),
    }
}
