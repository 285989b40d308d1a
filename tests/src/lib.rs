//! The common parts of the scenarios: the vectors, a network of hosts that exist only for a test, the simulated worlds,
//! the exhaustive model, and the benches.
#![forbid(unsafe_code)]

pub mod bench;
pub mod lab;
pub mod model;
pub mod pages;
pub mod roff;
pub mod scenario;
pub mod sequence;
pub mod vectors;
pub mod world;
