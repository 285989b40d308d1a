//! What a message of a script asks the engine for.

use hbcore::takeover::{Class, Holds};
use hbcore::wire::{MessageType, Structure};

/// A request. Words that 3.0.6 does not know make it [`Order::Other`]: they are sent to the cluster, and not acted upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order<'a> {
    /// `hb_standby`: give groups of this class, as we see them, to the other node.
    Standby(Class),
    /// `hb_takeover`: the other nodes give us groups. To be sent to the cluster; the own copy means nothing here.
    HbTakeover {
        /// The groups as we see them; the other node's `hb_standby` gets [`Class::mirrored`]. `failback` counts as all, as there.
        class: Class,
        /// The word as typed, which is what the message carries.
        word: &'a [u8],
    },
    /// What this node holds, in the words of a script. From `mach_down` with `info=mach_down`: the groups of a dead node run here.
    Resource {
        /// What is held.
        hold: Holds,
        /// Whether the claim replaces what was claimed before (`rtype=full`), or is added to it.
        full: bool,
        /// Whether it is final, if the message says so.
        stable: Option<bool>,
        /// Why it is said; may be empty.
        info: &'a [u8],
    },
    /// `req_resource`: whoever holds the group of this key should give it to us.
    IpRequest {
        /// The group's key.
        resource: &'a [u8],
    },
    /// The answer to it. Acted upon by the node `dest` alone.
    IpRequestResponse {
        /// The node that asked.
        dest: &'a [u8],
        /// The group's key.
        resource: &'a [u8],
        /// Whether the sender held it, and has given it up.
        was_owned: bool,
        /// Whether the group may be taken: the word is `OK`.
        granted: bool,
    },
    /// `hb_addnode`: these nodes are members from now on.
    AddNode(Names<'a>),
    /// `hb_delnode`: these are no longer.
    DelNode(Names<'a>),
    /// `hb_setweight`
    SetWeight {
        /// The node.
        node: &'a [u8],
        /// Its weight in quorum decisions.
        weight: u32,
    },
    /// `hb_setsite`
    SetSite {
        /// The node.
        node: &'a [u8],
        /// Its site; may be empty.
        site: &'a [u8],
    },
    /// Anything else: to be sent to the cluster with the fields it has.
    Other,
}

/// Node names, separated by blanks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names<'a>(pub &'a [u8]);

impl<'a> Names<'a> {
    /// The names, as typed.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.0.split(|byte| *byte == b' ').filter(|name| !name.is_empty())
    }
}

impl<'a> Order<'a> {
    /// The meaning of a message of the type `kind` with these fields.
    pub fn of(kind: &[u8], fields: &Structure<'a>) -> Self {
        Self::known(kind, fields).unwrap_or(Self::Other)
    }

    /// `None` for what is not known, or lacks a field.
    fn known(kind: &[u8], fields: &Structure<'a>) -> Option<Self> {
        let text = |name| fields.text(name);
        Some(match MessageType::of(kind) {
            MessageType::AskResources if text("info") == Some(b"me") => Self::Standby(Class::parse(text("rsc_hold")?)?),
            MessageType::HbTakeover => {
                let word = text("rsc_hold")?;
                let class = if word == b"failback" { Class::All } else { Class::parse(word)? };
                Self::HbTakeover { class, word }
            }
            MessageType::Resource => Self::Resource {
                hold: Holds::parse(text("rsc_hold")?)?,
                full: text("rtype") == Some(b"full"),
                stable: text("isstable").map(|word| word != b"0"),
                info: text("info").unwrap_or_default(),
            },
            MessageType::IpRequest => Self::IpRequest { resource: text("ipaddr")? },
            MessageType::IpRequestResp => Self::IpRequestResponse {
                dest: text("dest")?,
                resource: text("ipaddr")?,
                was_owned: text("weown") == Some(b"yes"),
                granted: text("ok") == Some(b"OK"),
            },
            MessageType::AddNode => Self::AddNode(Names(text("nodelist")?)),
            MessageType::DelNode => Self::DelNode(Names(text("nodelist")?)),
            MessageType::SetWeight => {
                let weight = std::str::from_utf8(text("weight")?).ok()?.trim().parse().ok()?;
                Self::SetWeight { node: text("node")?, weight }
            }
            MessageType::SetSite => Self::SetSite { node: text("node")?, site: text("site")? },
            _ => return None,
        })
    }
}
