//! Makes man pages from sections of the Markdown pages.

use std::fmt::Write;

use crate::pages::without_code;

/// The lines under the heading `## title` of a page, up to the next one.
pub fn section<'p>(page: &'p str, title: &str) -> Option<Vec<&'p str>> {
    let mut lines = page.lines().skip_while(|line| line.strip_prefix("## ") != Some(title));
    lines.next()?;
    Some(lines.take_while(|line| !line.starts_with("## ")).collect())
}

/// The head of a man page.
pub fn head(name: &str, volume: u8, summary: &str, synopsis: &[&str]) -> String {
    let mut roff = format!(".TH {} {volume} \"\" hbcore hbcore\n.SH NAME\n", escaped(name).to_uppercase());
    let _ = writeln!(roff, "{} \\- {}", escaped(name), escaped(summary));
    if !synopsis.is_empty() {
        roff.push_str(".SH SYNOPSIS\n.nf\n");
        for line in synopsis {
            let _ = writeln!(roff, "{}", escaped(line));
        }
        roff.push_str(".fi\n");
    }
    roff
}

/// The lines of a section as roff. Tables become lists, because a terminal is narrow; comments are left out.
pub fn body(lines: &[&str]) -> String {
    let mut roff = String::new();
    let (mut code, mut heads) = (false, Vec::new());
    for line in lines {
        if line.starts_with("```") {
            roff.push_str(if code { ".fi\n.RE\n" } else { ".PP\n.RS 4\n.nf\n" });
            code = !code;
        } else if code {
            let _ = writeln!(roff, "{}", escaped(line));
        } else if line.starts_with("<!--") || line.starts_with("|---") {
        } else if let Some(row) = line.strip_prefix('|') {
            let cells: Vec<_> = row.trim_end_matches('|').split('|').map(str::trim).collect();
            if heads.is_empty() { heads = cells } else { item(&mut roff, &heads, &cells) }
        } else if let Some(text) = line.strip_prefix("- ") {
            let _ = write!(roff, ".IP \\(bu 2\n{}\n", prose(text));
            heads.clear();
        } else {
            heads.clear();
            let _ =
                if line.is_empty() { writeln!(roff, ".PP") } else { writeln!(roff, "{}", prose(line.trim_start())) };
        }
    }
    // `man` warns of an empty paragraph.
    while roff.contains(".PP\n.PP") || roff.contains(".PP\n.TP") || roff.ends_with(".PP\n") {
        roff = roff.replace(".PP\n.PP", ".PP").replace(".PP\n.TP", ".TP");
        roff = roff.strip_suffix(".PP\n").map_or(roff.clone(), str::to_owned);
    }
    roff.strip_prefix(".PP\n").map_or(roff.clone(), str::to_owned)
}

/// A row of a table. Its first cell is the tag; each other cell, except an effect, gets the name of its column.
fn item(roff: &mut String, heads: &[&str], cells: &[&str]) {
    let tag = cells.first().copied().unwrap_or_default();
    let _ = write!(roff, ".TP\n{}\n", prose(tag));
    let rest: Vec<_> = heads.iter().zip(cells).skip(1).filter(|(_, cell)| !matches!(**cell, "" | "–")).collect();
    let named = |head: &str, cell: &str| match head {
        _ if rest.len() < 2 => prose(cell),
        "Effect" | "What it does" | "Meaning" => format!("{}.", prose(cell)),
        head => format!("{}: {}.", prose(head), prose(cell)),
    };
    let mut texts: Vec<_> = rest.iter().map(|(head, cell)| named(head, cell)).collect();
    // The effect of a directive comes before its default and its values.
    if heads.last() == Some(&"Effect") && texts.len() > 1 {
        texts.rotate_right(1);
    }
    let _ = writeln!(roff, "{}", if texts.is_empty() { "\\&".to_owned() } else { texts.join("\n") });
}

/// Prose with its inline code in bold, and links as their text.
fn prose(text: &str) -> String {
    let mut made = String::new();
    for (place, part) in text.split('`').enumerate() {
        match place % 2 {
            0 => made.push_str(&escaped(&without_links(part))),
            _ => {
                let _ = write!(made, "\\fB{}\\fR", escaped(part));
            }
        }
    }
    // A line that begins with a dot or a quote would be a request.
    if made.starts_with(['.', '\'']) { format!("\\&{made}") } else { made }
}

fn without_links(text: &str) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        made.push_str(&before.replacen('[', "", 1));
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    (made + rest).replace("**", "")
}

fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('–', "\\(en");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

/// Whether a line has remains of Markdown, such as a link to another page in the middle of code.
pub fn has_leftovers(roff: &str) -> bool {
    roff.lines().any(|line| line.contains('`') || line.contains("](") || !without_code(line).1.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "# Page\n\n## One\n\nSay `-k` to [it](x.md).\n\n| Option | Effect |\n|---|---|\n| `-k` | stop |\n\n## Two\n";

    #[test]
    fn section_ends_at_the_next_heading() {
        let one = section(PAGE, "One").expect("there");
        assert_eq!(one.first(), Some(&""));
        assert!(!one.contains(&"## Two"));
        assert_eq!(section(PAGE, "Three"), None);
    }

    #[test]
    fn table_becomes_a_list_and_code_becomes_bold() {
        let roff = body(&section(PAGE, "One").expect("there"));
        assert_eq!(roff, "Say \\fB\\-k\\fR to it.\n.TP\n\\fB\\-k\\fR\nstop\n");
        assert!(!has_leftovers(&roff));
    }
}
