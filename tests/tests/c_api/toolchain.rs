//! The C compiler, and the libraries that it links.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use hbcore_tests::lab::cargo;

/// The flags with which every C file of this project must compile.
pub(crate) const STRICT: [&str; 6] = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g"];
/// Address and undefined-behaviour sanitizers. Any finding ends the program.
pub(crate) const SANITIZED: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
/// Valgrind, with an exit code that shows findings.
pub(crate) const VALGRIND: [&str; 3] = ["--quiet", "--error-exitcode=9", "--leak-check=full"];
/// The flag for the library of microcontrollers.
pub(crate) const SMALL: [&str; 1] = ["-DHB_SMALL"];
/// The libraries that Rust's standard library needs besides the C library. (The compiler adds `libgcc_s`, or
/// `libgcc_eh` in a static program.)
const SYSTEM: [&str; 5] = ["-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

/// The directory of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The directory for the outputs of this suite.
pub(crate) fn output() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_api");
    std::fs::create_dir_all(&directory).expect("the target directory");
    directory
}

/// The target directory of cargo.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory").to_owned()
}

pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).exists())
}

/// `libhbcore.a`; the shared library is beside it.
pub(crate) fn archive() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built(&["build", "--quiet", "--release", "-p", "hbcore-ffi"], "release"))
}

/// `libhbcore.a` without optimisation. An optimised one reads values before it knows whether they are initialised, and
/// discards the result if they are not: valgrind reports that as an error.
pub(crate) fn plain_archive() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built(&["build", "--quiet", "-p", "hbcore-ffi"], "debug"))
}

/// `libhbcore.a` without a standard library, for two nodes and one link of any form.
pub(crate) fn small_archive() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let words = "rustc --quiet --lib -p hbcore-ffi --profile firmware --no-default-features --features small,datagram,md5 --crate-type staticlib";
    BUILT.get_or_init(|| built(&words.split(' ').collect::<Vec<_>>(), "firmware"))
}

/// The same for 32-bit ARM with Linux, with Debian's compiler, which has the source of the library that it needs.
pub(crate) fn armv7_archive() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut make = Command::new("make");
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if (text.starts_with("CARGO_") && text != "CARGO_HOME") || text.starts_with("RUST") {
                make.env_remove(&name);
            }
        }
        make.args(["-s", "--no-print-directory", "-C"]).arg(root().join("ffi")).args([
            "small",
            "FEATURES=small,datagram,md5",
            "TRIPLE=armv7-unknown-linux-gnueabihf",
            "CARGO=RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 /usr/bin/cargo",
            "STD=-Zbuild-std=core",
        ]);
        PathBuf::from(succeed(make.arg(format!("TARGET={}", target().display()))).trim())
    })
}

fn built(arguments: &[&str], profile: &str) -> PathBuf {
    succeed(cargo().args(arguments).arg("--target-dir").arg(target()));
    target().join(profile).join("libhbcore.a")
}

/// Compiles C files with the strict flags and these, links them with an archive, and returns the program. Each `name`
/// is compiled once.
pub(crate) fn program(name: &str, sources: &[PathBuf], flags: &[&str], archive: &Path) -> PathBuf {
    static MADE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let program = output().join(name);
    // Held while gcc runs, so that no test starts a half-written program.
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if made.contains(&program) {
        return program;
    }
    let mut gcc = Command::new("gcc");
    gcc.args(STRICT).args(flags).arg("-I").arg(root().join("include")).args(sources).arg(archive).args(SYSTEM);
    succeed(gcc.arg("-o").arg(&program));
    made.insert(program.clone());
    program
}

/// An example, with sanitizers.
pub(crate) fn example(name: &str) -> PathBuf {
    let source = |file: &str| root().join("c-examples").join(file);
    let mut sources = vec![source(&format!("{name}.c"))];
    if name.ends_with("_node") {
        sources.extend(["node.c", "talk.c"].map(source));
    }
    if name == "client" {
        sources.push(source("frames.c"));
    }
    program(name, &sources, &SANITIZED, archive())
}

/// A C file of this suite.
pub(crate) fn own(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c_api").join(file)
}

/// Runs a command that must succeed and returns its standard output.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
    stdout
}
