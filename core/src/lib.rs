//! Heartbeat, membership and resource takeover as a sans-I/O engine.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod cluster;
pub mod config;
pub mod error;
pub mod history;
pub mod id;
pub mod node;
pub mod random;
pub mod sequence;
pub mod stats;
pub mod takeover;
pub mod time;
pub mod wire;

pub use cluster::{
    AutoJoin, Carrier, Cluster, Config, ConfigError, Event, HeartbeatForm, LinkForm, NodeConfig, NodeView, Received,
    Request, RequestError, Timing, TimingError, Transmit,
};
pub use error::DatagramError;
pub use stats::Stats;
