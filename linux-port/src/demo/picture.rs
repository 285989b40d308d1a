//! The drawing of a failover as SVG: each answer of the client is a stroke at its time, in the row of the node that
//! gave it.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::network::{NODES, SERVICE};
use super::page::millis;
use super::timing::{DEADTIME, KEEPALIVE};

/// The time that is drawn before and after the moment of a scene.
const BEFORE: Duration = Duration::from_millis(20);
const AFTER: Duration = Duration::from_millis(60);
/// Pixels: where the time axis begins, one millisecond, the width of the drawing, one row, one scene.
const LEFT: f64 = 90.0;
const MILLISECOND: f64 = 9.0;
const WIDTH: f64 = 850.0;
const ROW: f64 = 30.0;
const SCENE: f64 = 150.0;
const TITLE: f64 = 50.0;
/// The colours of the nodes, in the order of `NODES`.
const COLOURS: [&str; 2] = ["#1a7f37", "#0969da"];
const RED: &str = "#cf222e";

/// An answer: its time, in milliseconds from the moment of the scene, and the index of the node in `NODES`.
type Stroke = (f64, usize);

/// A moment and the answers around it.
pub(super) struct Scene {
    title: String,
    moment: &'static str,
    strokes: Vec<Stroke>,
}

impl Scene {
    /// The scene around `zero`, the time of the event `moment`. `answers` holds times and names of nodes.
    pub(super) fn new(
        title: String,
        moment: &'static str,
        zero: Instant,
        answers: impl Iterator<Item = (Instant, &'static str)>,
    ) -> Self {
        let strokes = answers.filter_map(|(at, by)| {
            let node = NODES.iter().position(|name| *name == by)?;
            Some((signed_millis(at, zero), node))
        });
        let drawn = -millis(BEFORE)..=millis(AFTER);
        Self { title, moment, strokes: strokes.filter(|(at, _)| drawn.contains(at)).collect() }
    }

    /// The longest time between an answer of one node and the next of the other: its beginning and its end.
    fn gap(&self) -> Option<(f64, f64)> {
        let pairs = self.strokes.windows(2).filter_map(|pair| match pair {
            [(from, one), (to, other)] if one != other => Some((*from, *to)),
            _ => None,
        });
        pairs.max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))
    }

    fn draw(&self, svg: &mut String, top: f64) {
        let Self { title, moment, strokes } = self;
        let row = |node: usize| top + 34.0 + ROW * if node == 0 { 0.0 } else { 1.0 };
        text(svg, 16.0, top + 10.0, "title", title);
        for (node, (name, colour)) in NODES.iter().zip(COLOURS).enumerate() {
            text(svg, 16.0, row(node) + 15.0, "name", name);
            let mut path = String::new();
            for (at, _) in strokes.iter().filter(|(_, by)| *by == node) {
                let _ = write!(path, "M{:.1} {:.0}v18", x(*at), row(node));
            }
            let _ = writeln!(svg, r#"<path d="{path}" stroke="{colour}" stroke-width="2.5"/>"#);
        }
        let (begin, end, axis) = (-millis(BEFORE), millis(AFTER), row(1) + 30.0);
        let _ = writeln!(svg, r##"<path d="M{:.1} {axis:.0}H{:.1}" stroke="#57606a"/>"##, x(begin), x(end));
        for tick in (-20..=60).step_by(10) {
            text(svg, x(f64::from(tick)), axis + 15.0, "tick", &format!("{tick}"));
        }
        text(svg, x(end) + 20.0, axis + 15.0, "tick", "ms");
        let _ = writeln!(
            svg,
            r#"<path d="M{0:.1} {1:.0}V{axis:.0}" stroke="{RED}" stroke-dasharray="4 3"/>"#,
            x(0.0),
            row(0) - 8.0
        );
        text(svg, x(0.0) + 5.0, row(0) - 1.0, "moment", moment);
        if let Some((from, to)) = self.gap() {
            let middle = row(0) + 24.0;
            let _ = writeln!(
                svg,
                r#"<path d="M{0:.1} {middle:.0}H{1:.1}M{0:.1} {2:.0}v8M{1:.1} {2:.0}v8" stroke="{RED}"/>"#,
                x(from),
                x(to),
                middle - 4.0
            );
            // In the row of the node that does not answer during the gap.
            let served_by_first = strokes.iter().any(|(at, by)| *at >= to && *by == 0);
            text(
                svg,
                x(to) + 8.0,
                row(usize::from(served_by_first)) + 15.0,
                "moment",
                &format!("{:.1} ms without an answer", to - from),
            );
        }
    }
}

/// The whole drawing.
pub(super) fn svg(scenes: &[Scene]) -> String {
    let height = scenes.iter().fold(TITLE, |height, _| height + SCENE);
    let (keepalive, deadtime) = (KEEPALIVE.as_millis(), DEADTIME.as_millis());
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">
<desc>Drawn from a run, by: cargo demo --svg FILE</desc>
<style>.title{{font-weight:600}}.tick{{fill:#57606a;text-anchor:middle;font-size:11px}}.moment{{fill:{RED}}}</style>
<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let subtitle = format!(
        "Each stroke is an answer from {SERVICE}; the client asks once a millisecond. \
         Keepalive {keepalive} ms, dead time {deadtime} ms."
    );
    text(&mut svg, 16.0, 28.0, "", &subtitle);
    let mut top = TITLE;
    for scene in scenes {
        scene.draw(&mut svg, top);
        top += SCENE;
    }
    svg.push_str("</svg>\n");
    svg
}

fn text(svg: &mut String, x: f64, y: f64, class: &str, words: &str) {
    let _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.0}" class="{class}">{words}</text>"#);
}

/// The position of a time, in pixels.
fn x(ms: f64) -> f64 {
    LEFT + (ms + millis(BEFORE)) * MILLISECOND
}

fn signed_millis(at: Instant, zero: Instant) -> f64 {
    match at.checked_duration_since(zero) {
        Some(after) => millis(after),
        None => -millis(zero.duration_since(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_gap_of_a_scene_is_named_in_the_drawing() {
        let zero = Instant::now() + Duration::from_secs(1);
        let start = zero.checked_sub(Duration::from_millis(20)).expect("a second has passed");
        let before = (0..20).map(|ms| (start + Duration::from_millis(ms), "alpha"));
        let after = (26..90).map(|ms| (zero + Duration::from_millis(ms), "bravo"));
        let scene = Scene::new("cut".to_owned(), "power cut", zero, before.chain(after));
        assert_eq!(scene.gap(), Some((-1.0, 26.0)));
        assert_eq!(scene.strokes.len(), 20 + 35, "what lies outside is not drawn");
        assert!(svg(&[scene]).contains(">27.0 ms without an answer<"));
    }
}
