//! The names of tests: subject, condition, result.

use super::{files, named, none, root, text};

/// Beginnings that stand before the subject, or instead of it.
const BEGINNINGS: [&str; 7] = ["a_", "an_", "the_", "what_", "who_", "whoever_", "it_"];
/// Words that no name has.
const WORDS: [&str; 3] = ["shot", "mended", "whoever"];

/// The names of the functions that are tests, each with its line.
fn tests_of(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut marked = false;
    source.lines().enumerate().filter_map(move |(index, line)| {
        let line = line.trim_start();
        marked |= line.starts_with("#[test]");
        let name = line.strip_prefix("fn ").and_then(|rest| rest.split(['(', '<']).next())?;
        std::mem::take(&mut marked).then_some((index + 1, name))
    })
}

/// Whether a name does not begin with its subject, or has one of `WORDS`.
fn is_wrong(name: &str) -> bool {
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)) || name.split('_').any(|word| WORDS.contains(&word))
}

#[test]
fn names_of_tests_begin_with_their_subject() {
    let mut faults = Vec::new();
    for file in files(&root(), &[".rs"]) {
        for (line, name) in tests_of(&text(&file)).filter(|(_, name)| is_wrong(name)) {
            faults.push(format!("{}:{line}: {name}: subject, condition, result, see CONTRIBUTING.md", named(&file)));
        }
    }
    none(&faults);
}

#[test]
fn names_without_their_subject_are_found() {
    let source =
        "#[test]\n#[ignore]\nfn a_node_dies() {}\nfn the_helper() {}\n    #[test]\n    fn node_shot_dies() {}\n";
    let found: Vec<_> = tests_of(source).collect();
    assert_eq!(found, [(3, "a_node_dies"), (6, "node_shot_dies")]);
    assert!(found.iter().all(|(_, name)| is_wrong(name)) && !is_wrong("item_that_is_shotgun_is_right"));
}
