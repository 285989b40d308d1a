//! The Linux port of hbcore: media, addresses, scripts, logs and state files around the engine of the crate `hbcore`.
#![deny(unsafe_code)]
