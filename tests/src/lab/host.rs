//! A node of the cluster: its place in the network, its files, and, while it has power, a machine with a daemon.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use rustix::process::Signal;

use super::armv7;
use super::await_until::holds_within;
use super::command::run;
use super::daemon::{Daemon, release_binary};
use super::freezer::Frozen;
use super::machine::Machine;
use super::memory::Memory;
use super::namespace::Namespace;
use super::network::{SERVICE, bring_up, take_down};
use super::panel::Panel;
use super::pids::ProcessLimit;
use super::processes::{self, Usage};
use super::site::Site;
use super::sniffer::Sniffer;

/// The control panel of the seam, as the processes of a host see it.
const PANEL: &str = "/var/log/faults";

/// The longest time for a program with the seam, in seconds.
const SEAMED_LIMIT: &str = "20";

/// Lines of a log in a failure report.
const TAIL: usize = 25;

/// The longest time that 3.0.6 takes to stop: it waits for its own phases, each polled once a second.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// The log line of a daemon whose links are open.
const UP: &str = "Local status now set to: 'up'";
/// The longest time until then with a translated processor, on a busy machine.
const EMULATED_START_LIMIT: Duration = Duration::from_secs(30);

/// A node.
pub struct Host {
    name: &'static str,
    index: usize,
    root: PathBuf,
    namespace: Arc<Namespace>,
    daemon: Daemon,
    serial: Option<PathBuf>,
    machine: Mutex<Option<Machine>>,
}

/// The answer of a program on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its output to standard output and standard error.
    pub output: String,
}

impl Host {
    pub(super) fn new(
        name: &'static str,
        index: usize,
        directory: &Path,
        namespace: Arc<Namespace>,
        daemon: Daemon,
        serial: Option<PathBuf>,
    ) -> Self {
        let root = directory.join(name);
        let host = Self { name, index, root, namespace, daemon, serial, machine: Mutex::new(None) };
        for (ours, theirs) in [("ha.d", "/etc/ha.d"), ("lib", "/var/lib/heartbeat"), ("log", "")] {
            let ours = host.root.join(ours);
            fs::create_dir_all(&ours).unwrap_or_else(|error| panic!("{}: {error}", ours.display()));
            if Path::new(theirs).is_dir() {
                run(&format!("cp -a {theirs}/. {}", ours.display()));
            }
        }
        host
    }

    /// Its name, which is also that of the node.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its place in the network.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The daemon that runs on it.
    pub fn daemon(&self) -> Daemon {
        self.daemon
    }

    /// Writes the three files of `/etc/ha.d`.
    pub fn write_site(&self, site: &Site) {
        self.write("ha.cf", &site.ha_cf(self.index));
        self.write("authkeys", &site.authkeys());
        self.write("haresources", &site.haresources());
    }

    /// Writes a file of `/etc/ha.d`, readable by its owner only. Its time is at least a second later than before,
    /// because 3.0.6 compares whole seconds.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.config_file(file);
        let before = fs::metadata(&path).and_then(|data| data.modified()).ok();
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if let Some(later) =
            before.map(|before| before + Duration::from_secs(1)).filter(|later| *later > SystemTime::now())
        {
            let set = File::options().write(true).open(&path).and_then(|file| file.set_modified(later));
            set.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("our own file");
    }

    /// Writes an executable script into `/etc/ha.d/resource.d`.
    pub fn write_script(&self, name: &str, text: &str) {
        self.write_program(&format!("resource.d/{name}"), text);
    }

    /// Writes an executable file below `/etc/ha.d`.
    pub fn write_program(&self, file: &str, text: &str) {
        let path = self.config_file(file);
        fs::create_dir_all(path.parent().expect("below /etc/ha.d")).expect("our own directory");
        self.write(file, text);
        fs::set_permissions(path, Permissions::from_mode(0o755)).expect("our own file");
    }

    /// The real path of a file of `/etc/ha.d`.
    pub fn config_file(&self, file: &str) -> PathBuf {
        self.root.join("ha.d").join(file)
    }

    /// The directory of the state files.
    pub fn state_directory(&self) -> PathBuf {
        self.root.join("lib")
    }

    /// Switches the power on. The links are up and no daemon runs.
    pub fn boot(&self) {
        bring_up(&self.namespace, self.index);
        let machine = Machine::boot(self.name, &self.root, &self.namespace, self.serial.as_deref());
        *self.machine() = Some(machine);
    }

    /// Kills every process at one instant and takes the links down, so that nothing answers for the host any more.
    pub fn cut_power(&self) {
        self.machine().take();
        take_down(&self.namespace, self.index);
    }

    /// Ends all its processes, when the test is over.
    pub(super) fn halt(&self) {
        self.machine().take();
    }

    /// Starts the daemon. Panics if the start fails.
    #[track_caller]
    pub fn start(&self) {
        let started = self.try_start();
        assert_eq!(started.code, Some(0), "{} did not start its daemon:\n{}", self.name, started.output);
    }

    /// Starts the daemon and returns its output when it is ready. For a daemon under QEMU that is when it has opened
    /// its links.
    pub fn try_start(&self) -> Answered {
        if self.daemon != Daemon::Armv7 {
            return self.heartbeat(&[]);
        }
        // QEMU has a thread of its own, and the daemon may not fork beside it: it stays in the foreground of a shell
        // that ends.
        let before = self.count_logged(UP);
        let words = self.command_line(&["-f"]).join(" ");
        let started = self.run("sh", &["-c", &format!("{words} </dev/null >/var/log/foreground 2>&1 &")]);
        let is_up = || self.count_logged(UP) > before;
        if started.code == Some(0) && holds_within(EMULATED_START_LIMIT, || is_up() || !self.is_running()) && is_up() {
            return started;
        }
        Answered { code: None, output: self.lines_of("foreground").join("\n") }
    }

    /// Stops the daemon and waits until it is gone.
    #[track_caller]
    pub fn stop(&self) {
        let stopped = self.heartbeat(&["-k"]);
        assert_eq!(stopped.code, Some(0), "{} did not stop its daemon:\n{}", self.name, stopped.output);
        let gone = holds_within(STOP_LIMIT, || !self.is_running());
        assert!(gone, "-k returned, and the daemon still runs\n{}", self.state());
    }

    /// Kills the daemon's processes, as a crash would. The address stays where it is.
    pub fn crash_daemon(&self) {
        let pids = self.daemon_processes();
        processes::signal(&pids, Signal::KILL);
        let is_gone = |pid: &u32| !Path::new("/proc").join(pid.to_string()).exists();
        let gone = holds_within(STOP_LIMIT, || pids.iter().all(is_gone));
        assert!(gone, "the daemon cannot be killed\n{}", self.state());
    }

    /// Suspends the daemon's processes, as on a machine that gets no processor.
    pub fn freeze_daemon(&self) {
        processes::signal(&self.daemon_processes(), Signal::STOP);
    }

    /// Resumes the daemon's processes.
    pub fn thaw_daemon(&self) {
        processes::signal(&self.daemon_processes(), Signal::CONT);
    }

    /// Runs the daemon's program with these arguments.
    pub fn heartbeat(&self, arguments: &[&str]) -> Answered {
        let words = self.command_line(arguments);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.run(words[0], &words[1..])
    }

    /// The words that run the daemon's program with these arguments.
    fn command_line(&self, arguments: &[&str]) -> Vec<String> {
        let emulator = if self.daemon == Daemon::Armv7 { &armv7::EMULATOR[..] } else { &[] };
        let mut words: Vec<String> = emulator.iter().map(|&word| word.to_owned()).collect();
        if self.daemon == Daemon::Seamed {
            // A tool that waits for the daemon may wait for ever: the limit turns that into a failure of the test.
            let words_before = ["timeout", SEAMED_LIMIT, "env"].map(str::to_owned);
            words.extend(words_before.into_iter().chain([format!("{}={PANEL}", Panel::VARIABLE)]));
        }
        words.push(self.daemon.program().display().to_string());
        words.extend(arguments.iter().map(|&word| word.to_owned()));
        if self.daemon != Daemon::Reference && !Path::new("/etc/ha.d").is_dir() {
            let directory = |name: &str| self.root.join(name).display().to_string();
            words.extend(["--config-dir".to_owned(), directory("ha.d"), "--state-dir".to_owned(), directory("lib")]);
        }
        words
    }

    /// Runs `hb_standby` or `hb_takeover` of the daemon's implementation.
    pub fn tool(&self, name: &str, arguments: &[&str]) -> Answered {
        let program = match self.daemon {
            Daemon::Ours | Daemon::Seamed | Daemon::Armv7 => release_binary(name),
            Daemon::Reference => Path::new("/usr/share/heartbeat").join(name),
        };
        self.run(&program.display().to_string(), arguments)
    }

    /// Runs `hb_standby`, which hands groups over. Panics if the request fails.
    #[track_caller]
    pub fn standby(&self, class: &str) {
        let answered = self.tool("hb_standby", &[class]);
        assert_eq!(answered.code, Some(0), "hb_standby {class} on {}: {}", self.name, answered.output);
    }

    /// Runs `hb_takeover`, which asks the other node for groups. Panics if the request fails.
    #[track_caller]
    pub fn take_over(&self, class: &str) {
        let answered = self.tool("hb_takeover", &[class]);
        assert_eq!(answered.code, Some(0), "hb_takeover {class} on {}: {}", self.name, answered.output);
    }

    /// Mounts a file over an existing one, until the power is cut: an installed program, a command of the system.
    #[track_caller]
    pub fn put_over(&self, file: &Path, target: &str) {
        let mounted = self.run("mount", &["--bind", &file.display().to_string(), target]);
        assert_eq!(mounted.code, Some(0), "{}", mounted.output);
    }

    /// Puts executable files with these names and texts into a directory of the system, before the files that are
    /// there, until the power is cut.
    #[track_caller]
    pub fn put_into(&self, target: &str, programs: &[(&str, &str)]) {
        let directory = self.root.join(target.replace('/', "-"));
        fs::create_dir_all(&directory).expect("our own directory");
        for (name, text) in programs {
            fs::write(directory.join(name), text).expect("our own file");
            fs::set_permissions(directory.join(name), Permissions::from_mode(0o755)).expect("our own file");
        }
        let layers = format!("lowerdir={}:{target}", directory.display());
        let mounted = self.run("mount", &["-t", "overlay", "overlay", "-o", &layers, target]);
        assert_eq!(mounted.code, Some(0), "{}", mounted.output);
    }

    /// Mounts an empty directory over one of the system, until the power is cut.
    #[track_caller]
    pub fn put_empty_over(&self, target: &str) {
        let mounted = self.run("mount", &["-t", "tmpfs", "tmpfs", target]);
        assert_eq!(mounted.code, Some(0), "{}", mounted.output);
    }

    /// Sends a signal (`TERM`) to the daemon by its pid file.
    pub fn signal_daemon(&self, signal: &str) {
        self.run("sh", &["-c", &format!("kill -{signal} $(cat /run/heartbeat.pid)")]);
    }

    /// Writes a message of these fields into the daemon's FIFO, as a script does.
    #[track_caller]
    pub fn write_fifo(&self, fields: &[&str]) {
        let text = format!(">>>\\n{}\\n<<<\\n", fields.join("\\n"));
        let written = self.run("sh", &["-c", &format!("printf '{text}' > /var/lib/heartbeat/fifo")]);
        assert_eq!(written.code, Some(0), "{}", written.output);
    }

    /// Keeps the daemon from making more threads and children, until the value is dropped. `None` if this machine
    /// cannot do that.
    pub fn limit_processes(&self) -> Option<ProcessLimit> {
        ProcessLimit::new(&self.daemon_processes())
    }

    /// Keeps the daemon's processes from ending, even if they are killed, until the value is dropped. `None` if this
    /// machine cannot do that.
    pub fn hold_daemon(&self) -> Option<Frozen> {
        Frozen::new(&self.daemon_processes())
    }

    /// Whether the power is on.
    pub fn has_power(&self) -> bool {
        self.machine().is_some()
    }

    /// The panel by which a test makes calls of the daemon fail, if it has the seam ([`Daemon::Seamed`]).
    pub fn panel(&self) -> Panel {
        Panel::new(self.root.join("log/faults"))
    }

    /// Whether a file exists, as the processes of the host see it, even in its `/run`, which is new at each boot.
    pub fn has_file(&self, path: &str) -> bool {
        self.machine()
            .as_ref()
            .is_some_and(|machine| Path::new(&format!("/proc/{}/root{path}", machine.first_process())).exists())
    }

    /// Runs a program on the host. It does not wait for processes that the program leaves in the background.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Answered {
        let path = self.root.join("log/output");
        let file = File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut command = self.machine().as_ref().expect("a host with power").command(program);
        command.args(arguments).stdout(file.try_clone().expect("a descriptor")).stderr(Stdio::from(file));
        let status = command.status().expect("nsenter of util-linux");
        Answered { code: status.code(), output: fs::read_to_string(&path).unwrap_or_default() }
    }

    /// Whether the host has the service address.
    pub fn holds_service(&self) -> bool {
        self.namespace.has_address(SERVICE)
    }

    /// Whether a daemon runs.
    pub fn is_running(&self) -> bool {
        !self.daemon_processes().is_empty()
    }

    /// The resources that the daemon's processes have used.
    pub fn usage(&self) -> Usage {
        processes::usage(&self.daemon_processes())
    }

    /// The resources that these processes of the host have used.
    pub fn usage_of(&self, pids: &[u32]) -> Usage {
        processes::usage(pids)
    }

    /// The memory of the daemon; none if it does not run. A 3.0.6 has six processes; the largest one counts.
    pub fn memory(&self) -> Option<Memory> {
        let of = |pid| match self.daemon {
            Daemon::Armv7 => armv7::memory(pid),
            _ => Memory::of(pid, |_| true),
        };
        self.daemon_processes().into_iter().filter_map(of).max_by_key(|memory| memory.own)
    }

    /// The process numbers of all processes of the host except its first.
    pub fn daemon_processes(&self) -> Vec<u32> {
        self.machine().as_ref().map_or_else(Vec::new, |machine| processes::of_machine(machine.first_process()))
    }

    /// The daemon's log; empty if there is none yet.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.root.join("log/ha-log")).unwrap_or_default()).into_owned()
    }

    /// The lines that a script of the host wrote to this file of `/var/log`.
    pub fn lines_of(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.root.join("log").join(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Whether a line of the log contains `text`.
    pub fn logged(&self, text: &str) -> bool {
        self.log().contains(text)
    }

    /// How many lines of the log contain `text`.
    pub fn count_logged(&self, text: &str) -> usize {
        self.log().lines().filter(|line| line.contains(text)).count()
    }

    /// Listens to the heartbeats on all links of the host.
    pub fn sniff(&self, site: &Site) -> Sniffer {
        Sniffer::new(&self.namespace, site.keys())
    }

    pub(super) fn state(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or_default().join("\n  ");
        let running = self.daemon_processes().len();
        format!("--- {} ({}), {running} processes, log:\n  {tail}\n", self.name, self.daemon)
    }

    fn machine(&self) -> MutexGuard<'_, Option<Machine>> {
        // A panic elsewhere must not hide the state of the host from its report.
        self.machine.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
