//! Echo requests and replies as bytes (RFC 792, RFC 4443; docs/protocol/wire.md 9.1).

use socket2::SockFilter;
use std::ops::Range;

/// The length of the ICMP header of an echo.
pub(super) const HEADER: usize = 8;

/// The two versions of ICMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    fn request_type(self) -> u8 {
        match self {
            Self::V4 => 8,
            Self::V6 => 128,
        }
    }

    fn reply_type(self) -> u8 {
        match self {
            Self::V4 => 0,
            Self::V6 => 129,
        }
    }
}

/// A reply to one of our requests, within the packet that was received.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) sequence: u16,
    pub(super) data: Range<usize>,
}

/// Writes an echo request into `out`: id in host byte order, sequence in network byte order. `None` if it does not fit.
/// For `ICMPv6` the kernel computes the checksum.
pub(super) fn request<'a>(
    family: Family,
    ident: u16,
    sequence: u16,
    data: &[u8],
    out: &'a mut [u8],
) -> Option<&'a [u8]> {
    let packet = out.get_mut(..HEADER.checked_add(data.len())?)?;
    let (header, body) = packet.split_first_chunk_mut::<HEADER>()?;
    let ([i0, i1], [s0, s1]) = (ident.to_ne_bytes(), sequence.to_be_bytes());
    *header = [family.request_type(), 0, 0, 0, i0, i1, s0, s1];
    body.copy_from_slice(data);
    if family == Family::V4 {
        let [c0, c1] = checksum(packet).to_be_bytes();
        *packet.first_chunk_mut::<4>()? = [family.request_type(), 0, c0, c1];
    }
    Some(packet)
}

/// Reads what a raw socket received: an echo reply with our id. IPv4 packets come with their IP header, IPv6 ones
/// without.
pub(super) fn reply(family: Family, ident: u16, packet: &[u8]) -> Option<Reply> {
    let start = match family {
        Family::V4 => usize::from(packet.first()? & 0x0f) * 4,
        Family::V6 => 0,
    };
    let [kind, code, _, _, i0, i1, s0, s1] = packet.get(start..)?.first_chunk::<HEADER>()?;
    let ours = *kind == family.reply_type() && *code == 0 && [*i0, *i1] == ident.to_ne_bytes();
    ours.then(|| Reply { sequence: u16::from_be_bytes([*s0, *s1]), data: start.saturating_add(HEADER)..packet.len() })
}

/// A filter that lets the kernel keep only our replies, so that replies to other pingers do not wake us.
pub(super) fn filter(family: Family, ident: u16) -> [SockFilter; 7] {
    const LOAD_X_IP_HEADER: u16 = 0xb1; // X = 4 * (byte[k] & 15)
    const LOAD_X: u16 = 0x01; // X = k
    const LOAD_BYTE_AT_X: u16 = 0x50;
    const LOAD_HALF_AT_X: u16 = 0x48;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let header = match family {
        Family::V4 => LOAD_X_IP_HEADER,
        Family::V6 => LOAD_X,
    };
    let ident = u16::from_be_bytes(ident.to_ne_bytes());
    [
        SockFilter::new(header, 0, 0, 0),
        SockFilter::new(LOAD_BYTE_AT_X, 0, 0, 0),
        SockFilter::new(JUMP_IF_EQUAL, 0, 3, u32::from(family.reply_type())),
        SockFilter::new(LOAD_HALF_AT_X, 0, 0, 4),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, u32::from(ident)),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// The Internet checksum (RFC 1071) of `bytes`.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        let word = u16::from_be_bytes([pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)]);
        sum += u32::from(word);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Sequence numbers answered lately. A number 128 newer takes the place of an older one (docs/protocol/wire.md 9.1).
pub(super) struct SeenSequences {
    slots: [Option<u16>; 128],
}

impl Default for SeenSequences {
    fn default() -> Self {
        Self { slots: [None; 128] }
    }
}

impl SeenSequences {
    /// Remembers `sequence`. Returns whether it is new.
    pub(super) fn is_new(&mut self, sequence: u16) -> bool {
        let Some(slot) = self.slots.get_mut(usize::from(sequence % 128)) else {
            return false;
        };
        slot.replace(sequence) != Some(sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector `icmp-ping` (docs/protocol/wire.md 9.1): header and data of a packet that 3.0.6 sent.
    #[test]
    fn request_has_the_bytes_of_the_reference() {
        let data = b"###\n10:(0)t=NS_st,10:(0)st=ping,12:(0)info=ping,16:(0)src=10.77.0.2,14:(0)ts=6b0272f5,\
            50:(0)auth=2 d80e39d49d64e10f17833426c5958a851cbe4915,%%%\n42:2 416eadaeed309e36fe22cf11dcefc230c6568392,";
        let mut out = [0; 256];
        let packet = request(Family::V4, u16::from_ne_bytes([0xb3, 0x49]), 0, data, &mut out).expect("fits");
        assert_eq!(packet.first_chunk(), Some(&[0x08, 0x00, 0xd0, 0xca, 0xb3, 0x49, 0x00, 0x00]));
        assert_eq!(packet.get(HEADER..), Some(&data[..]));
    }

    #[test]
    fn odd_length_is_padded_for_the_checksum_only() {
        let mut out = [0; 32];
        let ident = u16::from_ne_bytes([0x12, 0x34]);
        let packet = request(Family::V4, ident, 1, b"abc", &mut out).expect("fits");
        // 0x0800 + 0x1234 + 0x0001 + 0x6162 + 0x6300 = 0xde97, inverted
        assert_eq!(packet, [8, 0, 0x21, 0x68, 0x12, 0x34, 0, 1, b'a', b'b', b'c']);
        assert_eq!(request(Family::V4, ident, 1, &[0; 30], &mut out), None, "too long for the room given");
    }

    #[test]
    fn only_a_reply_with_our_id_is_read() {
        let ident = u16::from_ne_bytes([0x12, 0x34]);
        let mut packet = vec![0x45; 20];
        packet.extend([0, 0, 0, 0, 0x12, 0x34, 0, 9, b'x', b'y']);
        assert_eq!(reply(Family::V4, ident, &packet), Some(Reply { sequence: 9, data: 28..30 }));
        assert_eq!(reply(Family::V4, ident ^ 1, &packet), None, "somebody else's");
        assert_eq!(reply(Family::V4, ident, &packet[..24]), None, "cut");
        packet[20] = 8;
        assert_eq!(reply(Family::V4, ident, &packet), None, "a request");
        assert_eq!(
            reply(Family::V6, ident, &[129, 0, 0, 0, 0x12, 0x34, 1, 0]),
            Some(Reply { sequence: 256, data: 8..8 })
        );
        assert_eq!(reply(Family::V6, ident, &[]), None);
    }

    #[test]
    fn sequence_counts_once() {
        let mut seen = SeenSequences::default();
        assert!(seen.is_new(5) && !seen.is_new(5));
        assert!(seen.is_new(5 + 128));
        assert!((0..=u16::MAX).filter(|n| *n > 300).all(|n| seen.is_new(n)));
    }
}
