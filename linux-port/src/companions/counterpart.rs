//! The other node, as a client of a pair sees it.

use super::session::Session;
use crate::client::{ClientError, Message};

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) is_ping: bool,
    pub(super) state: String,
}

/// All nodes, in the order of `ha.cf`.
pub(super) fn nodes(session: &mut Session) -> Result<Vec<Node>, ClientError> {
    let node = |message: &Message| {
        let field = |name: &str| message.text(name).unwrap_or_default();
        Node { name: field("node"), is_ping: field("nodetype") == "ping", state: field("st") }
    };
    Ok(session.list("nodelist")?.iter().map(node).collect())
}

/// The node with which this one compares: the first one of `ha.cf` that is another. 3.0.6 takes the same one.
pub(super) fn partner(nodes: &[Node], own: &str) -> Option<String> {
    let is_other = |node: &&Node| !node.is_ping && !node.name.eq_ignore_ascii_case(own);
    nodes.iter().find(is_other).map(|node| node.name.clone())
}
