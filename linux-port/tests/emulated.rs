//! The tests that need no program of this package, in one program for an emulated processor: there a program takes long
//! to build, and cannot start others of its kind. `cargo verify armv7` runs it.
#![cfg(target_arch = "arm")]

#[path = "address.rs"]
mod address;
#[path = "cli.rs"]
mod cli;
#[path = "fifo.rs"]
mod fifo;
#[path = "jobs.rs"]
mod jobs;
#[path = "log.rs"]
mod log;
#[path = "media.rs"]
mod media;
#[path = "notify.rs"]
mod notify;
#[path = "script.rs"]
mod script;
#[path = "serial.rs"]
mod serial;
#[path = "state.rs"]
mod state;
#[path = "systemd.rs"]
mod systemd;
