//! The program `cl_status`, see [`hbcore_linux::client::cl_status`].
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    hbcore_linux::client::cl_status::main(std::env::args_os().skip(1))
}
