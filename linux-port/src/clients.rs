//! The clients of this node: `cl_status`, `ipfail`, `ccm` and programs of the site that use the socket `register`
//! (docs/protocol/clients.md).
//!
//! ```text
//!   heartbeat thread                          thread `clients`
//!   Feed ── views, facts, messages ─────────▶ Server ── frames ──▶ clients
//!        ◀─ messages for the cluster ────────   │  ▲
//!                                             Desk ─┘ decides
//! ```
//!
//! [`Desk`] decides and does no I/O. The server carries bytes on a thread of its own, so that a client costs the
//! heartbeat thread only a copy of each message for it. Both ways are bounded. If the heartbeat thread finds no room
//! for an item, the item is lost, and all connections are closed, since their clients' knowledge would be wrong. While
//! it takes no messages, clients cannot send any.

mod announcement;
mod compressed;
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
