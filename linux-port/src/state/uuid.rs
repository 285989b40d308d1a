//! The node's identity: stored, or computed from its name (docs/protocol/files.md 12.1, 12.3).

use std::io;

use hbcore::id::Uuid;

use super::{Doing, StateDir, StateError, atomic, refused};

const FILE: &str = "hb_uuid";

/// The origin of an identity; the daemon logs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UuidOrigin {
    /// Read from the file.
    Stored,
    /// There was no file; a random one was made.
    Created,
    /// The file did not hold 16 bytes, or only zeros; a random one was made. Peers replace the identity they knew.
    Replaced,
}

impl StateDir {
    /// The stored identity, made and stored first if there is none.
    ///
    /// # Errors
    /// [`StateError::Io`] when the file cannot be read or written, or the system has no random numbers.
    #[cold]
    pub fn uuid(&self) -> Result<(Uuid, UuidOrigin), StateError> {
        let path = self.file(FILE);
        let content = atomic::read_bounded(&path, 16).map_err(refused(Doing::Read, &path))?;
        let origin = if content.is_some() { UuidOrigin::Replaced } else { UuidOrigin::Created };
        let stored = content.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()).map(Uuid);
        if let Some(uuid) = stored.filter(|uuid| !uuid.is_nil()) {
            return Ok((uuid, UuidOrigin::Stored));
        }
        let uuid = random_uuid().map_err(refused(Doing::Create, &path))?;
        atomic::replace(&path, &uuid.0, 0o644).map_err(refused(Doing::Write, &path))?;
        Ok((uuid, origin))
    }
}

/// A random identity with the version and variant bits of RFC 9562, section 5.4.
fn random_uuid() -> io::Result<Uuid> {
    let mut bytes = [0; 16];
    let got = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    if got < bytes.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(Uuid(bytes))
}

/// The identity that `uuidfrom nodename` computes: 32 hexadecimal digits from the C library's generator, seeded with a
/// hash of the name in lower case. An empty name hashes to 0.
pub fn uuid_from_name(name: &str) -> Uuid {
    let hash = name.bytes().map(|b| i32::from(b.to_ascii_lowercase().cast_signed()));
    let seed = hash.reduce(|h, c| h.wrapping_mul(31).wrapping_add(c)).unwrap_or(0);
    let mut random = AdditiveFeedback::seeded(seed);
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        let (high, low) = (random.next() % 16, random.next() % 16);
        *byte = (high * 16 + low) as u8;
    }
    Uuid(bytes)
}

/// The generator of `srand` and `rand` in the GNU C library: x\[i] = x\[i-3] + x\[i-31], the lowest bit dropped.
struct AdditiveFeedback {
    state: [u32; 31],
    oldest: usize,
}

impl AdditiveFeedback {
    const WARM_UP: usize = 310;

    /// Fills the state by a Lehmer generator (multiplier 16807, modulus 2^31-1) and discards the first outputs.
    fn seeded(seed: i32) -> Self {
        const MODULUS: i64 = 0x7fff_ffff;
        let mut state = [0u32; 31];
        let mut word = if seed == 0 { 1 } else { seed };
        for slot in &mut state {
            *slot = word.cast_unsigned();
            word = (i64::from(word) * 16807).rem_euclid(MODULUS) as i32;
        }
        let mut generator = Self { state, oldest: 3 };
        for _ in 0..Self::WARM_UP {
            generator.next();
        }
        generator
    }

    /// The next number, 0 to 2^31-1.
    fn next(&mut self) -> u32 {
        let size = self.state.len();
        let three_back = self.state[(self.oldest + size - 3) % size];
        let sum = self.state[self.oldest].wrapping_add(three_back);
        self.state[self.oldest] = sum;
        self.oldest = (self.oldest + 1) % size;
        sum >> 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_the_identities_that_the_original_daemon_computed() {
        assert_eq!(uuid_from_name("p3").to_string(), "27f30c64-e5b8-efa7-b73a-40b5432183eb");
        assert_eq!(uuid_from_name("P3"), uuid_from_name("p3"), "names are folded to lower case");
        assert_eq!(uuid_from_name("wa").to_string(), "86c94a8d-dc2c-2d0f-0e18-0b801318de15");
    }

    #[test]
    fn long_name_wraps_around_in_32_bits_and_may_seed_with_a_negative_number() {
        // The generator's published behaviour for seed 1: 1804289383, 846930886, 1681692777.
        let mut random = AdditiveFeedback::seeded(1);
        assert_eq!([random.next(), random.next(), random.next()], [1_804_289_383, 846_930_886, 1_681_692_777]);
        assert_eq!(uuid_from_name("storage").to_string(), "eec4029b-6c29-76f6-36fe-a4eba3875d93", "seed -1884274053");
        assert_eq!(uuid_from_name(""), uuid_from_name("\u{1}"), "seed 0 means seed 1");
    }
}
