//! The results in Markdown.

use std::fmt;

/// Median, least and greatest of some measurements in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    median: f64,
    least: f64,
    greatest: f64,
    count: usize,
}

impl Range {
    /// The range of at least one measurement.
    pub(super) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (least, greatest) = (sorted[0], sorted[sorted.len() - 1]);
        Self { median: sorted[sorted.len() / 2], least, greatest, count: sorted.len() }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, least, greatest, count } = self;
        write!(f, "**{median:.1} ms** ({least:.1}–{greatest:.1}, {count} runs)")
    }
}

/// The head of a table with one column for each contender.
pub(super) fn head(columns: &[&str]) {
    println!("| | {} |\n{}|", columns.join(" | "), "|---".repeat(columns.len() + 1));
}

/// A row of the table. A cell without a value was not measured.
pub(super) fn row(what: &str, cells: impl IntoIterator<Item = Option<String>>) {
    let cells: Vec<String> = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "–".to_owned())).collect();
    println!("| {what} | {} |", cells.join(" | "));
}
