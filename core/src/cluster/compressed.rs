//! Messages that are compressed as a whole (docs/protocol/wire.md 10.2). The engine has no memory to inflate or to
//! compress one: its caller does that.

use super::{Cluster, Received};
use crate::error::DatagramError;
use crate::id::LinkId;
use crate::time::Instant;
use crate::wire::{self, WriteError, Writer};

impl<const NODES: usize, const LINKS: usize, const GROUPS: usize, const HISTORY: usize, const KEYS: usize>
    Cluster<NODES, LINKS, GROUPS, HISTORY, KEYS>
{
    /// The algorithm, in the words of the wire, and the compressed message in a `packet` that [`Cluster::handle`]
    /// refused as [`Compressed`](crate::wire::HeaderError::Compressed). `None` if it is not authentic, or lacks one of
    /// them.
    pub fn compressed_in<'p>(&self, packet: &'p [u8]) -> Option<(&'p [u8], &'p [u8])> {
        let message = wire::open(packet, &self.keys).ok()?;
        let payload = message.field("_compressed_payload")?;
        Some((message.text("_compression_algorithm")?, payload.raw()))
    }

    /// Takes the message that was compressed in `packet`, which [`Cluster::handle`] refused as
    /// [`Compressed`](crate::wire::HeaderError::Compressed), and that the caller has inflated since. The signature of
    /// `packet` is checked again, since the keys may have changed. The caller bounds the length of `inflated`.
    ///
    /// # Errors
    /// As for [`Cluster::handle`]; [`Stats::compressed`](crate::Stats::compressed) counts only those messages for which
    /// this was not called.
    pub fn handle_inflated(
        &mut self,
        now: Instant,
        link: LinkId,
        packet: &[u8],
        inflated: &[u8],
    ) -> Result<Received, DatagramError> {
        self.set_now(now);
        self.stats.compressed = self.stats.compressed.saturating_sub(1);
        let result = self.receive_inflated(link, packet, inflated);
        self.count(result);
        result
    }

    fn receive_inflated(&mut self, link: LinkId, packet: &[u8], inflated: &[u8]) -> Result<Received, DatagramError> {
        if usize::from(link.0) >= self.links.len() {
            return Err(DatagramError::UnknownLink);
        }
        let message = wire::open(packet, &self.keys)?.inflated(inflated)?;
        self.interpret(link, message)
    }

    /// Writes the datagram for a message of ours that the caller has compressed, and returns its length.
    ///
    /// # Errors
    /// [`WriteError::Full`] if `out` is too small.
    pub fn write_compressed(&self, algorithm: &str, payload: &[u8], out: &mut [u8]) -> Result<usize, WriteError> {
        let mut w = Writer::netstring(out, &self.keys, false);
        w.binary("_compressed_payload", payload);
        w.text("_compression_algorithm", algorithm.as_bytes());
        w.finish()
    }
}
