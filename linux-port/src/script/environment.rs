//! The environment of scripts.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

/// All variables of a script, one value a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// The environment with which the daemon was started: `PATH`, `HOME` and all others, as 3.0.6 hands it on.
    #[cold]
    pub fn inherited() -> Self {
        let mut inherited = Self { variables: std::env::vars_os().collect() };
        // The service manager gave these to the daemon, not to its children.
        inherited.unset("NOTIFY_SOCKET").unset("WATCHDOG_USEC").unset("WATCHDOG_PID");
        inherited
    }

    /// Sets a variable; the last value wins. A name that is empty or has `=` or a zero byte in it, or a value with a
    /// zero byte, cannot be given to a process and is left out when one is started.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> &mut Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Removes a variable.
    pub fn unset(&mut self, name: &str) -> &mut Self {
        self.variables.remove(OsStr::new(name));
        self
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// Adds what `shellfuncs` adds before 3.0.6 runs a resource script, as scripts rely on it
    /// (docs/protocol/resources.md 3.3): `HA_BIN` and the system directories first on `PATH`, and the C locale.
    #[cold]
    pub fn with_shell_functions(&mut self, helpers: &str, config_dir: &str, fifo: &str) -> &mut Self {
        let path = self.get("PATH").map(OsStr::to_owned).unwrap_or_default();
        let mut longer = OsString::from(format!("{helpers}:/usr/sbin:/usr/share/heartbeat:"));
        longer.push(path);
        self.set("PATH", longer).set("HA_BIN", helpers).set("HA_FIFO", fifo);
        self.set("HA_RCDIR", format!("{config_dir}/rc.d")).set("HA_RESOURCEDIR", format!("{config_dir}/resource.d"));
        self.set("HA_DOCDIR", "/usr/share/doc/heartbeat").set("OCF_AGENTS", "/usr/lib/ocf/resource.d/heartbeat/");
        self.unset("LANGUAGE").set("LC_ALL", "C")
    }

    /// `NAME=value` strings for exec.
    pub(crate) fn to_strings(&self) -> Vec<CString> {
        let valid = self.variables.iter().filter(|(name, _)| {
            let name = name.as_encoded_bytes();
            !name.is_empty() && !name.contains(&b'=')
        });
        let joined = valid.map(|(name, value)| {
            let mut text = name.clone().into_vec();
            text.push(b'=');
            text.extend_from_slice(value.as_encoded_bytes());
            CString::new(text)
        });
        joined.flatten().collect()
    }
}

impl<N: Into<OsString>, V: Into<OsString>> Extend<(N, V)> for Environment {
    fn extend<T: IntoIterator<Item = (N, V)>>(&mut self, variables: T) {
        for (name, value) in variables {
            self.set(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_no_process_can_have_are_left_out() {
        let mut environment = Environment::default();
        environment.set("A", "1").set("", "2").set("B=C", "3").set("D", "4\0").set("A", "5");
        assert_eq!(environment.to_strings(), [CString::new("A=5").expect("no zero")]);
    }
}
