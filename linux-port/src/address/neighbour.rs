//! Unsolicited neighbour advertisements: the gratuitous ARP of IPv6 (RFC 4861 sections 4.4 and 7.2.6).

use std::net::Ipv6Addr;

/// Ethernet 14, IPv6 40, advertisement 24, target link-layer address option 8.
pub(super) const FRAME: usize = 86;

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
pub(super) const ICMPV6: u8 = 58;
pub(super) const ADVERTISEMENT: u8 = 136;
const ADVERTISEMENT_LENGTH: u8 = 32;
/// Receivers accept only a frame of this hop limit, since no router forwards one unchanged (RFC 4861 section 7.1.2).
const HOP_LIMIT: u8 = 255;
const OVERRIDE: u8 = 0x20;
const ROUTER: u8 = 0x80;

/// A frame to all nodes of the link that announces that `addr` is at `mac`, and overrides their caches. `router` must
/// be true on a node that forwards IPv6, or the neighbours stop using it as a router.
pub(super) fn frame(mac: [u8; 6], addr: Ipv6Addr, router: bool) -> [u8; FRAME] {
    let flags = OVERRIDE | if router { ROUTER } else { 0 };
    let [c0, c1] = checksum(mac, addr, flags).to_be_bytes();
    let parts: [&[u8]; 12] = [
        &[0x33, 0x33, 0, 0, 0, 1], // Ethernet: the group of ff02::1
        &mac,
        &[0x86, 0xdd], // IPv6
        &[0x60, 0, 0, 0],
        &[0, ADVERTISEMENT_LENGTH, ICMPV6, HOP_LIMIT],
        &addr.octets(),
        &ALL_NODES.octets(),
        &[ADVERTISEMENT, 0, c0, c1],
        &[flags, 0, 0, 0],
        &addr.octets(),
        &[2, 1], // option: target link-layer address, eight bytes
        &mac,
    ];
    let mut frame = [0; FRAME];
    for (to, from) in frame.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    frame
}

/// Ethernet 14, IPv6 40, solicitation 24.
pub(super) const PROBE: usize = 78;

/// A frame that asks for the owner of `addr` without claiming it for us: the probe of duplicate detection (RFC 4862
/// section 5.4.2).
pub(super) fn probe(mac: [u8; 6], addr: Ipv6Addr) -> [u8; PROBE] {
    let [.., x, y, z] = addr.octets();
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(x), u16::from_be_bytes([y, z]));
    let words =
        group.segments().into_iter().chain(addr.segments()).chain([PROBE_LENGTH.into(), ICMPV6.into(), 135 << 8]);
    let [c0, c1] = folded(words).to_be_bytes();
    let parts: [&[u8]; 10] = [
        &[0x33, 0x33, 0xff, x, y, z], // Ethernet: the group's address
        &mac,
        &[0x86, 0xdd], // IPv6
        &[0x60, 0, 0, 0],
        &[0, PROBE_LENGTH, ICMPV6, HOP_LIMIT],
        &[0; 16], // from the unspecified address
        &group.octets(),
        &[135, 0, c0, c1],
        &[0; 4],
        &addr.octets(),
    ];
    let mut frame = [0; PROBE];
    for (to, from) in frame.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    frame
}

const PROBE_LENGTH: u8 = 24;

/// The offset of the next header in an advertisement without extension headers, in bytes.
pub(super) const NEXT_HEADER_AT: u32 = 6;
/// The offset of its type.
pub(super) const TYPE_AT: u32 = 40;
/// The offset of the address that it is about.
pub(super) const TARGET_AT: u32 = 48;

/// The address that an advertisement is about, given its packet without Ethernet header; `None` for any other packet.
pub(super) fn target(packet: &[u8]) -> Option<Ipv6Addr> {
    let is_advertisement =
        packet.get(NEXT_HEADER_AT as usize) == Some(&ICMPV6) && packet.get(TYPE_AT as usize) == Some(&ADVERTISEMENT);
    let target = packet.get(TARGET_AT as usize..)?.first_chunk::<16>()?;
    is_advertisement.then(|| (*target).into())
}

/// The checksum over pseudo-header and advertisement (RFC 4443 section 2.3).
fn checksum(mac: [u8; 6], addr: Ipv6Addr, flags: u8) -> u16 {
    let [m0, m1, m2, m3, m4, m5] = mac;
    let fixed = [
        u16::from(ADVERTISEMENT_LENGTH),
        u16::from(ICMPV6),
        136 << 8,
        u16::from(flags) << 8,
        2 << 8 | 1,
        u16::from_be_bytes([m0, m1]),
        u16::from_be_bytes([m2, m3]),
        u16::from_be_bytes([m4, m5]),
    ];
    // The address counts twice: as source and as target.
    let words = addr.segments().into_iter().chain(addr.segments()).chain(ALL_NODES.segments()).chain(fixed);
    folded(words)
}

fn folded(words: impl Iterator<Item = u16>) -> u16 {
    let sum: u32 = words.map(u32::from).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advertisement_has_these_bytes() {
        let mac = [0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee];
        let addr: Ipv6Addr = "2001:db8::64".parse().expect("an address");
        #[rustfmt::skip]
        let golden = [
            0x33, 0x33, 0x00, 0x00, 0x00, 0x01, 0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0x86, 0xdd,
            0x60, 0x00, 0x00, 0x00, 0x00, 0x20, 0x3a, 0xff,
            0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x64,
            0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01,
            0x88, 0x00, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00,
            0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x64,
            0x02, 0x01, 0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee,
        ];
        let mut frame = frame(mac, addr, false);
        let sum = u16::from_be_bytes([std::mem::take(&mut frame[56]), std::mem::take(&mut frame[57])]);
        assert_eq!(frame, golden, "all but the checksum");
        assert_eq!(sum, verified(&golden), "the checksum, computed the slow way");
    }

    #[test]
    fn advertisement_of_a_router_has_the_router_flag() {
        let addr: Ipv6Addr = "fe80::1".parse().expect("an address");
        assert_eq!(frame([2; 6], addr, true)[58], 0xa0);
    }

    /// RFC 4443: pseudo-header (addresses, length, next header), then the message with a zero checksum, from the frame
    /// itself.
    fn verified(frame: &[u8; FRAME]) -> u16 {
        let mut bytes = frame[22..54].to_vec();
        bytes.extend([0, 0, 0, 32, 0, 0, 0, 58]);
        bytes.extend(&frame[54..]);
        let sum = bytes.chunks(2).fold(0u64, |sum, pair| sum + u64::from(pair[0]) * 256 + u64::from(pair[1]));
        let sum = (sum & 0xffff) + (sum >> 16);
        !(((sum & 0xffff) + (sum >> 16)) as u16)
    }
}
