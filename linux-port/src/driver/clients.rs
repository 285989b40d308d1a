//! Messages of this node's clients for the cluster.

use super::Driver;
use crate::fifo::{FifoMessage, Order};
use hbcore::cluster::MessageError;
use hbcore::time::Instant;

/// Messages of clients taken in one turn of the loop; media have their turn in between.
const TAKEN: usize = 16;

impl Driver {
    /// Takes the messages of clients, as far as the other nodes keep up.
    pub(super) fn hear_clients(&mut self, now: Instant) {
        for _ in 0..TAKEN {
            let is_congested = self.cluster.is_congested();
            let Some(said) = self.programs.clients.as_mut().and_then(|clients| clients.next(is_congested)) else {
                return;
            };
            self.client_says(now, &said);
        }
        if let Some(clients) = &self.programs.clients {
            clients.come_back();
        }
    }

    #[cold]
    #[inline(never)]
    fn client_says(&mut self, now: Instant, said: &[u8]) {
        let message = match FifoMessage::parse(said) {
            Ok(message) => message,
            Err(rejected) => return self.log.error(format_args!("A client's message: {rejected}")),
        };
        if message.order() != Order::Other {
            return self.order(now, &message);
        }
        let kind = String::from_utf8_lossy(message.kind);
        match self.cluster.send_structure(now, &message.fields) {
            Ok(()) => {}
            Err(MessageError::Reserved) => self
                .log
                .warn(format_args!("A client's message of type {kind} is dropped: only the daemon itself sends that")),
            Err(error) => self.log.error(format_args!("A client's message of type {kind} cannot be sent: {error:?}")),
        }
    }
}
