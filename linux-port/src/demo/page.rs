//! The output for people: a drawing, a timeline, and the figures at the end.

use std::fmt::{Arguments, Display};
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::network::{CABLED, CLIENT, SERVICE, SWITCHED};
use super::timing::{DEADTIME, KEEPALIVE};

/// Codes of "select graphic rendition" (ECMA-48 8.3.117).
const BOLD: &str = "1";
const FAINT: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
/// Microseconds for one block of a bar.
const BLOCK: u128 = 1000;
/// The longest bar, in blocks.
const BAR: usize = 40;

/// The client's longest times without an answer, one for each event.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// While nothing happened: the delays of this machine alone.
    pub(super) quiet: Vec<Duration>,
    /// After a power cut.
    pub(super) cuts: Vec<Duration>,
    /// During a failback.
    pub(super) failbacks: Vec<Duration>,
    /// From the beginning of the partition until after its end.
    pub(super) partition: Duration,
}

/// The rendition of a line on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Good,
    Bad,
}

/// The page. Lines that cannot be written, as when the reader has gone, are dropped.
pub(super) struct Page {
    start: Instant,
    colours: bool,
}

impl Page {
    /// The clock of the timeline starts now.
    pub(super) fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { start: Instant::now(), colours: wanted && io::stdout().is_terminal() }
    }

    /// The title and the drawing.
    pub(super) fn title(&self) {
        let ([a, b], [c, d]) = (SWITCHED, CABLED);
        let title = self.inked(BOLD, "hbcore: two nodes, one address, and the power fails");
        let service = self.inked(BOLD, SERVICE);
        let (keepalive, deadtime) = (KEEPALIVE.as_millis(), DEADTIME.as_millis());
        line(format_args!(
            "
  {title}

      ┌───────┐ {c}  direct cable  {d} ┌───────┐
      │ alpha ├──────────────────────────────────┤ bravo │
      └───┬───┘                                  └───┬───┘
{a:>9} │                ┌────────┐                │ {b}
          └────────────────┤ switch ├────────────────┘
                           └───┬────┘
                               │ {CLIENT}
                            client: who is at {service}?

  A heartbeat goes both ways every {keepalive} ms; a node that is silent for {deadtime} ms is dead.
"
        ));
    }

    /// A line of the timeline, for an event at that moment.
    pub(super) fn event(&self, at: Instant, ink: Ink, what: impl Display) {
        let code = match ink {
            Ink::Plain => "0",
            Ink::Good => GREEN,
            Ink::Bad => RED,
        };
        let seconds = format!("{:7.3} s", at.saturating_duration_since(self.start).as_secs_f64());
        line(format_args!("{}  {}", self.inked(FAINT, seconds), self.inked(code, what)));
    }

    /// A remark without a time.
    pub(super) fn remark(&self, what: impl Display) {
        line(format_args!("  {}", self.inked(FAINT, what)));
    }

    /// Writes the figures, and beside them published figures for comparison.
    pub(super) fn figures(&self, figures: &Figures) {
        line(format_args!("\n  {}", self.inked(BOLD, "Without an answer, in milliseconds")));
        line(format_args!("                             shortest   median   longest"));
        let count = times(figures.cuts.len());
        self.row(&format!("power cut, {count}"), &figures.cuts);
        self.row(&format!("failback, {count}"), &figures.failbacks);
        self.row("partition and healing", &[figures.partition]);
        self.row("while nothing happens", &figures.quiet);
        let (keepalive, deadtime) = (KEEPALIVE.as_millis(), DEADTIME.as_millis());
        line(format_args!(
            "
  The client asks once a millisecond: 1 ms means that no answer was missing. The last row is
  what this machine does by itself. The last heartbeat before a power cut is up to {keepalive} ms old,
  so that the {deadtime} ms of silence may be over a little sooner.

  Linux-HA Heartbeat 3.0.6 at the same timing: 364 to 436 ms for a power cut, 16 s for the healing
  of a partition. (Measured earlier, with a client like this one; `cargo verify bench` repeats it.)
"
        ));
    }

    fn row(&self, what: &str, all: &[Duration]) {
        let Some([least, median, most]) = spread(all) else { return };
        let median = self.inked(GREEN, format_args!("{median:6.1}"));
        if all.len() == 1 {
            return line(format_args!("    {what:24}            {median}"));
        }
        line(format_args!("    {what:24}   {least:6.1}   {median}    {most:6.1}"));
    }

    /// The text in this rendition, if the page has colours.
    fn inked(&self, code: &str, text: impl Display) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// A bar as long as the time.
pub(super) fn bar(time: Duration) -> String {
    let blocks = time.as_micros().saturating_add(BLOCK / 2) / BLOCK;
    "▆".repeat(usize::try_from(blocks).unwrap_or(BAR).min(BAR))
}

/// A time in milliseconds.
pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The shortest, the median and the longest.
fn spread(all: &[Duration]) -> Option<[f64; 3]> {
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    let median = *sorted.get(sorted.len() / 2)?;
    Some([*sorted.first()?, median, *sorted.last()?].map(millis))
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn line(text: Arguments<'_>) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_in_the_middle() {
        let all = [30, 10, 20].map(Duration::from_millis);
        assert_eq!(spread(&all), Some([10.0, 20.0, 30.0]));
        assert_eq!(spread(&[]), None);
    }

    #[test]
    fn bar_is_as_long_as_the_time_and_no_longer_than_a_line() {
        assert_eq!(bar(Duration::from_micros(2_600)), "▆▆▆");
        assert_eq!(bar(Duration::from_secs(5)).chars().count(), BAR);
    }
}
