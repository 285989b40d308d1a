//! An installed library, used by a project outside this repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::toolchain::{output, root, succeed, target};

const PROGRAM: &str = "#include <hbcore.h>\n#include <stdio.h>\n\
                       int main(void) { puts(hb_version_text()); return hb_version() != HB_VERSION; }\n";

/// The kind of program, the command that the page gives to build it, and whether it needs the shared library when it
/// starts.
const BUILDS: [(&str, &str, bool); 4] = [
    ("shared", "cc -std=c11 main.c $(pkg-config --cflags --libs hbcore)", true),
    (
        "archive",
        "cc -std=c11 main.c $(pkg-config --cflags hbcore) $(pkg-config --variable=libdir hbcore)/libhbcore.a",
        false,
    ),
    ("static", "cc -std=c11 -static main.c $(pkg-config --cflags --libs --static hbcore)", false),
    ("cxx", "c++ -std=c++17 -x c++ main.c $(pkg-config --cflags --libs hbcore)", true),
];

/// Shared and static, with the flags that pkg-config gives.
pub(crate) fn pkg_config() {
    let prefix = installed("pkg-config");
    let directory = output().join("project");
    fs::create_dir_all(&directory).expect("a directory");
    fs::write(directory.join("main.c"), PROGRAM).expect("a file");
    for (name, line, is_shared) in BUILDS {
        succeed(&mut shell(&directory, &prefix, &format!("{line} -o {name}")));
        let mut run = Command::new(directory.join(name));
        assert_eq!(succeed(run.env("LD_LIBRARY_PATH", prefix.join("lib"))), "0.1.0\n", "{name}");
        let needed = succeed(Command::new("objdump").arg("-p").arg(directory.join(name)));
        assert_eq!(needed.contains("NEEDED               libhbcore.so.0"), is_shared, "{name}: {needed}");
    }
    let page = fs::read_to_string(root().join("c-examples/README.md")).expect("the page");
    for (name, line, _) in BUILDS {
        let shown = line.replace("main.c", "program.c").replace("-x c++ program.c", "program.cpp");
        assert!(page.contains(&shown), "{name}: the page should say {shown}");
    }
}

/// Root often has no cargo, and installs the existing build. Uninstalling removes every file.
pub(crate) fn without_cargo() {
    let prefix = installed("with-cargo");
    let files = files_below(&prefix);
    assert!(files.len() > 4, "{files:?}");
    fs::remove_dir_all(&prefix).expect("our own directory");
    for target in ["install", "uninstall"] {
        let mut make = make(&prefix);
        succeed(make.arg(target).arg("CARGO=no-such-cargo"));
        let expected = if target == "install" { &files[..] } else { &[] };
        assert_eq!(files_below(&prefix), expected, "{target}");
    }
}

fn files_below(directory: &Path) -> Vec<String> {
    let found = succeed(Command::new("find").arg(directory).args(["!", "-type", "d"]));
    let mut files: Vec<String> = found.lines().map(str::to_owned).collect();
    files.sort();
    files
}

/// The examples' own `CMakeLists.txt` and their `Makefile`.
pub(crate) fn cmake() {
    let prefix = installed("cmake");
    let examples = root().join("c-examples");
    let build = output().join("cmake-build");
    let _ = fs::remove_dir_all(&build);
    let path = prefix.join("lib/pkgconfig");
    let mut configure = Command::new("cmake");
    succeed(configure.arg("-S").arg(&examples).arg("-B").arg(&build).env("PKG_CONFIG_PATH", &path));
    succeed(Command::new("cmake").arg("--build").arg(&build));
    succeed(Command::new(build.join("pair_in_memory")).env("LD_LIBRARY_PATH", prefix.join("lib")));
    let mut make = Command::new("make");
    make.arg("-C").arg(&examples).args(["check", "INSTALLED=1"]).arg(format!("BUILD={}", build.join("make").display()));
    succeed(make.env("PKG_CONFIG_PATH", &path).env("LD_LIBRARY_PATH", prefix.join("lib")));
}

fn installed(name: &str) -> PathBuf {
    let prefix = output().join("prefix").join(name);
    let _ = fs::remove_dir_all(&prefix);
    succeed(make(&prefix).arg("install"));
    prefix
}

fn make(prefix: &Path) -> Command {
    let mut make = Command::new("make");
    make.arg("-C").arg(root().join("ffi")).arg(format!("PREFIX={}", prefix.display()));
    make.arg(format!("TARGET={}", target().display()));
    make
}

fn shell(directory: &Path, prefix: &Path, line: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", line]).current_dir(directory).env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    shell
}
