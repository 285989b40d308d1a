//! The daemon `heartbeat`: the options, files and exit codes of Linux-HA Heartbeat 3.0.6.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    hbcore_linux::heartbeat::main(std::env::args_os())
}
