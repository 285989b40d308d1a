//! Checks of the pages, the comments and the commits that a machine can do: links, lengths, words, cited sections.

use std::fmt::Display;
use std::path::Path;
use std::process::Command;

use hbcore_tests::pages::{anchors, blocks, files, lines, links, root, text, without_code};

#[path = "prose/names.rs"]
mod names;

/// The longest README, in lines.
const README_LINES: usize = 120;
/// The longest line of prose, in characters. Tables and headings may be longer.
const LINE: usize = 120;
/// The longest subject of a commit, in characters.
const SUBJECT: usize = 72;
/// Commits after this one have subjects that are short enough.
const COMMITS_SINCE: &str = "ebfe556";
/// Words that these pages do not use: CONTRIBUTING.md says what to write instead.
const UNUSED: [&str; 12] = [
    "whoever",
    "so many",
    "is said",
    "mended",
    "shot",
    "grave",
    "by itself",
    "in vain",
    "arbiter",
    "errand",
    "in flux",
    "whose names only become more",
];
/// Places whose files are named in inline code.
const FOLDERS: [&str; 9] =
    ["core/", "linux-port/", "ffi/", "tests/", "fuzz/", "docs/", "dist/", "c-examples/", "include/"];

/// Directories whose comments are not yet checked: `core/src/takeover` is about to be rebuilt.
const UNFINISHED: &[&str] = &[];
/// A sentence does not begin with these, unless it is a question: CONTRIBUTING.md says what to write instead.
const BEGINNINGS: [&str; 6] = ["What", "Who", "Whoever", "Whatever", "Which", "Whose"];
/// The first of them are also wrong after a colon or a semicolon.
const CLAUSES: usize = 4;

/// Fails with every fault that was found, not with the first.
#[track_caller]
fn none(faults: &[impl Display]) {
    let lines: Vec<_> = faults.iter().map(|fault| format!("  {fault}")).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

fn named(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// All pages.
fn written_pages() -> Vec<std::path::PathBuf> {
    files(&root(), &[".md"])
}

#[test]
fn links_and_anchors_resolve() {
    let mut faults = Vec::new();
    for page in files(&root(), &[".md"]) {
        let content = text(&page);
        for (line, target) in links(&content) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let there = if file.is_empty() { page.clone() } else { page.with_file_name("").join(file) };
            if !there.exists() {
                faults.push(format!("{}:{line}: there is no {target}", named(&page)));
            } else if !anchor.is_empty() && !anchors(&text(&there)).iter().any(|known| known == anchor) {
                faults.push(format!("{}:{line}: no heading makes #{anchor}", named(&page)));
            }
        }
    }
    none(&faults);
}

#[test]
fn files_named_in_the_pages_exist() {
    let mut faults = Vec::new();
    for page in written_pages() {
        for (number, line) in lines(&text(&page)) {
            for code in without_code(line).1 {
                let is_path =
                    FOLDERS.iter().any(|folder| code.starts_with(folder)) && !code.contains([' ', '*', '{', '<']);
                let places = [root(), page.with_file_name("")];
                if is_path && !places.iter().any(|place| place.join(code).exists()) {
                    faults.push(format!("{}:{number}: there is no {code}", named(&page)));
                }
            }
        }
    }
    none(&faults);
}

#[test]
fn shell_snippets_are_shell() {
    let mut faults = Vec::new();
    for page in written_pages() {
        for (_, snippet) in blocks(&page).into_iter().filter(|(language, _)| language == "sh") {
            let read = Command::new("bash").args(["-n", "-c", &snippet]).output().expect("bash starts");
            if !read.status.success() {
                faults.push(format!("{}: {}in\n{snippet}", named(&page), String::from_utf8_lossy(&read.stderr)));
            }
        }
    }
    none(&faults);
}

#[test]
fn every_page_of_the_docs_is_in_the_summary() {
    let summary = root().join("docs/SUMMARY.md");
    let listed: Vec<_> = links(&text(&summary)).into_iter().map(|(_, target)| target).collect();
    let docs = files(&root().join("docs"), &[".md"]).into_iter().filter(|page| *page != summary);
    let missing = docs.map(|page| named(&page)).filter(|name| !listed.iter().any(|l| *name == format!("docs/{l}")));
    none(&missing.collect::<Vec<_>>());
}

#[test]
fn book_is_built_where_mdbook_is_installed() {
    let book = std::env::temp_dir().join(format!("hbcore-book-{}", std::process::id()));
    let built = Command::new("mdbook").args(["build", "docs", "-d"]).arg(&book).current_dir(root()).output();
    let Ok(built) = built else { return println!("skipped: there is no mdbook") };
    let said = String::from_utf8_lossy(&built.stderr).into_owned();
    let has_page = book.join("protocol/wire.html").exists();
    let _ = std::fs::remove_dir_all(&book);
    assert!(built.status.success() && has_page && !said.contains("WARN") && !said.contains("ERROR"), "{said}");
}

#[test]
fn readme_fits_on_a_screen() {
    for readme in ["README.md", "README.zh-CN.md"] {
        let count = text(&root().join(readme)).lines().count();
        assert!(count <= README_LINES, "{readme} has {count} lines, {README_LINES} at most: move text to docs/");
    }
}

#[test]
fn lines_of_prose_are_short() {
    let mut faults = Vec::new();
    for page in written_pages() {
        for (number, line) in lines(&text(&page)) {
            let length = line.chars().count();
            if length > LINE && !line.starts_with(['|', '#', '!']) {
                faults.push(format!("{}:{number}: {length} characters, {LINE} at most", named(&page)));
            }
        }
    }
    none(&faults);
}

#[test]
fn words_that_are_not_used_are_not_there() {
    let mut faults = Vec::new();
    for page in written_pages() {
        for (number, line) in lines(&text(&page)) {
            for word in unused(line) {
                faults.push(format!("{}:{number}: \"{word}\": see the style in CONTRIBUTING.md", named(&page)));
            }
        }
    }
    none(&faults);
}

/// The words of `UNUSED` that are in `text`, without its inline code.
fn unused(text: &str) -> impl Iterator<Item = &'static str> {
    let prose = format!(" {} ", without_code(text).0.to_lowercase());
    let words: String = prose.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    UNUSED.into_iter().filter(move |word| words.contains(&format!(" {word} ")))
}

/// The comment of a line: its marker and its text. `name` is the name of the file.
fn comment<'a>(name: &str, line: &'a str) -> Option<(&'static str, &'a str)> {
    let markers: &[&str] = match name.rsplit('.').next() {
        Some("rs") => &["//!", "///", "//"],
        Some("c" | "h") => &["/*", "*/", "*", "//"],
        _ => &["#"],
    };
    let beside = line.split_once(" // ").filter(|_| markers.contains(&"//")).map(|(_, text)| ("beside", text));
    let line = line.trim_start();
    let whole = |marker: &&&str| {
        line.strip_prefix(**marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '*']))
    };
    match markers.iter().find(whole) {
        Some(&"/*") => Some(("*", line[2..].trim_end_matches("*/"))),
        Some(marker) => Some((marker, line[marker.len()..].trim_end_matches("*/"))),
        None => beside,
    }
}

/// The sentences of the comments in `content`, each with the number of its first line.
fn sentences(name: &str, content: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let (mut marker_before, mut is_open) = ("", false);
    for (number, line) in (1..).zip(content.lines()) {
        let (marker, text) = comment(name, line).unwrap_or_default();
        is_open &= marker == marker_before && !text.trim().is_empty();
        marker_before = marker;
        for word in text.split_whitespace() {
            match found.last_mut().filter(|_| is_open) {
                Some((_, sentence)) => *sentence = format!("{sentence} {word}"),
                None => found.push((number, word.to_owned())),
            }
            is_open = !word.trim_end_matches([')', '"', '*']).ends_with(['.', '?', '!']) && word != "-" && word != "*";
        }
    }
    found
}

/// The files whose comments are checked, each with its name and text.
fn finished() -> impl Iterator<Item = (String, String)> {
    let all = files(&root(), &[".rs", ".c", ".h", ".toml", ".sh"]).into_iter();
    let kept = all.filter(|file| !UNFINISHED.iter().any(|place| named(file).starts_with(place)));
    kept.map(|file| (named(&file), text(&file)))
}

#[test]
fn comments_do_not_begin_with_what_or_who() {
    let mut faults = Vec::new();
    for (name, content) in finished() {
        for (line, sentence) in sentences(&name, &content).iter().filter(|(_, sentence)| !sentence.ends_with('?')) {
            if begins_wrongly(sentence) {
                faults.push(format!("{name}:{line}: \"{sentence}\": see the style in CONTRIBUTING.md"));
            }
        }
    }
    none(&faults);
}

/// Whether a sentence, or a clause after a colon or a semicolon, has one of `BEGINNINGS`.
fn begins_wrongly(sentence: &str) -> bool {
    let first = |text: &str| text.split(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty()).map(str::to_owned);
    let clauses = sentence.split_inclusive([':', ';']).skip(1).filter(|clause| clause.starts_with(" wh"));
    let later =
        clauses.filter_map(first).any(|word| BEGINNINGS[..CLAUSES].iter().any(|known| known.to_lowercase() == word));
    later || first(sentence).is_some_and(|word| BEGINNINGS.contains(&word.as_str()))
}

#[test]
fn clauses_that_begin_with_what_or_who_are_found() {
    for wrong in ["What is sent.", "(Whoever asks.)", "A rest: what is sent.", "One; who asks is told."] {
        assert!(begins_wrongly(wrong), "{wrong}");
    }
    for right in ["The rest, and what is sent.", "`what`: the kind.", "A rest; which is rare."] {
        assert!(!begins_wrongly(right), "{right}");
    }
}

#[test]
fn comments_do_without_the_unused_words() {
    let mut faults = Vec::new();
    for (name, content) in finished() {
        for (line, sentence) in sentences(&name, &content) {
            for word in unused(&sentence) {
                faults.push(format!("{name}:{line}: \"{word}\" in \"{sentence}\": see the style in CONTRIBUTING.md"));
            }
        }
    }
    none(&faults);
}

#[test]
fn sentences_of_comments_are_found() {
    let rust = "/// One. Two goes\n/// on. Three?\nlet x = 1; // beside.\n// next\n";
    let found = sentences("a.rs", rust);
    let texts: Vec<_> = found.iter().map(|(line, sentence)| (*line, sentence.as_str())).collect();
    assert_eq!(texts, [(1, "One."), (1, "Two goes on."), (2, "Three?"), (3, "beside."), (4, "next")]);
    assert_eq!(sentences("a.h", "/* One\n * line. */\n#include <x.h>\n"), [(1, "One line.".to_owned())]);
    assert_eq!(sentences("a.toml", "# One.\nx = 1\n"), [(1, "One.".to_owned())]);
}

/// The section numbers that follow a citation: `7.3`, `7.1 to 7.3, 7.6`, `2 and 3`. A citation may go on in the next comment line.
fn cited(after: &str) -> Vec<&str> {
    let mut numbers = Vec::new();
    let words = after.split([' ', '\n', ',', ';', ')', ']', ':', '`']).filter(|word| !word.is_empty());
    for word in words.filter(|word| !matches!(*word, "//" | "///" | "//!" | "#" | "*")) {
        let number = word.trim_end_matches('.');
        match number.chars().all(|c| c.is_ascii_digit() || c == '.') && !number.is_empty() {
            true => numbers.push(number),
            false if !numbers.is_empty() && matches!(word, "to" | "and") => {}
            false => break,
        }
    }
    numbers
}

#[test]
fn cited_sections_of_the_protocol_exist() {
    const PLACE: &str = "docs/protocol/";
    let mut faults = Vec::new();
    let mut count = 0;
    for file in
        files(&root(), &[".rs", ".c", ".h", ".toml"]).into_iter().filter(|file| !file.ends_with("tests/prose.rs"))
    {
        let content = text(&file);
        let mut rest = content.as_str();
        while let Some((before, after)) = rest.split_once(PLACE) {
            rest = after;
            let line = content[..content.len() - after.len()].lines().count();
            let Some((name, sections)) = after.split_once(".md").filter(|(name, _)| name.len() < 12) else {
                faults.push(format!("{}:{line}: {PLACE} and no page", named(&file)));
                continue;
            };
            let _ = before;
            let page = root().join(PLACE).join(format!("{name}.md"));
            let page = if page.exists() { text(&page) } else { String::new() };
            let has = |number: &str| {
                let mut headings = page.lines().filter(|line| line.starts_with('#'));
                headings.any(|line| line.trim_start_matches('#').split_whitespace().next() == Some(number))
            };
            count += 1;
            for number in cited(sections).into_iter().filter(|number| !has(number)) {
                faults.push(format!("{}:{line}: {PLACE}{name}.md has no section {number}", named(&file)));
            }
        }
    }
    none(&faults);
    assert!(count > 0 || faults.is_empty(), "citations");
}

#[test]
fn section_numbers_of_a_citation_are_read() {
    assert_eq!(cited(" 7.1 to 7.3, 7.6)."), ["7.1", "7.3", "7.6"]);
    assert_eq!(cited(" 3 and 4)."), ["3", "4"]);
    assert_eq!(cited(" 5.2: the header"), ["5.2"]);
    assert_eq!(cited(", as measured"), [""; 0]);
}

#[test]
fn subjects_of_commits_are_short() {
    let range = format!("{COMMITS_SINCE}..HEAD");
    let log = Command::new("git").args(["log", "--no-merges", "--format=%h %s", &range]).current_dir(root()).output();
    let Some(log) = log.ok().filter(|log| log.status.success()) else {
        return println!("skipped: there is no git, or no commit {COMMITS_SINCE} in a shallow clone");
    };
    let log = String::from_utf8_lossy(&log.stdout);
    let long =
        log.lines().filter_map(|line| line.split_once(' ')).filter(|(_, subject)| subject.chars().count() > SUBJECT);
    none(&long.map(|(hash, subject)| format!("{hash}: {subject}: put the reason into the body")).collect::<Vec<_>>());
}
