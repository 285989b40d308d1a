//! What the fuzz targets do with their input. A target fails by a panic: of the code under test, or of a check here.
//!
//! The programs of `targets/` hand over what libFuzzer thinks of; the tests of the project hand over what it once found (`corpus/`).
// Only the functions of the library that is compared with are called in `unsafe` blocks.
#![deny(unsafe_code)]

pub mod authkeys;
pub mod clients;
pub mod cluster;
pub mod differential;
pub mod fifo;
pub mod ha_cf;
pub mod haresources;
pub mod packet;
pub mod serial;

mod cuts;
mod problems;

/// A target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its program and of its corpus.
    pub name: &'static str,
    /// Longest input in bytes that is worth a try.
    pub longest: usize,
    /// Takes one input; panics if something is wrong.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: [Target; 9] = [
    Target { name: "packet", longest: 320, run: packet::run },
    Target { name: "serial", longest: 256, run: serial::run },
    Target { name: "ha_cf", longest: 512, run: ha_cf::run },
    Target { name: "authkeys", longest: 256, run: authkeys::run },
    Target { name: "haresources", longest: 256, run: haresources::run },
    Target { name: "fifo", longest: 256, run: fifo::run },
    Target { name: "clients", longest: 512, run: clients::run },
    Target { name: "cluster", longest: 128, run: cluster::run },
    Target { name: "differential", longest: 128, run: differential::run },
];
