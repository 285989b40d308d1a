//! The cases that are explored: the cluster, and the faults that may happen in it.

use super::Bug;
use hbcore::AutoFailback;

/// How often each fault may happen in one history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// A node loses its power.
    pub crashes: u8,
    /// The links carry nothing any more, in both directions.
    pub cuts: u8,
    /// One link direction carries nothing any more.
    pub deafness: u8,
    /// A message is lost, and arrives later.
    pub losses: u8,
    /// An operator asks a node to hand groups over.
    pub standbys: u8,
    /// An operator asks a node to take groups over.
    pub takeovers: u8,
    /// An operator stops a node.
    pub leaves: u8,
    /// A group does not start.
    pub start_failures: u8,
    /// A group does not stop.
    pub stop_failures: u8,
    /// The fencing device fails.
    pub fence_failures: u8,
}

impl Faults {
    pub(super) const NONE: Self = Self {
        crashes: 0,
        cuts: 0,
        deafness: 0,
        losses: 0,
        standbys: 0,
        takeovers: 0,
        leaves: 0,
        start_failures: 0,
        stop_failures: 0,
        fence_failures: 0,
    };
}

/// One exploration.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The name in the table of results.
    pub name: &'static str,
    /// The setting of both nodes.
    pub failback: AutoFailback,
    /// Each node has a device that cuts the other's power.
    pub fencing: bool,
    /// The most faults in one history.
    pub faults: Faults,
    /// The bug that is built in.
    pub bug: Option<Bug>,
    /// True: at the start, both nodes run their own groups. False: both are switched off.
    pub settled: bool,
    /// True: scripts end before any timer fires. False: they may last for minutes, which yields many more states.
    pub quick_scripts: bool,
}

/// The size of the exploration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// All cases take less than a minute.
    Small,
    /// The cases take minutes, and some gigabytes of memory.
    Big,
}

/// All cases of a size.
pub fn cases(size: Size) -> Vec<Case> {
    let big = size == Size::Big;
    let on = Case {
        name: "",
        failback: AutoFailback::On,
        fencing: false,
        faults: Faults::NONE,
        bug: None,
        settled: true,
        quick_scripts: true,
    };
    let off = Case { failback: AutoFailback::Off, ..on };
    let slow = Case { quick_scripts: false, ..on };
    let fencing = Case { fencing: true, ..on };
    let legacy = Case { failback: AutoFailback::Legacy, ..on };
    let boot = |case: Case| Case { settled: false, ..case };
    let none = Faults::NONE;
    let more = u8::from(big);
    let case = |name, base: Case, faults| Case { name, faults, ..base };
    let mut all = vec![
        case("start, losses", boot(on), Faults { losses: 1 + more, ..none }),
        case("start, crash", boot(on), Faults { crashes: 1, losses: more, ..none }),
        case("start, no failback", boot(off), Faults { crashes: 1 + more, ..none }),
        case("start, slow scripts", boot(slow), Faults { crashes: 1, ..none }),
        case("start, fails", boot(on), Faults { start_failures: 1, crashes: more, ..none }),
        case("crashes", on, Faults { crashes: 2, losses: more, ..none }),
        case("cuts", on, Faults { cuts: 1 + more, ..none }),
        case("deafness", boot(on), Faults { deafness: 1, ..none }),
        case("cut, crash", on, Faults { cuts: 1, crashes: 1, ..none }),
        case("standby, loss", boot(on), Faults { standbys: 1, losses: 1, ..none }),
        case("standbys that cross", boot(off), Faults { standbys: 2, losses: more, ..none }),
        case("standby, crash", boot(on), Faults { standbys: 1, crashes: 1, losses: more, ..none }),
        case("standby, cut", on, Faults { standbys: 1, cuts: 1, ..none }),
        case("takeover, leave", boot(on), Faults { takeovers: 1, leaves: 1, losses: more, ..none }),
        case("leave, loss", boot(on), Faults { leaves: 1, losses: 1 + more, ..none }),
        case("leave, cut", on, Faults { leaves: 1, cuts: 1, ..none }),
        case("leave, standby", boot(off), Faults { leaves: 1, standbys: 1, losses: more, ..none }),
        case("fencing, crash", boot(fencing), Faults { crashes: 1, fence_failures: 1, losses: more, ..none }),
        case("fencing, cut", boot(fencing), Faults { cuts: 1, crashes: more, ..none }),
        case("fencing, deafness", boot(fencing), Faults { deafness: 1, fence_failures: more, ..none }),
        case("fencing, cut, standby", boot(fencing), Faults { cuts: 1, standbys: 1, ..none }),
        case("stop fails", boot(on), Faults { stop_failures: 1, standbys: 1, losses: more, ..none }),
        case("stop fails, leave", boot(on), Faults { stop_failures: 1, leaves: 1, crashes: more, ..none }),
        case("legacy, crash", boot(legacy), Faults { crashes: 1, losses: more, ..none }),
        case("legacy, cut", boot(legacy), Faults { cuts: 1, losses: more, ..none }),
        case("legacy, deafness", boot(legacy), Faults { deafness: 1 + more, ..none }),
        case("legacy, leave", boot(legacy), Faults { leaves: 1, losses: 1 + more, ..none }),
    ];
    if big {
        all.extend([
            case("start, cut", boot(on), Faults { cuts: 1, ..none }),
            case("start, cut, slow scripts", boot(slow), Faults { cuts: 1, ..none }),
            case("standby, slow scripts", slow, Faults { standbys: 1, crashes: 1, losses: 1, ..none }),
        ]);
    }
    all
}
