//! The modules of the engine and of the port form no circle: a reader of one needs only those below it.

use std::collections::{BTreeMap, BTreeSet};

use hbcore_tests::pages::{files, root, text};

/// The uses of each module at the top of a package: the module that is used, and a file that uses it.
type Uses = BTreeMap<String, BTreeMap<String, String>>;

/// The uses of modules by modules, read from the paths that begin with `crate::`. Tests are left out: they may look from
/// above.
fn uses(folder: &str) -> Uses {
    let place = root().join(folder);
    let mut all = Uses::new();
    for file in files(&place, &[".rs"]) {
        let path = file.strip_prefix(&place).expect("a file in it");
        let first = path.iter().next().and_then(|name| name.to_str()).unwrap_or_default();
        let module = first.strip_suffix(".rs").unwrap_or(first).to_owned();
        let named = path.display().to_string();
        if ["lib", "main", "bin"].contains(&module.as_str()) || named.contains("tests") {
            continue;
        }
        let code = text(&file);
        let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for used in line.split("crate::").skip(1).flat_map(first_words).filter(|used| *used != module) {
                all.entry(module.clone()).or_default().entry(used).or_insert_with(|| named.clone());
            }
        }
    }
    all
}

/// The module of a path after `crate::`, or the modules of a list.
fn first_words(path: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    match path.strip_prefix('{') {
        Some(list) => list.split(',').map(|item| word(item.trim())).filter(|word| !word.is_empty()).collect(),
        None => vec![word(path)],
    }
}

/// A way from a module back to itself, if there is one.
fn circle(uses: &Uses) -> Option<String> {
    uses.keys().find_map(|from| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![(from, from.clone())]);
        while let Some((at, way)) = open.pop() {
            for (next, file) in uses.get(at).into_iter().flatten() {
                let way = format!("{way} -> {next} ({file})");
                if next == from {
                    return Some(way);
                }
                if reached.insert(next) {
                    open.push((next, way));
                }
            }
        }
        None
    })
}

#[test]
fn modules_of_the_engine_and_of_the_port_form_no_circle() {
    for folder in ["core/src", "linux-port/src"] {
        let uses = uses(folder);
        assert!(uses.len() > 5, "{folder} has modules: {uses:?}");
        assert_eq!(circle(&uses), None, "{folder}");
    }
}

#[test]
fn circle_is_found() {
    let uses = |pairs: &[(&str, &str)]| {
        let mut all = Uses::new();
        for (module, used) in pairs {
            all.entry((*module).to_owned()).or_default().insert((*used).to_owned(), format!("{module}.rs"));
        }
        all
    };
    assert_eq!(circle(&uses(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let found = circle(&uses(&[("a", "b"), ("b", "c"), ("c", "b")])).expect("a circle");
    assert!(found.contains("-> b (c.rs)"), "{found}");
    assert_eq!(first_words("{control, fifo};"), ["control", "fifo"]);
    assert_eq!(first_words("sys::clock::Clock;"), ["sys"]);
}
