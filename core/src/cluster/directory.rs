//! Finding a node by name, at a cost that does not depend on the number of nodes.

use super::MAX_NODES;
use crate::id::{NodeId, NodeName};

/// Twice as many slots as nodes, so that a free one is near.
const SLOTS: usize = 2 * MAX_NODES;
const _: () = assert!(MAX_NODES < u8::MAX as usize, "an id and one must fit into a slot");

/// An open hash table from names to ids. A slot has 0, or one more than the id.
#[derive(Debug)]
pub(super) struct Directory {
    slots: [u8; SLOTS],
}

impl Directory {
    pub(super) const fn new() -> Self {
        Self { slots: [0; SLOTS] }
    }

    /// Adds a node. The caller compares names, so a second node of the same name is never found.
    pub(super) fn insert(&mut self, name: &NodeName, id: NodeId) {
        let place = probe(name.as_bytes()).find(|s| self.slots.get(*s) == Some(&0));
        if let Some(slot) = place.and_then(|s| self.slots.get_mut(s)) {
            *slot = id.0 + 1;
        }
    }

    /// Calls `is_it` with each candidate for `name` and returns the first for which it is true.
    pub(super) fn find(&self, name: &[u8], is_it: impl Fn(NodeId) -> bool) -> Option<NodeId> {
        let slots = probe(name).map_while(|slot| self.slots.get(slot));
        slots.map_while(|slot| slot.checked_sub(1)).map(NodeId).find(|id| is_it(*id))
    }
}

/// The slots in which a name may stand, in their order: FNV-1a, then linear.
fn probe(name: &[u8]) -> impl Iterator<Item = usize> {
    let hash = name.iter().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(*b)).wrapping_mul(0x0100_0193));
    let start = (hash ^ (hash >> 16)) as usize;
    (0..SLOTS).map(move |step| start.wrapping_add(step) % SLOTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;
    use std::format;
    use std::vec::Vec;

    fn names() -> Vec<NodeName> {
        (0..MAX_NODES).map(|n| NodeName::new(&format!("node{n}")).unwrap()).collect()
    }

    fn filled(names: &[NodeName]) -> Directory {
        let mut directory = Directory::new();
        for (n, name) in names.iter().enumerate() {
            directory.insert(name, NodeId(n as u8));
        }
        directory
    }

    #[test]
    fn finds_every_one_of_a_full_table_and_nobody_else() {
        let names = names();
        let directory = filled(&names);
        let find =
            |text: &str| directory.find(text.as_bytes(), |id| names[usize::from(id.0)].as_bytes() == text.as_bytes());
        for (n, name) in names.iter().enumerate() {
            assert_eq!(find(name.as_str()), Some(NodeId(n as u8)));
        }
        assert_eq!(find("stranger"), None);
    }

    #[test]
    fn full_table_is_searched_at_the_second_name_on_average() {
        let names = names();
        let directory = filled(&names);
        let looks = Cell::new(0);
        for name in &names {
            let found = directory.find(name.as_bytes(), |id| {
                looks.set(looks.get() + 1);
                names.get(usize::from(id.0)) == Some(name)
            });
            assert!(found.is_some());
        }
        assert!(looks.get() <= 2 * MAX_NODES, "{} looks for {MAX_NODES} names", looks.get());
    }
}
