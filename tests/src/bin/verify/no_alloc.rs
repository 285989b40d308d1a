//! Core links without an allocator.

use std::path::Path;
use std::process::Command;

use crate::plain_cargo;

/// Builds `tests/noalloc`, a program without a standard library and without an allocator that uses all of core, checks
/// that it contains no allocating functions, and runs it.
pub(crate) fn links_without_allocator() -> Result<(), String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("noalloc/Cargo.toml");
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = this.ancestors().nth(2).ok_or("no target directory")?.join("noalloc");
    let mut build = plain_cargo();
    build.args(["build", "--quiet", "--release", "--manifest-path"]).arg(&manifest).arg("--target-dir").arg(&target);
    succeeds(&mut build, "it does not link")?;
    let program = target.join("release/noalloc");
    let symbols = succeeds(Command::new("nm").arg(&program), "nm of binutils")?;
    if let Some(line) = symbols.lines().find(|line| line.contains("__rust_alloc") || line.ends_with(" malloc")) {
        return Err(format!("it refers to an allocator: {line}"));
    }
    succeeds(&mut Command::new(&program), "it ends with an error")?;
    Ok(())
}

fn succeeds(command: &mut Command, otherwise: &str) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{otherwise}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{otherwise}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}
