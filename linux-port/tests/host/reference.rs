//! The programs of 3.0.6, run on a configuration and a state directory of the scenario's own.

use std::path::Path;
use std::process::Command;

use super::Place;

/// The directory of its tools.
pub(crate) const TOOLS: &str = "/usr/share/heartbeat";

/// The reason why its programs cannot run here, which is printed. They run in a mount namespace, which needs root.
pub(crate) fn why_not() -> Option<&'static str> {
    let reason = if !Path::new(TOOLS).join("ResourceManager").exists() {
        "skipped: heartbeat 3.0.6 is not installed"
    } else if !Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success()) {
        "skipped: mount namespaces are not permitted"
    } else {
        return None;
    };
    println!("{reason}");
    Some(reason)
}

/// A command that sees `ha.d` and `state` of the place as `/etc/ha.d` and `/var/lib/heartbeat`, and a `/run` of its
/// own.
pub(crate) fn command(place: &Place, program: &str) -> Command {
    let script = "mount --make-rprivate / && mount --bind \"$1/ha.d\" /etc/ha.d && \
                  mount --bind \"$1/state\" /var/lib/heartbeat && mount -t tmpfs run /run && mkdir -p /run/lock && \
                  shift && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script, "sh"]).arg(place.path()).arg(program);
    command
}

/// Copies its shell functions and resource scripts into `ha.d`, which this makes, with `state` beside it.
pub(crate) fn install(place: &Place) {
    for directory in ["ha.d/rc.d", "ha.d/resource.d", "state"] {
        std::fs::create_dir_all(place.join(directory)).expect("made");
    }
    for file in ["shellfuncs", "harc"] {
        let _ = std::fs::copy(Path::new("/etc/ha.d").join(file), place.join("ha.d").join(file));
    }
}
