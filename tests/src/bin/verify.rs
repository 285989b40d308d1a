//! `cargo verify`: every test of the project in one command.
fn main() {}
