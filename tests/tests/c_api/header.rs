//! The header, and the libraries that it describes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::toolchain::{SMALL, STRICT, archive, armv7_archive, output, own, root, small_archive, succeed};

pub(crate) fn compiles() {
    let strict: Vec<&str> = STRICT.into_iter().skip(1).collect();
    for (compiler, standard, language) in [("gcc", "-std=c11", "c"), ("g++", "-std=c++17", "c++")] {
        for variant in ["-DHB_LARGE", "-DHB_SMALL"] {
            let mut command = Command::new(compiler);
            command.args([standard, variant, "-fsyntax-only", "-x", language]).args(&strict);
            succeed(command.arg(root().join("include/hbcore.h")));
        }
    }
}

/// The functions of the header, as a program with these flags sees it.
pub(crate) fn functions(flags: &[&str]) -> BTreeSet<String> {
    let mut preprocessor = Command::new("gcc");
    let header = succeed(preprocessor.args(["-E", "-P"]).args(flags).arg(root().join("include/hbcore.h")));
    let names = header.split(';').filter_map(|declaration| {
        let before = declaration.split_once('(')?.0;
        before.rsplit([' ', '*', '\n']).next().filter(|name| name.starts_with("hb_")).map(str::to_owned)
    });
    names.collect()
}

pub(crate) fn symbols() {
    let declared = functions(&[]);
    assert!(declared.len() > 40, "functions of the header: {declared:?}");
    let shared = archive().with_file_name("libhbcore.so");
    assert_eq!(
        defined(Command::new("nm").args(["-D", "--defined-only"]).arg(&shared)),
        declared,
        "{}",
        shared.display()
    );
    for (archive, flags) in [(archive(), &[][..]), (small_archive(), &SMALL)] {
        let mut ours = defined(Command::new("nm").args(["--defined-only", "--extern-only"]).arg(archive));
        ours.retain(|name| name.starts_with("hb_"));
        assert_eq!(ours, functions(flags), "{}", archive.display());
    }
    let dynamic = succeed(Command::new("objdump").arg("-p").arg(&shared));
    assert!(dynamic.lines().any(|line| line.split_whitespace().eq(["SONAME", "libhbcore.so.0"])), "{dynamic}");
}

/// The names of the symbols in the output of an `nm`.
fn defined(nm: &mut Command) -> BTreeSet<String> {
    let list = succeed(nm);
    list.lines().filter_map(|line| line.split_whitespace().nth(2)).map(str::to_owned).collect()
}

/// Every function of the small library links in a program that has only memcpy, memmove, memset and memcmp.
pub(crate) fn freestanding() {
    links_alone("", small_archive());
}

/// The same for 32-bit ARM with Linux, built by the Makefile. (For a Cortex-M, the firmware proves it.)
pub(crate) fn freestanding_armv7() {
    links_alone("arm-linux-gnueabihf-", armv7_archive());
}

fn links_alone(tools: &str, archive: &Path) {
    let mut gcc = Command::new(format!("{tools}gcc"));
    gcc.args(STRICT).args(["-Os", "-ffreestanding", "-nostdlib", "-static", "-Wl,--gc-sections", "-DHB_SMALL"]);
    gcc.args(functions(&SMALL).iter().map(|name| format!("-Wl,-u,{name}")));
    gcc.arg("-I").arg(root().join("include")).arg(own("freestanding.c")).arg(archive);
    let program = output().join(format!("{tools}freestanding"));
    succeed(gcc.arg("-o").arg(&program));
    let allocates =
        succeed(Command::new(format!("{tools}nm")).arg(&program)).lines().any(|line| line.contains("__rust_alloc"));
    assert!(!allocates, "it refers to an allocator");
}

/// The unsafe blocks of the C ABI are in one module, each with its reason.
pub(crate) fn unsafe_code() {
    let sources = fs::read_dir(root().join("ffi/src")).expect("the crate").flatten();
    for source in sources.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        let text = fs::read_to_string(&source).expect("text");
        let is_edge = source.file_name() == Path::new("edge.rs").file_name();
        assert!(is_edge || !text.contains("unsafe {"), "an unsafe block in {}", source.display());
    }
}
