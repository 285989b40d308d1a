//! The traffic over the socket of clients: messages in frames (docs/protocol/clients.md 1.4 and 1.5), the same in both
//! directions.

mod compose;
mod frame;

pub use compose::Composer;
pub(crate) use compose::form_for;
pub(crate) use frame::header;
pub use frame::{BODY_MAX, FrameError, HEADER, Inbox};

/// The path of the socket, below the run directory.
pub const SOCKET: &str = "heartbeat/register";
