//! Programs that call every function.

use std::fs;
use std::process::Command;

use crate::header::functions;
use crate::toolchain::{
    SANITIZED, SMALL, VALGRIND, archive, output, own, plain_archive, program, root, small_archive, succeed,
};

/// `arguments.c` calls every function with all arguments that it must refuse.
pub(crate) fn wrong_arguments() {
    let source = fs::read_to_string(own("arguments.c")).expect("the program");
    let missing: Vec<String> =
        functions(&[]).into_iter().filter(|function| !source.contains(&format!("{function}("))).collect();
    assert!(missing.is_empty(), "arguments.c does not call {missing:?}");
    succeed(&mut Command::new(program("arguments", &[own("arguments.c")], &SANITIZED, archive())));
}

pub(crate) fn wrong_arguments_small() {
    let flags = [&SANITIZED[..], &SMALL[..]].concat();
    succeed(&mut Command::new(program("arguments-small", &[own("arguments.c")], &flags, small_archive())));
}

pub(crate) fn under_valgrind() {
    let pair = root().join("c-examples/pair_in_memory.c");
    for (name, source) in [("arguments-plain", own("arguments.c")), ("pair-plain", pair)] {
        let program = program(name, &[source], &[], plain_archive());
        succeed(Command::new("valgrind").args(VALGRIND).arg(program));
    }
    let resource = program("resource-plain", &[root().join("c-examples/resource.c")], &[], plain_archive());
    for action in ["start", "status", "stop"] {
        let mut valgrind = Command::new("valgrind");
        let said = succeed(valgrind.args(VALGRIND).arg(&resource).arg(output().join("valgrind-lamp")).arg(action));
        assert_eq!(said.contains("running"), action == "status", "{action}: {said}");
    }
}

/// Both libraries are tried; the small one is that of the firmware.
pub(crate) fn cut_cable() {
    let small = [&SANITIZED[..], &SMALL[..]].concat();
    for (name, flags, archive) in [("cable", &SANITIZED[..], archive()), ("cable-small", &small, small_archive())] {
        print!("{name}: {}", succeed(&mut Command::new(program(name, &[own("cable.c")], flags, archive))));
    }
}

/// The example ends with an error if the group is on the wrong node. Its page must show its real output, in this order:
/// for example, a group is handed over at once.
pub(crate) fn pair_in_memory() {
    let source = [root().join("c-examples/pair_in_memory.c")];
    let large = succeed(&mut Command::new(program("pair", &source, &SANITIZED, archive())));
    let flags = [&SANITIZED[..], &SMALL[..]].concat();
    let small = succeed(&mut Command::new(program("pair-small", &source, &flags, small_archive())));
    let page = fs::read_to_string(root().join("c-examples/README.md")).expect("the page");
    let shown = page.split("## pair_in_memory\n\n```\n").nth(1).and_then(|rest| rest.split("```").next());
    let shown: Vec<&str> = shown.expect("a story on the page").lines().collect();
    for story in [large, small] {
        let mut lines = story.lines();
        let missing = shown.iter().find(|line| !lines.by_ref().any(|said| said == **line));
        assert_eq!(missing, None, "stands on the page, and is not said there:\n{story}");
        let owners: Vec<&str> =
            story.lines().filter_map(|line| line.trim().strip_prefix("-> the group runs on ")).collect();
        assert_eq!(owners, ["alpha", "bravo", "alpha", "bravo"], "{story}");
        assert!(!story.contains("lost"), "{story}");
    }
}
