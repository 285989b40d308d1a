//! SHA-1 in a few hundred bytes of code (RFC 3174 6.2), for microcontrollers. On other systems it comes from the crate
//! `sha1`, which is four times as fast and ten times as large.

/// Adds one block to `state`.
#[expect(clippy::many_single_char_names, reason = "as the standard names them")]
pub(super) fn compress(state: &mut [u32; 5], block: &[u8; 64]) {
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for round in 0..80 {
        let word = if round < 16 { at(&words, round) } else { extend(&mut words, round) };
        let (mixed, constant) = match round {
            0..20 => (d ^ (b & (c ^ d)), 0x5A82_7999),
            20..40 => (b ^ c ^ d, 0x6ED9_EBA1),
            40..60 => ((b & c) | (d & (b | c)), 0x8F1B_BCDC),
            _ => (b ^ c ^ d, 0xCA62_C1D6_u32),
        };
        let next = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e).wrapping_add(word).wrapping_add(constant);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
    }
    for (word, change) in state.iter_mut().zip([a, b, c, d, e]) {
        *word = word.wrapping_add(change);
    }
}

fn at(words: &[u32; 16], round: usize) -> u32 {
    words.get(round % 16).copied().unwrap_or_default()
}

/// The word of a round after the sixteenth. It replaces the word that is not needed any more.
fn extend(words: &mut [u32; 16], round: usize) -> u32 {
    let mixed = at(words, round + 13) ^ at(words, round + 8) ^ at(words, round + 2) ^ at(words, round);
    let word = mixed.rotate_left(1);
    if let Some(place) = words.get_mut(round % 16) {
        *place = word;
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compress_agrees_with_the_sha1_crate() {
        let (mut ours, mut theirs) = ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]);
        for n in 0..100u8 {
            let block = core::array::from_fn(|i| n.wrapping_mul(31) ^ (i as u8).wrapping_mul(57));
            compress(&mut ours, &block);
            sha1::block_api::compress(&mut theirs, &[block]);
            assert_eq!(ours, theirs);
        }
    }
}
