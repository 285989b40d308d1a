//! Two guests with a replicated disk and a daemon each, and their client.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use hbcore_tests::lab::guest::{Guest, NAMES, System, Wires};
use hbcore_tests::lab::{CABLE, Daemon, SERVICE, Site, release_binary, run};
use hbcore_tests::scenario::Pairing;

use crate::watch::{Sight, Watch};

/// The replicated disk.
pub(crate) const DISK: &str = "/dev/drbd0";
/// Where its file system is mounted.
pub(crate) const MOUNT_POINT: &str = "/mnt/data";
/// Its size, and that of the disk with the state of the daemon, in MiB.
const SIZES: [u64; 2] = [32, 8];

/// A script of an agent takes seconds on an emulated processor, and there are several.
const LIMIT: Duration = Duration::from_mins(3);
/// The interval between two checks of the state.
const INTERVAL: Duration = Duration::from_millis(20);

/// Messages that no kernel and no daemon may log: two histories of the disk, damage, a group that did not start or
/// stop.
const COMPLAINTS: [&str; 11] = [
    "split-brain",
    "Split-Brain",
    "EXT4-fs error",
    "I/O error",
    "Buffer I/O",
    "Kernel panic",
    "can't find ext4",
    "Couldn't mount",
    "Couldn't unmount",
    "ERROR: Return code",
    "Giving up resources",
];

/// The two machines.
pub(crate) struct Pair {
    // Before the guests in the order of drop, because it asks them.
    watch: Watch,
    guests: [Arc<Guest>; 2],
    daemons: [Daemon; 2],
    wires: Arc<Wires>,
}

impl Pair {
    /// Boots both machines, with an empty replicated disk and no daemon.
    pub(crate) fn new(pairing: Pairing) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("drbd").join(pairing.to_string());
        std::fs::create_dir_all(&directory).expect("the target directory");
        let (wires, system) = (Arc::new(Wires::new()), Arc::new(System::new(&directory)));
        let guests = [0, 1].map(|index| Arc::new(Guest::new(index, &directory, &wires, &system)));
        // Times that an emulated machine on a busy host can keep.
        let site = Site {
            keepalive: 200,
            deadtime: 5000,
            initdead: 20_000,
            group: format!("IPaddr2::{SERVICE}/24/eth0 drbddisk::r0 Filesystem::{DISK}::{MOUNT_POINT}::ext4"),
            ..Site::default()
        };
        for (index, guest) in guests.iter().enumerate() {
            make_disks(guest);
            guest.write("ha.d/ha.cf", &site.ha_cf(index));
            guest.write("ha.d/authkeys", &site.authkeys());
            guest.write("ha.d/haresources", &site.haresources());
            guest.write("drbd.d/r0.res", &replication());
            guest.boot();
        }
        let watch = Watch::new(guests.clone());
        let pair = Self { watch, guests, daemons: [pairing.alpha, pairing.bravo], wires };
        pair.make_file_system();
        pair
    }

    /// The preferred owner.
    pub(crate) fn alpha(&self) -> &Guest {
        &self.guests[0]
    }

    /// The other node.
    pub(crate) fn bravo(&self) -> &Guest {
        &self.guests[1]
    }

    /// Makes the file system. A disk that was never written to needs no first synchronization.
    fn make_file_system(&self) {
        for guest in &self.guests {
            guest.run("drbdadm create-md --force r0 && drbdadm up r0");
        }
        self.await_connection();
        self.alpha().run("drbdadm new-current-uuid --clear-bitmap r0");
        self.await_synchronized();
        self.alpha().run(&format!("drbdadm primary r0 && mkfs.ext4 -q {DISK} && drbdadm secondary r0"));
    }

    /// Boots alpha again, as its init scripts would: first the disk, then the daemon, which does not wait until the
    /// disk is synchronized.
    pub(crate) fn reboot_alpha(&self) {
        self.alpha().boot();
        self.alpha().run("drbdadm up r0");
        self.await_connection();
        self.start(self.alpha());
    }

    /// Starts the daemon.
    #[track_caller]
    pub(crate) fn start(&self, guest: &Guest) {
        // Redirected, so that the daemon does not keep the descriptors of the port.
        let program = self.daemon(guest).program();
        guest.run(&format!("{} > /run/said 2>&1 || {{ cat /run/said; false; }}", program.display()));
    }

    /// Stops the daemon and waits until it is gone.
    #[track_caller]
    pub(crate) fn stop(&self, guest: &Guest) {
        let program = self.daemon(guest).program();
        guest.run(&format!("{} -k", program.display()));
        let gone = || guest.run("pidof heartbeat || true").trim().is_empty();
        self.await_until(&format!("the daemon of {} to be gone", guest.name()), gone);
    }

    /// Runs `hb_standby` or `hb_takeover` on a node, for all groups.
    #[track_caller]
    pub(crate) fn tool(&self, guest: &Guest, name: &str) {
        let program = match self.daemon(guest) {
            Daemon::Reference => Path::new("/usr/share/heartbeat").join(name),
            _ => release_binary(name),
        };
        guest.run(&format!("{} all", program.display()));
    }

    fn daemon(&self, guest: &Guest) -> Daemon {
        self.daemons[usize::from(guest.name() == NAMES[1])]
    }

    /// Waits until the whole group runs on this node and no part of it on the other one, and the client gets these
    /// files there.
    #[track_caller]
    pub(crate) fn await_owner(&self, owner: &Guest, files: &[(&str, &str)]) {
        let name = owner.name();
        self.await_until(&format!("the group on {name}"), || self.is_owner(owner));
        for (file, text) in files {
            self.await_until(&format!("the client to get {file} from {name}"), || {
                self.wires.fetch(&format!("/data/{file}")).as_deref() == Some(text)
            });
        }
        assert!(self.is_owner(owner), "the group does not stay on {name}\n{}", self.state());
    }

    fn is_owner(&self, owner: &Guest) -> bool {
        let now = self.watch.now();
        let (its, others) = if owner.name() == NAMES[0] { (&now[0], &now[1]) } else { (&now[1], &now[0]) };
        its.as_ref().is_some_and(Sight::has_all) && others.as_ref().is_none_or(Sight::has_nothing)
    }

    /// Waits until no part of the group runs on any node.
    #[track_caller]
    pub(crate) fn await_nothing(&self) {
        let nothing = || self.watch.now().iter().all(|sight| sight.as_ref().is_some_and(Sight::has_nothing));
        self.await_until("nothing of the group anywhere", nothing);
    }

    /// Waits until the disks are connected.
    #[track_caller]
    fn await_connection(&self) {
        let connected = |sight: &Option<Sight>| {
            sight
                .as_ref()
                .is_some_and(|sight| !["", "WFConnection", "Unconnected"].contains(&sight.connection.as_str()))
        };
        self.await_until("the disks to be connected", || self.watch.now().iter().all(connected));
    }

    /// Waits until both disks are synchronized.
    #[track_caller]
    pub(crate) fn await_synchronized(&self) {
        let all = |sight: &Option<Sight>| sight.as_ref().is_some_and(|sight| sight.disks == "UpToDate/UpToDate");
        self.await_until("both disks to have all", || self.watch.now().iter().all(all));
    }

    /// Waits until the log of a node has this text `times` times.
    #[track_caller]
    pub(crate) fn await_logged(&self, guest: &Guest, text: &str, times: usize) {
        let what = format!("[{text}] {times} times in the log of {}", guest.name());
        self.await_until(&what, || guest.log().matches(text).count() >= times);
    }

    /// Waits for a condition, with observations made since the call. Panics with the state of both machines when it
    /// takes too long, or a rule was broken.
    #[track_caller]
    pub(crate) fn await_until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let begin = Instant::now();
        // The round that ends next may have begun before the call.
        let rounds = self.watch.rounds() + 2;
        while self.watch.rounds() < rounds || !condition() {
            assert!(begin.elapsed() < LIMIT, "waited {LIMIT:?} for {what}\n{}", self.state());
            self.check();
            thread::sleep(INTERVAL);
        }
        self.check();
        println!("  {:6.1} s for {what}", begin.elapsed().as_secs_f64());
    }

    /// Panics if a rule was broken.
    #[track_caller]
    fn check(&self) {
        let broken = self.watch.broken();
        assert!(broken.is_empty(), "{broken:#?}\n{}", self.state());
    }

    /// Panics if a kernel or a daemon has complained.
    #[track_caller]
    pub(crate) fn check_logs(&self) {
        for guest in &self.guests {
            let text = guest.console() + &guest.log();
            let bad: Vec<&str> = text.lines().filter(|line| COMPLAINTS.iter().any(|bad| line.contains(bad))).collect();
            assert!(bad.is_empty(), "{} said {bad:#?}\n{}", guest.name(), self.state());
        }
    }

    /// Disconnects the disks and switches both machines off.
    #[track_caller]
    pub(crate) fn end(self) {
        self.check();
        for guest in &self.guests {
            guest.run("drbdadm down r0");
        }
        for guest in &self.guests {
            guest.shut_down();
        }
        println!("  both looked at {} times", self.watch.rounds());
        self.check_logs();
    }

    fn state(&self) -> String {
        let now = self.watch.now();
        let guests = self.guests.iter().zip(now).map(|(guest, sight)| format!("{}: {sight:?}\n", guest.name()));
        let states = self.guests.iter().map(|guest| guest.state());
        guests.chain(states).collect()
    }
}

/// Makes both disks of a guest: one that will be replicated, and one with the state of a daemon that has never run.
fn make_disks(guest: &Guest) {
    for (disk, size) in guest.disks().iter().zip(SIZES) {
        File::create(disk).and_then(|file| file.set_len(size << 20)).expect("our own file");
    }
    run(&format!("mkfs.ext4 -q -F -d /var/lib/heartbeat {}", guest.disks()[1].display()));
}

/// `r0.res`: synchronous, with the defaults for everything else.
fn replication() -> String {
    let [alpha, bravo] = CABLE.map(|address| format!("{address}:7788"));
    format!(
        "resource r0 {{\n    protocol C;\n    device {DISK};\n    disk /dev/vda;\n    meta-disk internal;\n    \
         on alpha {{ address {alpha}; }}\n    on bravo {{ address {bravo}; }}\n}}\n"
    )
}
