//! The message that a named client is there, or no longer (docs/protocol/clients.md 5.3).

use hbcore::wire::Writer;

/// A join or a leave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Announcement<'a> {
    /// `join` or `leave`.
    pub(super) st: &'static str,
    /// The name of the client.
    pub(super) id: &'a str,
    /// Our node.
    pub(super) src: &'a str,
    /// The cause, in the words of 3.0.6.
    pub(super) info: &'a str,
    /// The number of the sign-on.
    pub(super) generation: u32,
}

impl Announcement<'_> {
    /// Writes it with the fields in the order of 3.0.6.
    #[cold]
    #[inline(never)]
    pub(super) fn write(&self, w: &mut Writer<'_>) {
        let Self { st, id, src, info, generation } = *self;
        w.text("t", b"hbapi-clstat");
        w.text("st", st.as_bytes());
        w.text("from_id", id.as_bytes());
        w.text("to_id", id.as_bytes());
        w.text("src", src.as_bytes());
        w.text("info", info.as_bytes());
        w.decimal("client_gen", generation.into());
    }
}
