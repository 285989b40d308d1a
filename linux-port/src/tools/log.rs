//! Log lines of tools, in the place and form of those of the shell scripts (docs/protocol/resources.md 3.5).

use std::fmt::{Arguments, Write as _};
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use super::context::variable;
use crate::log::{EarlyLog, Facility, Level, LogConfig, Stderr, month};
use crate::sys::clock::Clock;
use crate::sys::host_name;
use crate::sys::localtime::{LocalTime, local_time};
use crate::terminal::complain;

/// The log of a tool, as the daemon's environment describes it.
#[derive(Debug)]
pub(super) struct ScriptLog {
    /// `HA_LOGFILE`
    logfile: Option<PathBuf>,
    /// `HA_DEBUGLOG`
    debuglog: Option<PathBuf>,
    /// `HA_LOGFACILITY`
    facility: Option<Facility>,
    /// `NAME(INSTANCE)[PID]`
    tag: String,
    name: String,
    /// `HA_DATEFMT`
    date_format: String,
}

impl ScriptLog {
    /// The log that the environment describes, for the tool at `program`.
    pub(super) fn from_env(program: &Path) -> Self {
        let text = |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned());
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let instance = text("OCF_RESOURCE_INSTANCE").unwrap_or_else(|| "default".to_owned());
        Self {
            logfile: variable("HA_LOGFILE").map(PathBuf::from),
            debuglog: variable("HA_DEBUGLOG").map(PathBuf::from),
            facility: text("HA_LOGFACILITY").and_then(|name| Facility::by_name(&name)),
            tag: format!("{name}({instance})[{}]", std::process::id()),
            name,
            date_format: text("HA_DATEFMT").unwrap_or_else(|| "%b %d %T".to_owned()),
        }
    }

    /// Writes one line; its first word is the level, if any. At a terminal the line goes only there.
    pub(super) fn line(&self, text: Arguments<'_>) {
        if io::stdin().is_terminal() {
            complain(format_args!("{text}"));
            return;
        }
        let Self { tag, .. } = self;
        let date = date(&self.date_format, local_time(Clock.wall_seconds().cast_signed()));
        if let Some(facility) = self.facility {
            self.syslog(facility, text);
        }
        match &self.logfile {
            Some(file) => append(file, format_args!("{date}  {tag}:    {text}\n")),
            None if self.facility.is_none() => complain(format_args!("{date} {text}")),
            None => {}
        }
        if let Some(file) = &self.debuglog {
            append(file, format_args!("{tag}:\t{date} {text}\n"));
        }
    }

    /// Writes a result into the debug file, unchanged.
    pub(super) fn result(&self, text: &str) {
        if let Some(file) = &self.debuglog {
            append(file, format_args!("{text}\n"));
        }
    }

    /// The same destinations for the parts that run resources. Nothing goes to standard error.
    pub(super) fn destinations(&self) -> LogConfig {
        let file = |path: &Option<PathBuf>| path.clone().filter(|path| path != Path::new("/dev/null"));
        LogConfig {
            entity: self.name.clone(),
            logfile: file(&self.logfile),
            debugfile: file(&self.debuglog),
            facility: self.facility,
            stderr: Stderr::Off,
            ..LogConfig::early(&host_name())
        }
    }

    fn syslog(&self, facility: Facility, text: Arguments<'_>) {
        let config = LogConfig { logfile: None, debugfile: None, ..self.destinations() };
        EarlyLog::new(LogConfig { facility: Some(facility), ..config }).log(Level::Info, text);
    }
}

/// A line that cannot be written is lost, as in a script.
fn append(file: &Path, line: Arguments<'_>) {
    if let Ok(mut file) = OpenOptions::new().append(true).create(true).open(file) {
        let _ = file.write_all(line.to_string().as_bytes());
    }
}

/// A date in the format of date(1), as far as `HA_DATEFMT` uses it; blanks at the end are left out, as by the shell.
fn date(format: &str, t: LocalTime) -> String {
    let mut text = String::new();
    let mut letters = format.trim_end().chars();
    while let Some(letter) = letters.next() {
        // Writing to a string cannot fail.
        let _ = match (letter, letter == '%') {
            (_, true) => match letters.next() {
                Some('Y') => write!(text, "{:04}", t.year),
                Some('m') => write!(text, "{:02}", t.month),
                Some('d') => write!(text, "{:02}", t.day),
                Some('H') => write!(text, "{:02}", t.hour),
                Some('M') => write!(text, "{:02}", t.minute),
                Some('S') => write!(text, "{:02}", t.second),
                Some('T') => write!(text, "{:02}:{:02}:{:02}", t.hour, t.minute, t.second),
                Some('b') => write!(text, "{}", month(t)),
                other => write!(text, "%{}", other.map(String::from).unwrap_or_default()),
            },
            (letter, false) => write!(text, "{letter}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_date() {
        let t = LocalTime { year: 2026, month: 1, day: 2, hour: 3, minute: 4, second: 5 };
        assert_eq!(date("%Y/%m/%d_%T\t", t), "2026/01/02_03:04:05");
        assert_eq!(date("%b %d %T ", t), "Jan 02 03:04:05");
        assert_eq!(date("%H%M%S %q%", t), "030405 %q%");
    }
}
