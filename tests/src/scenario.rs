//! Scenarios as tests. Each has the daemons that it needs, and is skipped with a reason if they cannot run.

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::lab::{Daemon, why_not};

/// The implementation on each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// The daemon on the preferred owner.
    pub alpha: Daemon,
    /// The daemon on the other node.
    pub bravo: Daemon,
}

impl Pairing {
    /// Ours on both nodes.
    pub const NEW_NEW: Self = Self { alpha: Daemon::Ours, bravo: Daemon::Ours };
    /// Ours on the preferred owner.
    pub const NEW_REF: Self = Self { alpha: Daemon::Ours, bravo: Daemon::Reference };
    /// Ours on the other node.
    pub const REF_NEW: Self = Self { alpha: Daemon::Reference, bravo: Daemon::Ours };
    /// The pairings that include ours.
    pub const ALL: [Self; 3] = [Self::NEW_NEW, Self::NEW_REF, Self::REF_NEW];
    /// The reference with itself: shows that a scenario demands nothing that the reference does not do.
    pub const REF_REF: Self = Self { alpha: Daemon::Reference, bravo: Daemon::Reference };

    /// Whether both are ours.
    pub fn is_all_ours(self) -> bool {
        self == Self::NEW_NEW
    }
}

impl fmt::Display for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.alpha, self.bravo)
    }
}

/// Runs the trials that the command line selects, and ends the process.
pub fn run(trials: Vec<Trial>) -> ! {
    // The report of a failed test contains the message already, so the hook prints nothing.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        PLACE.with_borrow_mut(|last| *last = place);
    }));
    let arguments = Arguments::from_args();
    if !arguments.list {
        // Build now, and not while a cluster waits for its second node.
        Daemon::Ours.program();
    }
    libtest_mimic::run(&arguments, trials).exit()
}

thread_local! {
    /// The place of this thread's last panic.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A scenario as a test of this name. A panic fails it; the message is the reason.
pub fn trial(name: &str, pairing: Pairing, scenario: impl FnOnce(Pairing) + Send + 'static) -> Trial {
    trial_with(name, pairing, &[], scenario)
}

/// The same for a scenario that needs these files of Debian's packages.
pub fn trial_with(
    name: &str,
    pairing: Pairing,
    needs: &'static [&'static str],
    scenario: impl FnOnce(Pairing) + Send + 'static,
) -> Trial {
    Trial::ignorable_test(name, move || {
        let missing = || needs.iter().find(|file| !Path::new(file).exists());
        let missing =
            || missing().map(|file| format!("needs the file {file}; cargo verify --install installs its package"));
        if let Some(reason) = why_not([pairing.alpha, pairing.bravo]).or_else(missing) {
            return Ok(Completion::ignored_with(reason));
        }
        match catch_unwind(AssertUnwindSafe(|| scenario(pairing))) {
            Ok(()) => Ok(Completion::Completed),
            Err(panic) => Err(Failed::from(message_of(panic.as_ref()))),
        }
    })
}

/// The message of a panic, and its place on this thread.
pub fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default();
    PLACE.with_borrow(|place| if place.is_empty() { text.clone() } else { format!("{place}: {text}") })
}
