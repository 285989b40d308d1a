//! Users, programs and fencing devices.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use hbcore::config::{
    ApiAuth, Child, Directive, File as ConfigFile, HaCf, HbcoreCf, Position, Severity, StonithParameters,
};

use super::Check;
use crate::sys::users;

/// The directories where distributions keep Heartbeat's programs.
const PROGRAM_DIRS: [&str; 3] = ["/usr/libexec/heartbeat", "/usr/lib/heartbeat", "/usr/lib64/heartbeat"];
/// The directories where distributions keep the plug-ins of cluster-glue's fencing library.
const STONITH_DIRS: [&str; 4] = [
    "/usr/lib/stonith/plugins",
    "/usr/lib64/stonith/plugins",
    "/usr/lib/x86_64-linux-gnu/stonith/plugins",
    "/usr/lib/aarch64-linux-gnu/stonith/plugins",
];

/// The program of cluster-glue that drives fencing devices.
const STONITH: &str = "/usr/sbin/stonith";
/// The longest time for its answer about a device, the interval of the looks at it, and the length of the answer that
/// is read.
const STONITH_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(2);
const LINE_MAX: u64 = 4096;

/// Fencing devices that need no parameters.
const NO_PARAMETERS: [&str; 1] = ["suicide"];

/// Whether `path` is a file that this process may execute.
pub(super) fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// The place on this machine of a program of Heartbeat that an old configuration names in another one; `None` if the
/// path is good as it is, or the program is in none of these places.
pub(crate) fn installed_program(program: &str) -> Option<String> {
    let path = Path::new(program);
    let is_of_heartbeat = path.parent().is_some_and(|dir| PROGRAM_DIRS.iter().any(|known| dir == Path::new(known)));
    if !is_of_heartbeat || is_executable(path) {
        return None;
    }
    let found = PROGRAM_DIRS.iter().map(|dir| Path::new(dir).join(path.file_name().unwrap_or_default()));
    found.into_iter().find(|path| is_executable(path)).map(|path| path.display().to_string())
}

/// The reason why `path` cannot be executed, if it cannot.
fn lack(path: &Path) -> Option<&'static str> {
    match fs::metadata(path) {
        Err(_) => Some("does not exist"),
        Ok(_) if !is_executable(path) => Some("is not executable"),
        Ok(_) => None,
    }
}

/// Whether a daemon that Pacemaker needs is installed.
pub(super) fn has_cluster_daemon(configured: Option<&str>, name: &str) -> bool {
    let dirs = configured.into_iter().chain(["/usr/libexec/pacemaker"]).chain(PROGRAM_DIRS);
    dirs.into_iter().any(|dir| is_executable(&Path::new(dir).join(name)))
}

impl Check<'_> {
    pub(super) fn children(&mut self, ha_cf: &HaCf<'_>) {
        for child in &ha_cf.children {
            self.user(child);
            let program = child.program();
            if let Some(found) = installed_program(program) {
                let message = format!("Client child command [{program}] is {found} here");
                let help = "that is started; write its path into the line when all nodes have it there";
                self.found(ConfigFile::HaCf, Some(child.command_at), Severity::Info, message, help.to_owned());
            } else if !is_executable(Path::new(program)) {
                let message = format!("Client child command [{program}] is not executable");
                self.error(child.command_at, message, program_help(program));
            }
        }
    }

    fn user(&mut self, child: &Child<'_>) {
        if users::user(child.user).is_none() {
            let message = format!("Invalid uid [{}] specified for client child", child.user);
            self.error(child.at, message, "write the name of a user of this machine, then a blank, then the command");
        }
    }

    pub(super) fn api_auth(&mut self, ha_cf: &HaCf<'_>) {
        for line in &ha_cf.api_auth {
            let (uids, gids) = line.lists();
            let is_user = |name: &str| users::user(name).is_some();
            let is_group = |name: &str| users::group(name).is_some();
            self.names(line, line.users(), is_user, |name| {
                format!("Invalid user id name [{name}]; Bad uid list [{}]", uids.unwrap_or_default())
            });
            self.names(line, line.groups(), is_group, |name| {
                format!("Invalid group name [{name}]; Bad gid list [{}]", gids.unwrap_or_default())
            });
        }
    }

    /// Reports the first name of a list that is neither known nor a number.
    fn names<'n>(
        &mut self,
        line: &ApiAuth<'_>,
        mut names: impl Iterator<Item = (&'n str, Position)>,
        is_known: impl Fn(&str) -> bool,
        message: impl Fn(&str) -> String,
    ) {
        let is_number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
        if let Some((name, at)) = names.find(|(name, _)| !is_number(name) && !is_known(name)) {
            let message = format!("{}; Invalid apiauth directive [{}]", message(name), line.line);
            self.error(at, message, format!("create {name} on this machine, or take it from the list"));
        }
    }

    /// Checks the programs that `hbcore.cf` names. If the absence of one showed only after a node's death, it would
    /// delay the takeover.
    pub(super) fn site_programs(&mut self, extensions: &HbcoreCf<'_>) {
        let named = [
            (Directive::FenceCommand, extensions.fence_command),
            (Directive::StopFailureCommand, extensions.stop_failure_command),
        ];
        for (directive, program) in named {
            let Some(program) = program else { continue };
            if let Some(lack) = lack(Path::new(program.path)) {
                let message = format!("{} [{}] {lack}", directive.name(), program.path);
                let help = program_help(program.path);
                self.found(ConfigFile::HbcoreCf, Some(program.at), Severity::Error, message, help);
            }
        }
    }

    pub(super) fn stonith(&mut self, ha_cf: &HaCf<'_>, extensions: &HbcoreCf<'_>) {
        let Some(stonith) = ha_cf.stonith else { return };
        if extensions.fence_command.is_none()
            && let Some(lack) = lack(Path::new(STONITH))
        {
            let message = format!("the program that fences, [{STONITH}], {lack}");
            self.error(stonith.at, message, "install cluster-glue, or name a `fence_command` in hbcore.cf");
        }
        if !has_stonith_type(stonith.device_type) {
            let message = format!("Invalid Stonith type [{}]", stonith.device_type);
            self.error(stonith.at, message, "`stonith -L` lists the types that are installed");
        }
        if let StonithParameters::Line(text) = stonith.parameters {
            self.stonith_parameters(stonith.at, stonith.device_type, text);
        }
        if let StonithParameters::File(file) = stonith.parameters
            && let Err(error) = File::open(file)
        {
            let message = format!("Cannot open {file}; Invalid Stonith config file [{file}]");
            self.error(stonith.parameters_at, message, format!("the file holds the device's parameters: {error}"));
        }
    }
}

impl Check<'_> {
    /// Checks whether a device has all parameters that it needs: otherwise every attempt to fence would fail. 3.0.6
    /// makes the device at its start and so finds out.
    fn stonith_parameters(&mut self, at: Position, device: &str, text: &str) {
        let given = text.split_whitespace().count();
        match needed_parameters(device) {
            Some(names) if given < names.len() => {
                let blank = if text.is_empty() { "" } else { " " };
                let help = format!("write after the type, in this order: {}", names.join(" "));
                self.error(at, format!("Invalid Stonith configuration parameter [{blank}{text}]"), help);
            }
            None if given == 0 && has_stonith_type(device) && !NO_PARAMETERS.contains(&device) => {
                let help = format!("write them after the type: `stonith -t {device} -n` lists those that it needs");
                self.warning(at, format!("stonith_host gives the device [{device}] no parameters"), help);
            }
            _ => {}
        }
    }
}

/// The parameters that a device needs, as the program `stonith` lists them; `None` if it does not exist, or does not
/// know the device.
fn needed_parameters(device: &str) -> Option<Vec<String>> {
    let mut command = Command::new(STONITH);
    command.args(["-t", device, "-n"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let until = Instant::now() + STONITH_PATIENCE;
    // It prints one short line, which waits in the pipe.
    let ended = loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < until => thread::sleep(LOOK_AGAIN),
            Ok(Some(status)) => break status.success(),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                break false;
            }
        }
    };
    let mut said = String::new();
    child.stdout.take()?.take(LINE_MAX).read_to_string(&mut said).ok()?;
    ended.then(|| said.split_whitespace().map(str::to_owned).collect())
}

/// Whether a type exists: a plug-in, or after a slash a script of one.
fn has_stonith_type(name: &str) -> bool {
    let exists = |relative: &str| STONITH_DIRS.iter().any(|dir| fs::metadata(Path::new(dir).join(relative)).is_ok());
    match name.split_once('/') {
        Some(("external", script)) => exists(&format!("external/{script}")),
        Some((plugin, _)) => exists(&format!("stonith2/{plugin}.so")),
        None => exists(&format!("stonith2/{name}.so")),
    }
}

/// The help for a missing program: perhaps the same program in another place, because distributions differ.
fn program_help(program: &str) -> String {
    let elsewhere = |dir: &str| Some(PathBuf::from(dir).join(Path::new(program).file_name()?));
    match PROGRAM_DIRS.iter().filter_map(|dir| elsewhere(dir)).find(|path| is_executable(path)) {
        Some(path) => format!("on this machine it is {}", path.display()),
        None => "install it, correct its path, or make it executable".to_owned(),
    }
}
