//! The C ABI of hbcore. Nothing is exported yet: the header and the archives are future work, named in the README.
#![forbid(unsafe_code)]

/// Version of the crate that a C caller would link, for example `0.1.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
