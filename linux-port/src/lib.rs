//! The Linux port of hbcore: media, addresses, scripts, logs and state files around the engine of the crate `hbcore`.
#![deny(unsafe_code)]

pub mod abandon;
pub mod address;
pub mod cli;
pub mod client;
pub mod clients;
pub mod companions;
pub mod compress;
pub mod config;
pub mod control;
pub mod daemon;
pub mod demo;
pub mod driver;
pub mod fifo;
pub mod heartbeat;
pub mod ipc;
pub mod jobs;
pub mod leftovers;
pub mod log;
pub mod media;
pub mod notify;
pub mod problems;
pub mod rehearsal;
pub mod resources;
pub mod respawn;
pub mod script;
pub mod site;
pub mod start;
pub mod state;
pub mod status;
pub mod sys;
pub mod systemd;
pub mod terminal;
pub mod tools;
