//! Checks all the time which guest has the disk, the file system and the address.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hbcore_tests::lab::guest::{Guest, Port};
use hbcore_tests::lab::{SERVICE, is_local};

use crate::pair::{DISK, MOUNT_POINT};

/// The pause between two observations of a guest.
const INTERVAL: Duration = Duration::from_millis(50);

const LOOK: &str = "/guest/busybox cat /proc/drbd /proc/mounts /proc/net/fib_trie";

/// One observation of a guest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    /// The roles in DRBD's words: its own and that of the other, `Primary/Secondary`.
    pub(crate) roles: String,
    /// The states of its own disk and of that of the other, `UpToDate/DUnknown`.
    pub(crate) disks: String,
    /// The state of the connection, `WFConnection`.
    pub(crate) connection: String,
    /// Whether the disk is mounted.
    pub(crate) is_mounted: bool,
    /// Whether it has the service address.
    pub(crate) has_address: bool,
}

impl Sight {
    fn new(text: &str) -> Self {
        let disk = text.lines().find(|line| line.trim_start().starts_with("0: cs:")).unwrap_or_default();
        let word = |name| disk.split(' ').find_map(|word| word.strip_prefix(name)).unwrap_or_default().to_owned();
        let is_mounted = text.lines().any(|line| line.starts_with(&format!("{DISK} {MOUNT_POINT} ")));
        let has_address = is_local(text, SERVICE);
        Self { roles: word("ro:"), disks: word("ds:"), connection: word("cs:"), is_mounted, has_address }
    }

    /// Whether it may write to the disk.
    pub(crate) fn is_primary(&self) -> bool {
        self.roles.starts_with("Primary/")
    }

    /// Whether the whole group runs there.
    pub(crate) fn has_all(&self) -> bool {
        self.is_primary() && self.is_mounted && self.has_address
    }

    /// Whether no part of the group runs there.
    pub(crate) fn has_nothing(&self) -> bool {
        !self.is_primary() && !self.is_mounted && !self.has_address
    }
}

/// Observes both guests in turn until the value is dropped.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    is_over: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// The number of times that both guests were observed.
    rounds: u64,
    /// None for a guest without power.
    now: [Option<Sight>; 2],
    /// The rules that were broken.
    broken: Vec<String>,
}

impl Watch {
    pub(crate) fn new(guests: [Arc<Guest>; 2]) -> Self {
        let shared = Arc::new(Shared { is_over: AtomicBool::new(false), seen: Mutex::default() });
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.watch(&guests)
        });
        Self { shared, thread: Some(thread) }
    }

    /// The latest observations of alpha and bravo; none for one without power.
    pub(crate) fn now(&self) -> [Option<Sight>; 2] {
        self.seen().now.clone()
    }

    /// The number of times that both were observed.
    pub(crate) fn rounds(&self) -> u64 {
        self.seen().rounds
    }

    /// The rules that were broken.
    pub(crate) fn broken(&self) -> Vec<String> {
        self.seen().broken.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn watch(&self, guests: &[Arc<Guest>; 2]) {
        while !self.is_over.load(Ordering::Relaxed) {
            for (index, guest) in guests.iter().enumerate() {
                let sight = guest.ask(Port::Watch, LOOK).map(|answer| Sight::new(&answer.output));
                self.seen.lock().unwrap_or_else(PoisonError::into_inner).add(index, sight);
            }
            thread::sleep(INTERVAL);
        }
    }
}

impl Seen {
    /// If one guest is primary before and after an observation of the other as primary, both were primary at the same
    /// time.
    fn add(&mut self, index: usize, sight: Option<Sight>) {
        let is_primary = |sight: &Option<Sight>| sight.as_ref().is_some_and(Sight::is_primary);
        let both = self.now.iter().all(is_primary) && is_primary(&sight);
        let said = sight.as_ref().is_some_and(|sight| sight.roles == "Primary/Primary");
        self.now[index] = sight;
        self.rounds += index as u64;
        if both || said {
            self.broken.push(format!("both are primary: {:?}", self.now));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
