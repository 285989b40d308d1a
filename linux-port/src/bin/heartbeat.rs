//! The daemon `heartbeat`: same options, same files, same exit codes as that of Linux-HA Heartbeat 3.0.6.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    hbcore_linux::heartbeat::main(std::env::args_os())
}
