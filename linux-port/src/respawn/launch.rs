//! How a client becomes a process of its user: this program is executed once more, and drops the rights of root there.
//! The daemon forks nothing, and the libraries that know users and groups are not loaded into it.

use super::{Surroundings, Wanted};
use crate::script::Environment;
use crate::sys::exec;
use crate::sys::fault;
use crate::sys::process::{Child, Spawn, spawn};
use crate::sys::users::{User, become_user};
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The first word of a command line that becomes a client. Only the daemon says it.
pub const AS_CLIENT: &str = "--as-client";
/// The exit code of a shell for a command that it cannot run.
const CANNOT: u8 = 126;
/// This program, also after another one was installed in its place.
const ITSELF: &std::ffi::CStr = c"/proc/self/exe";

/// Starts a client. Its standard descriptors are `/dev/null`.
pub(super) fn launch(wanted: &Wanted, surroundings: &Surroundings) -> io::Result<Child> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let words = [
        OsStr::new("heartbeat"),
        OsStr::new(AS_CLIENT),
        OsStr::new(&wanted.user),
        OsStr::new(&wanted.uid.to_string()),
        OsStr::new(&wanted.gid.to_string()),
        surroundings.cores.as_os_str(),
        OsStr::new(&wanted.command),
    ]
    .map(|word| CString::new(word.as_bytes()));
    let arguments = words.into_iter().collect::<Result<Vec<_>, _>>()?;
    let environment = Environment::to_strings(&surroundings.environment);
    fault::gate(fault::Call::Spawn, format_args!("client {}", wanted.command))?;
    spawn(&Spawn {
        program: ITSELF,
        arguments: &arguments,
        environment: &environment,
        directory: c"/",
        standard: [null.as_fd(), null.as_fd(), null.as_fd()],
    })
}

/// Becomes a client, in the process that `launch` has made: `words` follow [`AS_CLIENT`]. Returns only what the process is to end with
/// because it cannot.
#[cold]
pub fn as_client(words: impl IntoIterator<Item = OsString>) -> u8 {
    let words: Vec<OsString> = words.into_iter().collect();
    let [name, uid, gid, cores, command] = words.as_slice() else { return CANNOT };
    let number = |word: &OsString| word.to_str().and_then(|word| word.parse().ok());
    let (Some(name), Some(uid), Some(gid)) = (name.to_str(), number(uid), number(gid)) else { return CANNOT };
    if become_user(name, User { uid, gid }).is_err() {
        return CANNOT;
    }
    // Where it may leave a core file; that of root is the one in which 3.0.6 leaves all.
    let cores = Path::new(cores);
    let _ = [cores.join(name), cores.join("root"), "/".into()].iter().any(|dir| std::env::set_current_dir(dir).is_ok());
    let mut line = OsString::from("exec ");
    line.push(command);
    let _ = exec::replace(Path::new("/bin/sh"), [OsStr::new("-c"), &line], "client");
    CANNOT
}
