//! What the scenarios share.

pub mod vectors;
