//! The history of a world as a space-time diagram: time runs downwards, each node is a line, each message an arrow,
//! each group a bar on the nodes that run it. Times without events are left out, with a note.

use super::engine::name;
use super::story::{Happening, Runs, Story};
use super::{Fault, Schedule, Violation};
use std::fmt::Write;
use std::time::Duration;

const LEFT: f64 = 340.0;
const BETWEEN: f64 = 420.0;
const BAR: f64 = 9.0;
/// Height of a line of text.
const ROW: f64 = 11.0;
/// A pause longer than this is drawn as a gap.
const PAUSE: Duration = Duration::from_millis(200);
const GAP: f64 = 26.0;
/// The diagram shows only this number of events, the last ones: they contain the cause of the end.
const MOST: usize = 400;
const OFF: &str = "stroke='#999' stroke-dasharray='1 5'";
const PAUSED: &str = "stroke='#e80' stroke-width='3'";
const COLOURS: [&str; 4] = ["#2a7", "#27c", "#c72", "#a3c"];

/// The diagram of a run, as SVG. It leaves out heartbeats and acknowledgements.
pub fn svg(schedule: &Schedule, story: &Story, violation: Option<&Violation>) -> String {
    let all: Vec<&(Duration, Happening)> = story.0.iter().filter(|(_, h)| is_of_interest(h)).collect();
    let left_out = all.len().saturating_sub(MOST);
    let mut drawing = Drawing::new(schedule, &all[left_out..], story.0.last().map(|(at, _)| *at).unwrap_or_default());
    drawing.head(violation, left_out);
    drawing.nodes();
    drawing.absences(story);
    drawing.groups(story);
    drawing.happenings(&all[left_out..]);
    drawing.finish()
}

/// A small count.
fn real(count: usize) -> f64 {
    f64::from(u16::try_from(count).unwrap_or(u16::MAX))
}

fn is_of_interest(happening: &Happening) -> bool {
    !matches!(happening, Happening::Sent { is_routine: true, .. } | Happening::Group { .. })
}

struct Drawing<'s> {
    schedule: &'s Schedule,
    lines: String,
    /// Texts, which are drawn over all lines.
    texts: String,
    /// Times and their vertical positions, in order.
    scale: Vec<(Duration, f64)>,
    height: f64,
}

impl<'s> Drawing<'s> {
    fn new(schedule: &'s Schedule, all: &[&(Duration, Happening)], end: Duration) -> Self {
        let mut drawing =
            Self { schedule, lines: String::new(), texts: String::new(), scale: Vec::new(), height: 75.0 };
        let mut before = all.first().map_or(end, |(at, _)| *at);
        for at in all.iter().map(|(at, _)| *at).chain([end]) {
            let since = at.saturating_sub(before);
            if since > PAUSE {
                let y = drawing.height + ROW / 2.0 + GAP / 2.0;
                drawing.words(8.0, y, "#888", "start", &format!("⋮ {:.3} s", since.as_secs_f64()));
                drawing.height += GAP;
            }
            // There is a little more room between events at different times, so that arrows slope.
            drawing.height += if at == before { ROW } else { ROW + 5.0 };
            drawing.scale.push((at, drawing.height));
            before = at;
        }
        drawing.height += 40.0;
        drawing
    }

    fn x(node: usize) -> f64 {
        LEFT + BETWEEN * real(node)
    }

    /// The vertical position of a time: that of the first event at this time, or between two events.
    fn y(&self, at: Duration) -> f64 {
        let next = self.scale.partition_point(|(t, _)| *t < at);
        let Some((t1, y1)) = self.scale.get(next) else { return self.height - 20.0 };
        let Some((t0, y0)) = next.checked_sub(1).and_then(|n| self.scale.get(n)) else { return *y1 };
        y0 + at.saturating_sub(*t0).as_secs_f64() / t1.saturating_sub(*t0).as_secs_f64() * (y1 - y0)
    }

    fn words(&mut self, x: f64, y: f64, colour: &str, anchor: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ =
            writeln!(self.texts, "<text x='{x:.0}' y='{y:.1}' fill='{colour}' text-anchor='{anchor}'>{text}</text>");
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), style: &str) {
        let ((x0, y0), (x1, y1)) = (from, to);
        let _ = writeln!(self.lines, "<line x1='{x0:.0}' y1='{y0:.1}' x2='{x1:.0}' y2='{y1:.1}' {style}/>");
    }

    fn head(&mut self, violation: Option<&Violation>, left_out: usize) {
        let title = violation.map_or_else(|| "no rule was broken".to_owned(), ToString::to_string);
        let colour = if violation.is_some() { "#c00" } else { "#070" };
        self.words(8.0, 18.0, colour, "start", &title.chars().take(180).collect::<String>());
        let mut note = String::from(
            "time runs down; heartbeats and acknowledgements are left out; × is a lost message; dotted is off, orange is paused",
        );
        if left_out > 0 {
            let _ = write!(note, "; {left_out} earlier things are left out");
        }
        self.words(8.0, 34.0, "#666", "start", &note);
        for group in 0..self.schedule.site.groups.len() {
            let text = format!("■ group {group}, at home on {}", name(self.schedule.site.groups[group]));
            self.words(8.0 + 220.0 * real(group), 50.0, COLOURS[group % COLOURS.len()], "start", &text);
        }
    }

    fn nodes(&mut self) {
        for node in 0..self.schedule.site.nodes.len() {
            let x = Self::x(node);
            let title = format!("{} ({:?})", name(node), self.schedule.site.nodes[node]);
            self.words(x, 74.0, "#000", "middle", &title);
            self.line((x, 80.0), (x, self.height - 20.0), "stroke='#444' stroke-width='1.5'");
        }
    }

    /// Draws the times at which a node is off, or is on and does not run.
    fn absences(&mut self, story: &Story) {
        let end = self.scale.last().map(|(at, _)| *at).unwrap_or_default();
        for node in 0..self.schedule.site.nodes.len() {
            let (mut off, mut paused) = (Some(Duration::ZERO), None);
            for (at, happening) in &story.0 {
                match happening {
                    Happening::Started(n) if *n == node => self.absence(node, off.take(), *at, OFF),
                    Happening::Ended(n) if *n == node => off = off.or(Some(*at)),
                    Happening::Begin(Fault::Pause(n)) if *n == node => paused = paused.or(Some(*at)),
                    Happening::End(Fault::Pause(n)) if *n == node => self.absence(node, paused.take(), *at, PAUSED),
                    _ => {}
                }
            }
            self.absence(node, off, end, OFF);
            self.absence(node, paused, end, PAUSED);
        }
    }

    fn absence(&mut self, node: usize, from: Option<Duration>, to: Duration, style: &str) {
        let Some(from) = from else { return };
        let x = Self::x(node);
        let (y0, y1) = (if from.is_zero() { 80.0 } else { self.y(from) }, self.y(to));
        self.line((x, y0), (x, y1), "stroke='#fff' stroke-width='3'");
        self.line((x, y0), (x, y1), style);
    }

    /// Draws the time in which each node ran each group.
    fn groups(&mut self, story: &Story) {
        let nodes = self.schedule.site.nodes.len();
        let groups = self.schedule.site.groups.len();
        for (node, group) in (0..nodes).flat_map(|node| (0..groups).map(move |group| (node, group))) {
            let mut since = (Duration::ZERO, Runs::No);
            for (at, happening) in &story.0 {
                let now = match happening {
                    Happening::Group { node: n, group: g, runs } if (*n, *g) == (node, group) => *runs,
                    Happening::Ended(n) if *n == node => Runs::No,
                    _ => continue,
                };
                self.bar(node, group, since, *at);
                since = (*at, now);
            }
            let end = self.scale.last().map(|(at, _)| *at).unwrap_or_default();
            self.bar(node, group, since, end);
        }
    }

    fn bar(&mut self, node: usize, group: usize, (from, runs): (Duration, Runs), to: Duration) {
        let opacity = match runs {
            Runs::No => return,
            Runs::Partly => 0.3,
            Runs::Yes => 0.9,
        };
        let x = Self::x(node) + 4.0 + BAR * real(group);
        let (y0, y1) = (self.y(from), self.y(to));
        let colour = COLOURS[group % COLOURS.len()];
        let (width, height) = (BAR - 2.0, (y1 - y0).max(1.0));
        let _ = writeln!(
            self.lines,
            "<rect x='{x:.0}' y='{y0:.1}' width='{width}' height='{height:.1}' fill='{colour}' opacity='{opacity}'/>"
        );
    }

    /// Draws a row for each event.
    fn happenings(&mut self, all: &[&(Duration, Happening)]) {
        let mut last = None;
        let rows: Vec<f64> = self.scale.iter().map(|(_, y)| *y).collect();
        for ((at, happening), y) in all.iter().zip(rows) {
            if last != Some(*at) {
                self.words(8.0, y + 4.0, "#888", "start", &format!("{:.6}", at.as_secs_f64()));
                last = Some(*at);
            }
            self.happening(y, happening);
        }
    }

    fn happening(&mut self, y: f64, happening: &Happening) {
        let right = Self::x(self.schedule.site.nodes.len() - 1) + 60.0;
        let text = happening.to_string();
        match happening {
            Happening::Sent { from, to, arrives, label, link, .. } => {
                self.arrow(*from, *to, *link, (y, *arrives), label);
            }
            Happening::Begin(_) | Happening::End(_) => {
                self.words(90.0, y + 4.0, "#c60", "start", &text);
                self.line((LEFT - 20.0, y), (right, y), "stroke='#c60' stroke-dasharray='6 3' opacity='0.6'");
            }
            Happening::Broken(_) => {
                self.words(90.0, y + 4.0, "#c00", "start", &text);
                self.line((80.0, y), (right, y), "stroke='#c00' stroke-width='2'");
            }
            Happening::Said { node, text } => {
                let text: String = text.chars().take(60).collect();
                let count = real(self.schedule.site.groups.len());
                self.words(Self::x(*node) + 8.0 + BAR * count, y + 4.0, "#555", "start", &text);
            }
            Happening::Started(node) | Happening::Ended(node) => {
                let mark = if matches!(happening, Happening::Started(_)) { "▲ starts" } else { "▼ ends" };
                self.words(Self::x(*node) - 6.0, y + 4.0, "#000", "end", mark);
            }
            Happening::Group { .. } => {}
        }
    }

    fn arrow(&mut self, from: usize, to: usize, link: usize, (y0, arrives): (f64, Option<Duration>), label: &str) {
        let (x0, x1) = (Self::x(from), Self::x(to));
        let dashes = if link == 0 { "" } else { "stroke-dasharray='4 2'" };
        if let Some(at) = arrives {
            let style = format!("stroke='#36a' opacity='0.7' {dashes} marker-end='url(#tip)'");
            self.line((x0, y0), (x1, self.y(at).max(y0)), &style);
        } else {
            let x = x0 + (x1 - x0) * 0.3;
            self.line((x0, y0), (x, y0 + 3.0), &format!("stroke='#a33' {dashes}"));
            self.words(x, y0 + 7.0, "#a33", "middle", "×");
        }
        if link == 0 || arrives.is_none() {
            let side = if x1 > x0 { -6.0 } else { 6.0 };
            let anchor = if x1 > x0 { "end" } else { "start" };
            let offset = if x1 > x0 { 0.0 } else { BAR * real(self.schedule.site.groups.len()) };
            self.words(x0 + side + offset, y0 + 4.0, "#36a", anchor, label);
        }
    }

    fn finish(self) -> String {
        let width = Self::x(self.schedule.site.nodes.len() - 1) + 420.0;
        let height = self.height;
        format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' font-family='monospace' font-size='10'>\n\
             <defs><marker id='tip' viewBox='0 0 8 8' refX='8' refY='4' markerWidth='7' markerHeight='7' orient='auto'>\
             <path d='M0,0 L8,4 L0,8 z' fill='#36a'/></marker></defs>\n\
             <style>text {{ paint-order: stroke; stroke: #fff; stroke-width: 3px; }}</style>\n\
             <rect width='100%' height='100%' fill='#fff'/>\n{}{}</svg>\n",
            self.lines, self.texts
        )
    }
}
