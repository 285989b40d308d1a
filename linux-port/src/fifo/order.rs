//! What a message of a script asks the engine for.

use hbcore::takeover::{Class, Wish};
use hbcore::wire::{MessageType, Structure};

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `hb_standby`: give groups of this class, as we see them, to the other node.
    Standby(Class),
    /// `hb_takeover`: the other nodes give us groups.
    Takeover(Wish),
    /// What this node holds, in the words of a script, such as `mach_down` at its end. The engine keeps its own account.
    Report,
    /// Anything else, also a word that 3.0.6 does not know: to be sent to the cluster with the fields it has.
    Other,
}

impl Order {
    /// The meaning of a message of the type `kind` with these fields.
    pub fn of(kind: &[u8], fields: &Structure<'_>) -> Self {
        let class = fields.text("rsc_hold").unwrap_or_default();
        let known = match MessageType::of(kind) {
            MessageType::AskResources if fields.text("info") == Some(b"me") => Class::parse(class).map(Self::Standby),
            MessageType::HbTakeover => Wish::parse(class).map(Self::Takeover),
            MessageType::Resource => Some(Self::Report),
            _ => None,
        };
        known.unwrap_or(Self::Other)
    }
}
