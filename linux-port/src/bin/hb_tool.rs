//! All tools in one program, which is installed under each of their names, see [`hbcore_linux::tools`].
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    hbcore_linux::tools::main_of_all(std::env::args_os())
}
