//! The Markdown pages of the project as the checks of `tests/prose.rs` and `tests/configuration_page.rs` read them.

use std::fs;
use std::path::{Path, PathBuf};

/// The directory of the workspace.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// All files below `folder` whose name ends in one of `endings`, without build outputs.
pub fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let is_built =
                name.starts_with("target") || name.starts_with("build") || name.starts_with('.') || name == "corpus";
            if path.is_dir() && !is_built {
                folders.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The text of a file.
///
/// # Panics
///
/// With the name of the file, if it cannot be read.
pub fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines of a page with their numbers, without its code blocks and comments.
pub fn lines(page: &str) -> Vec<(usize, &str)> {
    let (mut code, mut comment) = (false, false);
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(page.lines()) {
        let fence = line.trim_start().starts_with("```");
        comment |= line.starts_with("<!--");
        if !fence && !code && !comment {
            lines.push((number, line));
        }
        code ^= fence;
        comment &= !line.contains("-->");
    }
    lines
}

/// The code blocks of a page, each with its language.
pub fn blocks(path: &Path) -> Vec<(String, String)> {
    let page = text(path);
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, block))) => *block = format!("{block}{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

/// A line without its inline code, and the pieces of inline code.
pub fn without_code(line: &str) -> (String, Vec<&str>) {
    let (mut prose, mut code) = (String::new(), Vec::new());
    for (place, part) in line.split('`').enumerate() {
        if place % 2 == 0 { prose.push_str(part) } else { code.push(part) }
    }
    (prose, code)
}

/// The targets of the links and images of a page, with their lines.
pub fn links(page: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in lines(page) {
        for part in line.split("](").skip(1) {
            let target = part.split([')', ' ']).next().unwrap_or_default();
            links.push((number, target.to_owned()));
        }
    }
    links
}

/// The anchors that a forge makes of the headings of a page.
pub fn anchors(page: &str) -> Vec<String> {
    let headings = lines(page).into_iter().filter(|(_, line)| line.starts_with('#'));
    let anchor = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(|(_, line)| anchor(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "# A page, `code` and more\n[x](other.md#y) `[no](code)`\n```sh\n[no](link)\n```\n| [z](#a) | [w](w.md) |\n";

    #[test]
    fn links_are_found_outside_code_blocks() {
        let found = links(PAGE);
        assert_eq!(found[0], (2, "other.md#y".to_owned()));
        assert_eq!(found.iter().filter(|(line, _)| *line == 4).count(), 0);
        assert_eq!(found.iter().filter(|(line, _)| *line == 6).count(), 2);
    }

    #[test]
    fn anchors_are_those_of_a_forge() {
        assert_eq!(anchors(PAGE), ["a-page-code-and-more"]);
    }

    #[test]
    fn inline_code_is_parted_from_prose() {
        assert_eq!(without_code("say `this` and `that`."), ("say  and .".to_owned(), vec!["this", "that"]));
    }
}
