//! An installed library, used by a project that knows nothing of this one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::toolchain::{output, root, succeed, target};

const PROGRAM: &str = "#include <hbcore.h>\n#include <stdio.h>\n\
                       int main(void) { puts(hb_version_text()); return hb_version() != HB_VERSION; }\n";

/// Shared and static, with the flags that pkg-config gives.
pub(crate) fn pkg_config() {
    let prefix = installed("pkg-config");
    let directory = output().join("project");
    fs::create_dir_all(&directory).expect("a directory");
    fs::write(directory.join("main.c"), PROGRAM).expect("a file");
    let builds = [
        ("shared", "cc main.c -o shared $(pkg-config --cflags --libs hbcore)"),
        (
            "static",
            "cc main.c -o static $(pkg-config --cflags hbcore) $(pkg-config --variable=libdir hbcore)/libhbcore.a \
             $(pkg-config --static --libs-only-l hbcore | sed s/-lhbcore//)",
        ),
    ];
    for (name, line) in builds {
        succeed(&mut shell(&directory, &prefix, line));
        let mut run = Command::new(directory.join(name));
        assert_eq!(succeed(run.env("LD_LIBRARY_PATH", prefix.join("lib"))), "0.1.0\n", "{name}");
    }
    let needed = succeed(Command::new("objdump").arg("-p").arg(directory.join("shared")));
    assert!(needed.contains("NEEDED               libhbcore.so.0"), "{needed}");
    let needed = succeed(Command::new("objdump").arg("-p").arg(directory.join("static")));
    assert!(!needed.contains("libhbcore"), "{needed}");
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
    let mut make = Command::new("make");
    make.arg("-C").arg(root().join("ffi")).arg("install").arg(format!("PREFIX={}", prefix.display()));
    succeed(make.arg(format!("TARGET={}", target().display())));
    prefix
}

fn shell(directory: &Path, prefix: &Path, line: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", line]).current_dir(directory).env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    shell
}
