//! The hashes by which readers find a server. None of them guards anything.

use md5::{Digest, Md5};

const CRC32: [u32; 256] = crc32_table();

#[expect(clippy::cast_possible_truncation, reason = "below 256")]
const fn crc32_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

/// The CRC of Ethernet and zip, which can be continued. nginx uses it for servers and keys.
#[derive(Clone, Copy)]
pub(super) struct Crc32(u32);

impl Crc32 {
    pub(super) const fn new() -> Self {
        Self(u32::MAX)
    }

    pub(super) fn update(self, bytes: &[u8]) -> Self {
        let step = |crc: u32, byte: &u8| {
            let [low, ..] = crc.to_le_bytes();
            CRC32.get(usize::from(low ^ byte)).copied().unwrap_or_default() ^ (crc >> 8)
        };
        Self(bytes.iter().fold(self.0, step))
    }

    pub(super) const fn finish(self) -> u32 {
        !self.0
    }
}

pub(super) fn crc32(bytes: &[u8]) -> u32 {
    Crc32::new().update(bytes).finish()
}

/// The four numbers in an MD5, as ketama reads them.
pub(super) fn md5_words(bytes: &[u8]) -> [u32; 4] {
    let digest: [u8; 16] = Md5::digest(bytes).into();
    let (words, _) = digest.as_chunks::<4>();
    std::array::from_fn(|i| words.get(i).copied().map(u32::from_le_bytes).unwrap_or_default())
}

/// The first number in an MD5: libmemcached's hash `md5`.
pub(super) fn md5(bytes: &[u8]) -> u32 {
    let [first, ..] = md5_words(bytes);
    first
}

/// Jenkins's one-at-a-time: libmemcached's default hash.
pub(super) fn one_at_a_time(bytes: &[u8]) -> u32 {
    let mixed = bytes.iter().fold(0_u32, |hash, byte| {
        let hash = hash.wrapping_add(u32::from(*byte));
        let hash = hash.wrapping_add(hash << 10);
        hash ^ (hash >> 6)
    });
    let mixed = mixed.wrapping_add(mixed << 3);
    let mixed = mixed ^ (mixed >> 11);
    mixed.wrapping_add(mixed << 15)
}

/// `MurmurHash3` of 32 bits with seed 0: what pymemcache scores servers by.
pub(super) fn murmur3(bytes: &[u8]) -> u32 {
    let scramble =
        |word: u32| word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (words, rest) = bytes.as_chunks::<4>();
    let mut hash = words.iter().fold(0, |hash: u32, word| {
        let hash = hash ^ scramble(u32::from_le_bytes(*word));
        hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    });
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| (tail << 8) | u32::from(*byte));
        hash ^= scramble(tail);
    }
    // Texts here are short: a server's name and a key.
    hash ^= u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_check_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(Crc32::new().update(b"1234").update(b"56789").finish(), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        // RFC 1321 §A.5: d41d8cd9… and 900150983cd24fb0….
        assert_eq!(md5(b""), 0xd98c_1dd4);
        assert_eq!(md5_words(b"abc")[..2], [0x9850_0190, 0xb04f_d23c]);
        assert_eq!(one_at_a_time(b"a"), 0xca2e_9442);
        assert_eq!(one_at_a_time(b"The quick brown fox jumps over the lazy dog"), 0x519e_91f5);
        assert_eq!(murmur3(b""), 0);
        assert_eq!(murmur3(b"test"), 0xba6b_d213);
        assert_eq!(murmur3(b"The quick brown fox jumps over the lazy dog"), 0x2e4f_f723);
    }
}
