//! Base64 of binary values in the classic form: standard alphabet, padded, strict (RFC 4648 section 4).

#[cfg(not(feature = "small"))]
use base64ct::{Base64, Encoding};
#[cfg(feature = "small")]
use compact::Base64;

/// Bytes encoded at a time: a multiple of three, so that only the last piece is padded.
const PIECE: usize = 48;

/// Encodes `bytes`, handing the text to `put` in pieces.
pub(super) fn encode(bytes: &[u8], mut put: impl FnMut(&[u8])) {
    let mut text = [0; PIECE / 3 * 4];
    for piece in bytes.chunks(PIECE) {
        put(Base64::encode(piece, &mut text).unwrap_or_default().as_ref());
    }
}

/// How many bytes `text` stands for; None if it cannot be base64 by its length.
pub(super) fn decoded_len(text: &[u8]) -> Option<usize> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take(2).take_while(|&&byte| byte == b'=').count();
    (text.len() / 4 * 3).checked_sub(padding)
}

/// Whether `text` can be decoded. It may have any length.
pub(super) fn is_text(mut text: &[u8]) -> bool {
    while !text.is_empty() {
        let (piece, behind) = text.split_at(text.len().min(PIECE / 3 * 4));
        match decode(piece, &mut [0; PIECE]) {
            // Only the last piece is padded.
            Some(bytes) if bytes.len() == PIECE || behind.is_empty() => text = behind,
            _ => return false,
        }
    }
    true
}

/// Decodes `text` into the start of `out`. None if it is not base64, or `out` is too small.
pub(super) fn decode<'b>(text: &[u8], out: &'b mut [u8]) -> Option<&'b [u8]> {
    let out = out.get_mut(..decoded_len(text)?)?;
    Base64::decode(text, out).ok()
}

/// The same in less code, for microcontrollers. The crate takes the same time for every byte, which matters only for
/// secrets.
#[cfg(any(test, feature = "small"))]
mod compact {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    pub(super) struct Base64;

    impl Base64 {
        /// Returns None if `out` is too small.
        pub(super) fn encode<'o>(bytes: &[u8], out: &'o mut [u8]) -> Option<&'o [u8]> {
            let out = out.get_mut(..bytes.len().div_ceil(3) * 4)?;
            let mut places = out.iter_mut();
            for piece in bytes.chunks(3) {
                let bits = (0..3).fold(0, |bits, n| bits << 8 | u32::from(piece.get(n).copied().unwrap_or(0)));
                for n in 0..4 {
                    let letter = ALPHABET.get((bits >> (18 - 6 * n) & 63) as usize).filter(|_| n <= piece.len());
                    *places.next()? = letter.copied().unwrap_or(b'=');
                }
            }
            Some(out)
        }

        /// Returns an error if `text` is not base64, or does not have as many bytes as `out`.
        pub(super) fn decode<'o>(text: &[u8], out: &'o mut [u8]) -> Result<&'o [u8], ()> {
            let expected = (text.len() / 4 * 3).checked_sub(out.len()).ok_or(())?;
            let mut places = out.iter_mut();
            let (mut bits, mut padding) = (0, 0);
            for (n, letter) in text.iter().enumerate() {
                let value = ALPHABET.iter().position(|known| known == letter).filter(|_| padding == 0);
                padding += usize::from(value.is_none());
                if value.is_none() && *letter != b'=' {
                    return Err(());
                }
                bits = bits << 6 | value.unwrap_or(0) as u32;
                if n % 4 < 3 {
                    continue;
                }
                for shift in [16, 8, 0] {
                    let byte = (bits >> shift) as u8;
                    match places.next() {
                        Some(place) => *place = byte,
                        None if byte == 0 => {}
                        None => return Err(()),
                    }
                }
            }
            if padding == expected && text.len().is_multiple_of(4) { Ok(out) } else { Err(()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_one_is_that_of_the_crate() {
        let bytes: [u8; 40] = core::array::from_fn(|i| (i * 41) as u8);
        for len in 0..bytes.len() {
            let (mut one, mut other, mut back) = ([0; 64], [0; 64], [0; 64]);
            let text = compact::Base64::encode(&bytes[..len], &mut one).unwrap();
            let expected = <base64ct::Base64 as base64ct::Encoding>::encode(&bytes[..len], &mut other).unwrap();
            assert_eq!(text, expected.as_bytes());
            assert_eq!(compact::Base64::decode(text, &mut back[..len]), Ok(&bytes[..len]));
        }
        for (text, len) in
            [(&b"Zm9"[..], 2), (b"Z===", 1), (b"Zm9*", 3), (b"Zh==", 1), (b"=Zm9", 3), (b"Zm=9", 2), (b"Zm9v", 2)]
        {
            assert_eq!(compact::Base64::decode(text, &mut [0; 8][..len]), Err(()), "{text:?}");
        }
    }

    fn encoded<'b>(bytes: &[u8], out: &'b mut [u8; 512]) -> &'b [u8] {
        let mut len = 0;
        encode(bytes, |piece| {
            out[len..len + piece.len()].copy_from_slice(piece);
            len += piece.len();
        });
        &out[..len]
    }

    #[test]
    fn values_of_every_length_come_back() {
        let bytes: [u8; 150] = core::array::from_fn(|i| (i * 37) as u8);
        for len in 0..bytes.len() {
            let (mut text, mut back) = ([0; 512], [0; 150]);
            let text = encoded(&bytes[..len], &mut text);
            assert_eq!(decoded_len(text), Some(len));
            assert_eq!(decode(text, &mut back), Some(&bytes[..len]));
            assert!(is_text(text));
        }
    }

    #[test]
    fn known_answers_of_the_rfc() {
        let mut text = [0; 512];
        assert_eq!(encoded(b"foobar", &mut text), b"Zm9vYmFy");
        assert_eq!(encoded(b"fooba", &mut text), b"Zm9vYmE=");
        assert_eq!(encoded(b"foob", &mut text), b"Zm9vYg==");
    }

    #[test]
    fn damaged_text_is_refused() {
        let mut out = [0; 64];
        for text in [&b"Zm9"[..], b"Zm9v=", b"Z===", b"====", b"Zm9v\nZm9", b"Zm9*", b"Zh==", b"=Zm9", b"Zm=9"] {
            assert_eq!(decode(text, &mut out), None, "{text:?}");
            assert!(!is_text(text), "{text:?}");
        }
        let mut padded_within = [b'A'; 68];
        padded_within[63] = b'=';
        assert!(!is_text(&padded_within));
        assert_eq!(decode(b"Zm9v", &mut [0; 2]), None);
    }
}
