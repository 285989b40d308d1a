//! The shapes of a line (docs/protocol/files.md 14.1 and 14.2).

use std::io::Write;

use super::{Facility, Record, priority};
use crate::sys::localtime::{LocalTime, local_time};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The shape of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `Mon DD HH:MM:SS host entity: [pid]: prio: text`, a line of a file with `syslogmsgfmt true`.
    Syslog,
    /// `entity[pid]: YYYY/MM/DD_HH:MM:SS prio: text`, a line of a file with `syslogmsgfmt false`.
    Dated,
    /// `<PRI>Mon DD HH:MM:SS entity: [pid]: prio: text` and a zero byte, a datagram.
    Datagram(Facility),
    /// `<N>prio: text`, a line for the journal.
    Journal,
}

/// The names in lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) entity: String,
    pub(super) host: String,
}

/// Replaces `out` by the line in the given shape, with its terminator.
pub(super) fn render(out: &mut Vec<u8>, shape: Shape, names: &Names, record: &Record) {
    out.clear();
    let Names { entity, host } = names;
    let (pid, word) = (record.pid, record.level.word());
    // Writing to a vector cannot fail.
    let _ = match shape {
        Shape::Syslog => {
            syslog_time(out, local_time(record.seconds));
            write!(out, " {host} {entity}: [{pid}]: {word}: ")
        }
        Shape::Dated => {
            let t = local_time(record.seconds);
            let (date, time) = ((t.year, t.month, t.day), (t.hour, t.minute, t.second));
            let _ = write!(out, "{entity}[{pid}]: {:04}/{:02}/{:02}", date.0, date.1, date.2);
            write!(out, "_{:02}:{:02}:{:02} {word}: ", time.0, time.1, time.2)
        }
        Shape::Datagram(facility) => {
            let _ = write!(out, "<{}>", priority(facility, record.level));
            syslog_time(out, local_time(record.seconds));
            write!(out, " {entity}: [{pid}]: {word}: ")
        }
        Shape::Journal => write!(out, "<{}>{word}: ", record.level as u8),
    };
    out.extend_from_slice(record.text());
    out.push(if matches!(shape, Shape::Datagram(_)) { 0 } else { b'\n' });
}

/// `Mon DD HH:MM:SS`; unlike traditional syslog the day is padded with a zero.
fn syslog_time(out: &mut Vec<u8>, t: LocalTime) {
    let month = month(t);
    let _ = write!(out, "{month} {:02} {:02}:{:02}:{:02}", t.day, t.hour, t.minute, t.second);
}

/// The month in three letters.
pub(crate) fn month(t: LocalTime) -> &'static str {
    usize::from(t.month).checked_sub(1).and_then(|m| MONTHS.get(m)).unwrap_or(&"Jan")
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn rendered(shape: Shape, level: Level) -> String {
        let names = Names { entity: "heartbeat".into(), host: "alpha".into() };
        let record = Record::new(level, 1_795_362_619, 7831, format_args!("Link {}:{} up.", "alpha", "eth0"));
        let mut out = Vec::new();
        render(&mut out, shape, &names, &record);
        String::from_utf8(out).expect("ASCII")
    }

    /// The local time of the fixed moment, computed by the system's `date`, so that the test passes in any time zone.
    fn date(format: &str) -> String {
        let out = std::process::Command::new("date").args(["-d", "@1795362619", format]).output().expect("date runs");
        String::from_utf8(out.stdout).expect("ASCII").trim_end().to_owned()
    }

    #[test]
    fn lines_have_the_shapes_that_log_watchers_match() {
        let (stamp, dated) = (date("+%b %d %H:%M:%S"), date("+%Y/%m/%d_%H:%M:%S"));
        let text = "Link alpha:eth0 up.";
        assert_eq!(rendered(Shape::Syslog, Level::Info), format!("{stamp} alpha heartbeat: [7831]: info: {text}\n"));
        assert_eq!(rendered(Shape::Dated, Level::Warn), format!("heartbeat[7831]: {dated} WARN: {text}\n"));
        assert_eq!(rendered(Shape::Journal, Level::Crit), format!("<2>CRIT: {text}\n"));
    }

    #[test]
    fn datagram_begins_with_its_priority_and_ends_in_a_zero_byte() {
        let local0 = Facility::by_name("local0").expect("known");
        let stamp = date("+%b %d %H:%M:%S");
        let expected = format!("<131>{stamp} heartbeat: [7831]: ERROR: Link alpha:eth0 up.\0");
        assert_eq!(rendered(Shape::Datagram(local0), Level::Error), expected);
    }

    #[test]
    fn facilities_have_their_standard_numbers() {
        let code = |name| Facility::by_name(name).map(|f| priority(f, Level::Emerg));
        assert_eq!([code("kern"), code("daemon"), code("local7")], [Some(0), Some(24), Some(184)]);
        assert_eq!([code("none"), code("bogus"), code("local8"), code("local+1")], [None; 4]);
    }

    #[test]
    fn text_cannot_forge_a_line_and_is_cut_at_the_capacity() {
        let forged = Record::new(Level::Info, 0, 1, format_args!("a\nb\0c\td"));
        assert_eq!(forged.text(), b"a?b?c\td");
        let long = Record::new(Level::Info, 0, 1, format_args!("{}", "x".repeat(5000)));
        assert_eq!(long.text().len(), super::super::TEXT_CAPACITY);
        assert!(long.text().ends_with(b"xx..."));
    }
}
