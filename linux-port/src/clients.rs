//! The clients of this node: `cl_status`, `ipfail`, `ccm` and what a site has written for the socket `register` (docs/protocol/clients.md).
//!
//! ```text
//!   heartbeat thread                          thread `clients`
//!   Feed ── views, facts, messages ─────────▶ Server ── frames ──▶ clients
//!        ◀─ messages for the cluster ────────   │  ▲
//!                                             Desk ─┘ decides
//! ```
//!
//! [`Desk`] decides and does no I/O. The server carries bytes on a thread of its own, so that a client costs the heartbeat thread a copy of
//! what is said to it and no more. Both ways are bounded: what the heartbeat thread cannot hand over is lost, and then all clients are sent
//! away, since what they know would be wrong; what it does not take in, clients cannot send.

mod deliver;
mod desk;
mod feed;
mod line;
mod queries;
mod rules;
mod serve;
mod socket;
mod table;
mod view;

#[cfg(test)]
mod tests;

pub use deliver::Fact;
pub use desk::{Conn, Credentials, Desk, Output};
pub use feed::Feed;
pub use rules::{Rule, Rules};
pub use view::{About, NodeView, View};
