//! The clients that `respawn` and `failfast` name: started when the node is up, kept alive, ended at the stop (docs/protocol/files.md 6.2).
//!
//! ```text
//!   heartbeat thread ── begin, stop, rest ──▶ thread `respawn` ── spawn ──▶ heartbeat --as-client ── exec ──▶ sh -c "exec COMMAND"
//!                    ◀── all are gone ──────                  ◀── pidfd ──
//! ```
//!
//! The thread exists where there is such a line. Clients outlive a reload, as the successor has the same process number: it finds them in
//! what it is handed over.

mod keeper;
mod launch;
mod process;
mod rule;
mod state;

use crate::log::Logger;
use crate::problems::Board;
use crate::script::Environment;
use crate::sys::fault;
use hbcore::config::OnDeath;
use keeper::Keeper;
use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

pub use launch::{AS_CLIENT, as_client};
pub use rule::{Next, Rule, Verdict};

/// Little is kept on it.
const STACK: usize = 128 * 1024;

/// A client that is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The name of its user.
    pub user: String,
    /// The number of the user.
    pub uid: u32,
    /// The number of the user's primary group.
    pub gid: u32,
    /// The command as typed, for the shell; its program may have been found in another place.
    pub command: String,
    /// The consequence of its death.
    pub on_death: OnDeath,
}

/// The surroundings of every client.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Its whole environment.
    pub environment: Arc<Environment>,
    /// Where the directories of users are, in which they leave their core files.
    pub cores: PathBuf,
}

/// A client that an earlier daemon in this process has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// How the earlier daemon left it.
    pub state: PassedState,
    /// How often it has died early, in a row.
    pub early_deaths: u8,
    /// The name of its user.
    pub user: String,
    /// Its command.
    pub command: String,
}

/// How an earlier daemon left a client. One that it had given up is tried again, as at any reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassedState {
    /// It runs.
    Runs {
        /// Its process, which leads a group.
        pid: i32,
        /// How long it has run, in whole seconds.
        lived: Duration,
    },
    /// It has died and was to be started again.
    Pauses,
    /// It has ended with 100 and is not started again.
    Enough,
}

/// An order to the thread.
#[derive(Debug)]
enum Order {
    /// The node is up, and clients can sign on.
    Begin,
    /// Those that were given up are tried again.
    RetryGivenUp,
    /// Nothing is started and no ended client is reaped until [`Order::Wake`]; the answer lists the clients that a
    /// successor must know.
    Rest(SyncSender<Vec<Passed>>),
    Wake,
    /// They end, the last one first.
    Stop,
    /// They end at once.
    Kill,
}

/// The heartbeat thread's end. Nothing here waits.
#[derive(Debug)]
pub struct Respawn {
    orders: Sender<Order>,
    wake: Arc<OwnedFd>,
    bell: Arc<OwnedFd>,
    gone: Arc<AtomicBool>,
    progress: Progress,
}

/// The last order to the thread about all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Nothing: the node is not up.
    Early,
    /// Nothing: the node is up, and perhaps they cannot sign on yet.
    Due,
    /// To start and keep them.
    Begun,
    /// To end them.
    Stopped,
}

impl Respawn {
    /// Starts the thread, if there are clients to keep. `passed`: the clients that an earlier daemon in this process has
    /// started; a client that is not wanted any more is ended.
    ///
    /// # Errors
    /// The system's refusal of a thread or a descriptor.
    #[cold]
    #[inline(never)]
    pub fn start(
        wanted: Vec<Wanted>,
        passed: &[Passed],
        surroundings: Surroundings,
        log: &Logger,
        board: &Board,
    ) -> io::Result<Option<Self>> {
        if wanted.is_empty() && passed.is_empty() {
            return Ok(None);
        }
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let (wake, bell) = (Arc::new(eventfd(0, flags)?), Arc::new(eventfd(0, flags)?));
        let gone = Arc::new(AtomicBool::new(false));
        let (orders, inbox) = channel();
        let ends = keeper::Ends { inbox, wake: Arc::clone(&wake), bell: Arc::clone(&bell), gone: Arc::clone(&gone) };
        let keeper = Keeper::new(wanted, passed, surroundings, ends, log, board);
        fault::gate(fault::Call::Thread, "respawn")?;
        std::thread::Builder::new().name("respawn".to_owned()).stack_size(STACK).spawn(move || keeper.run())?;
        Ok(Some(Self { orders, wake, bell, gone, progress: Progress::Early }))
    }

    fn order(&self, order: Order) {
        // Without the thread there is nobody to keep.
        let _ = self.orders.send(order);
        ring(&self.wake);
    }

    /// The other nodes were heard or are dead.
    pub fn node_is_up(&mut self) {
        if self.progress == Progress::Early {
            self.progress = Progress::Due;
        }
    }

    /// Whether the node is up, and [`Respawn::begin`] was not called.
    pub fn is_due(&self) -> bool {
        self.progress == Progress::Due
    }

    /// Starts the clients.
    #[cold]
    #[inline(never)]
    pub fn begin(&mut self) {
        self.progress = Progress::Begun;
        self.order(Order::Begin);
    }

    /// Tries those again that were given up.
    #[cold]
    #[inline(never)]
    pub fn forgive(&self) {
        self.order(Order::RetryGivenUp);
    }

    /// Has the thread stand still, and tell the clients: until [`Respawn::wake`], or until another program replaces this one.
    #[cold]
    #[inline(never)]
    pub fn rest(&self) -> Receiver<Vec<Passed>> {
        let (answer, passed) = sync_channel(1);
        self.order(Order::Rest(answer));
        passed
    }

    /// Goes on after [`Respawn::rest`].
    #[cold]
    #[inline(never)]
    pub fn wake(&self) {
        self.order(Order::Wake);
    }

    /// Ends the clients, at the first call. Whether all are gone.
    #[cold]
    #[inline(never)]
    pub fn stop(&mut self) -> bool {
        if self.progress != Progress::Stopped {
            self.progress = Progress::Stopped;
            self.order(Order::Stop);
        }
        self.gone.load(Ordering::Acquire)
    }

    /// Kills the clients, for the end of the daemon by force. Whether all are gone.
    #[cold]
    #[inline(never)]
    pub fn kill(&mut self) -> bool {
        self.progress = Progress::Stopped;
        self.order(Order::Kill);
        self.gone.load(Ordering::Acquire)
    }

    /// The descriptor was readable.
    pub fn acknowledge(&self) {
        let _ = rustix::io::read(&*self.bell, &mut [0; 8]);
    }
}

impl AsFd for Respawn {
    /// Readable when all clients are gone.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

fn ring(bell: &OwnedFd) {
    let _ = rustix::io::write(bell, &1u64.to_ne_bytes());
}
