//! A few hundred connections by their numbers, the oldest first: a sorted list, which takes the least code.

use super::Conn;

/// Values by the numbers of their connections.
#[derive(Debug)]
pub(super) struct Table<T>(Vec<(Conn, T)>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Table<T> {
    /// Adds a value; its number must be higher than all others.
    #[cold]
    #[inline(never)]
    pub(super) fn push(&mut self, conn: Conn, value: T) {
        debug_assert!(self.0.last().is_none_or(|(last, _)| *last < conn), "numbers only grow");
        self.0.push((conn, value));
    }

    fn place(&self, conn: Conn) -> Option<usize> {
        self.0.binary_search_by_key(&conn, |(conn, _)| *conn).ok()
    }

    #[cold]
    #[inline(never)]
    pub(super) fn get(&self, conn: Conn) -> Option<&T> {
        self.0.get(self.place(conn)?).map(|(_, value)| value)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn get_mut(&mut self, conn: Conn) -> Option<&mut T> {
        let place = self.place(conn)?;
        self.0.get_mut(place).map(|(_, value)| value)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn remove(&mut self, conn: Conn) -> Option<T> {
        let removed = self.0.remove(self.place(conn)?).1;
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
        Some(removed)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Conn, &T)> {
        self.0.iter().map(|(conn, value)| (*conn, value))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Conn, &mut T)> {
        self.0.iter_mut().map(|(conn, value)| (*conn, value))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
