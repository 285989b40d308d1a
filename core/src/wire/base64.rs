//! Base64 of binary values in the classic form: standard alphabet, padded, strict (RFC 4648 section 4).

use base64ct::{Base64, Encoding};

/// Bytes encoded at a time: a multiple of three, so that only the last piece is padded.
const PIECE: usize = 48;

/// Encodes `bytes`, handing the text to `put` in pieces.
pub(super) fn encode(bytes: &[u8], mut put: impl FnMut(&[u8])) {
    let mut text = [0; PIECE / 3 * 4];
    for piece in bytes.chunks(PIECE) {
        put(Base64::encode(piece, &mut text).unwrap_or_default().as_bytes());
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

/// Decodes `text` into the start of `out`. None: not base64, or `out` is too small.
pub(super) fn decode<'b>(text: &[u8], out: &'b mut [u8]) -> Option<&'b [u8]> {
    let out = out.get_mut(..decoded_len(text)?)?;
    Base64::decode(text, out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        }
        assert_eq!(decode(b"Zm9v", &mut [0; 2]), None);
    }
}
