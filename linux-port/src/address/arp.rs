//! Gratuitous ARP (RFC 826, RFC 5227 section 3) in the two forms that heartbeat sends (docs/protocol/resources.md 4.2).

use std::net::Ipv4Addr;

/// The length of an ARP packet for IPv4 in an Ethernet frame.
pub(super) const FRAME: usize = 42;

/// The operation field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// The question "who has it", sent by the owner itself: the form that updates most caches.
    Request = 1,
    /// The answer "I have it", for hosts that ignore the question.
    Reply = 2,
}

/// A broadcast frame that announces that `addr` is at `mac`. A request has no target hardware address, a reply repeats
/// ours.
pub(super) fn frame(operation: Operation, mac: [u8; 6], addr: Ipv4Addr) -> [u8; FRAME] {
    let target = match operation {
        Operation::Request => [0; 6],
        Operation::Reply => mac,
    };
    build(operation, mac, addr, target, addr)
}

/// A broadcast frame that asks for the owner of `addr` without claiming it for us (RFC 5227 section 2.1.1).
pub(super) fn probe(mac: [u8; 6], addr: Ipv4Addr) -> [u8; FRAME] {
    build(Operation::Request, mac, Ipv4Addr::UNSPECIFIED, [0; 6], addr)
}

/// The sender's hardware and IPv4 address of a packet without its Ethernet header; `None` if it is not for Ethernet and
/// IPv4.
pub(super) fn sender(packet: &[u8]) -> Option<([u8; 6], Ipv4Addr)> {
    let lengths = packet.get(4..6)?;
    let mac = <[u8; 6]>::try_from(packet.get(8..14)?).ok()?;
    let addr = <[u8; 4]>::try_from(packet.get(14..18)?).ok()?;
    (lengths == [6, 4]).then(|| (mac, addr.into()))
}

fn build(operation: Operation, mac: [u8; 6], sender: Ipv4Addr, target: [u8; 6], wanted: Ipv4Addr) -> [u8; FRAME] {
    let parts: [&[u8]; 10] = [
        &[0xff; 6],          // Ethernet: to all hosts
        &mac,                // from us
        &[0x08, 0x06],       // ARP
        &[0, 1, 0x08, 0x00], // Ethernet, IPv4
        &[6, 4],             // their address lengths
        &[0, operation as u8],
        &mac,
        &sender.octets(),
        &target,
        &wanted.octets(),
    ];
    let mut frame = [0; FRAME];
    for (to, from) in frame.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 6] = [0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee];
    const ADDR: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);

    #[test]
    fn request_has_no_target() {
        #[rustfmt::skip]
        let golden = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0x08, 0x06,
            0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01,
            0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 10, 77, 0, 100,
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 10, 77, 0, 100,
        ];
        assert_eq!(frame(Operation::Request, MAC, ADDR), golden);
    }

    #[test]
    fn probe_has_no_sender_and_its_answer_has_one() {
        let probe = probe(MAC, ADDR);
        assert_eq!(sender(&probe[14..]), Some((MAC, Ipv4Addr::UNSPECIFIED)));
        assert_eq!((&probe[20..22], &probe[38..]), (&[0, 1][..], &[10, 77, 0, 100][..]));
        assert_eq!(sender(&frame(Operation::Reply, MAC, ADDR)[14..]), Some((MAC, ADDR)));
        assert_eq!(sender(&probe[14..30]), None, "cut");
        assert_eq!(sender(&[0; 28]), None, "not for Ethernet");
    }

    #[test]
    fn reply_names_us_twice() {
        #[rustfmt::skip]
        let golden = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0x08, 0x06,
            0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x02,
            0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 10, 77, 0, 100,
            0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 10, 77, 0, 100,
        ];
        assert_eq!(frame(Operation::Reply, MAC, ADDR), golden);
    }
}
