//! Heartbeat, membership and resource takeover as a sans-I/O engine.
#![no_std]
#![forbid(unsafe_code)]

pub mod id;
pub mod time;
