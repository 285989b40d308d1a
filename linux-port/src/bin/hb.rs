//! The modern front end.
fn main() {}
