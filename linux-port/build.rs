//! Keeps code that only the start needs together, apart from code that runs later.
//!
//! The daemon locks its code into memory as it is used, 64 KiB around each first use (`src/sys/memory.rs`). The
//! compiler puts functions that are marked `#[cold]` into sections of their own: the start and the reading of the
//! configuration. GNU ld keeps these sections together. LLD, which rustc uses on this target, needs an option for that.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| var(name).is_ok_and(|v| v == value);
    if is("CARGO_CFG_TARGET_ARCH", "x86_64") && is("CARGO_CFG_TARGET_ENV", "gnu") && is("CARGO_CFG_TARGET_OS", "linux")
    {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,keep-text-section-prefix");
    }
}
