//! Problems as text: place, message, line, caret and help.

use std::io::{self, Write};

use hbcore::config::Severity;

use super::{Finding, Loaded};
use crate::terminal::counted;

/// Writes all problems of `loaded`, then the closing lines of 3.0.6 if there are errors.
///
/// ```text
/// /etc/ha.d/ha.cf:3:1: error: Illegal directive [frob] in /etc/ha.d//ha.cf
///     frob 1
///     ^
///   help: no directive of ha.cf has this name: correct it or remove the line
/// ```
pub fn render(loaded: &Loaded<'_>, out: &mut impl Write) -> io::Result<()> {
    for finding in &loaded.findings {
        render_one(finding, out)?;
    }
    if loaded.omitted > 0 {
        let omitted = counted(loaded.omitted.into(), "more problem is", "more problems are");
        writeln!(out, "{omitted} not shown")?;
    }
    loaded.closing_lines().iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn render_one(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    };
    write!(out, "{}:", finding.path.display())?;
    if let Some(at) = finding.at {
        write!(out, "{}:{}:", at.line, at.column)?;
    }
    writeln!(out, " {severity}: {}", finding.message)?;
    if let (Some(source), Some(at)) = (&finding.source, finding.at) {
        let column = usize::try_from(at.column).unwrap_or(usize::MAX);
        writeln!(out, "    {source}\n    {}^", padding(source, column))?;
    }
    writeln!(out, "  help: {}", finding.help)
}

/// Blanks as wide as the text before byte `column`, counted from 1; tabs stay tabs.
fn padding(source: &str, column: usize) -> String {
    let before = source.char_indices().take_while(|(place, _)| place.saturating_add(1) < column);
    before.map(|(_, c)| if c == '\t' { '\t' } else { ' ' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caret_stands_below_its_word_after_tabs_and_wide_text() {
        assert_eq!(padding("\tkeepalive x", 12), "\t          ");
        assert_eq!(padding("é x", 4), "  ");
        assert_eq!(padding("ab", 99), "  ");
    }
}
