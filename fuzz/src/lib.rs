//! The bodies of the fuzz targets. A target fails by a panic: of the code under test, or of a check here.
//!
//! The programs of `targets/` run them with the inputs of libFuzzer; the tests of the project run them with inputs that
//! it once found (`corpus/`).
// Only the functions of the library of 3.0.6 are called in `unsafe` blocks.
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
    /// The longest input that is worth a try, in bytes.
    pub longest: usize,
    /// Runs one input; panics at a fault.
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
