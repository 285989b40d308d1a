//! The program `hb_standby`, see [`hbcore_linux::tools`].
#![forbid(unsafe_code)]

use std::process::ExitCode;

use hbcore_linux::tools::{Tool, main as run};

fn main() -> ExitCode {
    run(Tool::Standby, std::env::args_os())
}
