//! The meaning of a script's message for the engine.

use crate::control::Move;
use hbcore::takeover::{Class, Wish};
use hbcore::wire::{MessageType, Structure};

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `hb_standby` and `hb_takeover`.
    Move(Move),
    /// A script's report of the groups that this node runs, such as that of `mach_down` at its end. The engine keeps
    /// its own account.
    Report,
    /// Any other message, also of a type that 3.0.6 does not know: to be sent to the cluster with its fields.
    Other,
}

impl Order {
    /// The meaning of a message of the type `kind` with these fields.
    pub fn of(kind: &[u8], fields: &Structure<'_>) -> Self {
        let class = fields.text("rsc_hold").unwrap_or_default();
        let known = match MessageType::of(kind) {
            MessageType::AskResources if fields.text("info") == Some(b"me") => {
                Class::parse(class).map(Move::Standby).map(Self::Move)
            }
            MessageType::HbTakeover => Wish::parse(class).map(Move::Takeover).map(Self::Move),
            MessageType::Resource => Some(Self::Report),
            _ => None,
        };
        known.unwrap_or(Self::Other)
    }
}
