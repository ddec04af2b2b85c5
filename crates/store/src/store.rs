//! What a place for pages has to offer, whatever it is made of.
//!
//! Invariants every engine keeps: the full key is compared; an update of a key is atomic against every other update
//! and removal of that key; a reader sees a whole value or none.

/// How much memory a value holds.
pub trait Weigh {
    /// Bytes of the value itself and of everything on the heap that lives only as long as it does.
    ///
    /// Asked once, when the value is put. A value that grows afterwards must be put again, or the budget is not kept.
    /// [`allocated`] gives what a heap block of a given length costs; much larger blocks than
    /// [`BLOCK_BYTES`](crate::limits::BLOCK_BYTES) cost more than can be foreseen.
    fn weight_bytes(&self) -> usize;
}

/// What a heap block of `len` bytes costs: `len` rounded up to the size class that holds it.
///
/// mimalloc and jemalloc make four classes of each doubling; above 32 KiB only pages that are touched count.
/// Zero bytes need no block.
#[must_use]
pub const fn allocated(len: usize) -> usize {
    const SMALL: usize = 128;
    const MEDIUM: usize = 32 << 10;
    let step = match len {
        0..=SMALL => 16,
        // A size that is a power of two is the last of its four.
        _ if len <= MEDIUM => (1 << (len - 1).ilog2()) / 4,
        _ => 4096,
    };
    match len.checked_next_multiple_of(step) {
        Some(rounded) => rounded,
        None => usize::MAX,
    }
}

/// What an update decided about the value of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<V> {
    /// Leaves it as it is.
    Keep,
    /// Stores this value, in place of the present one if there is one.
    Put(V),
    /// Takes the present value away.
    Remove,
}

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Updated {
    /// Nothing was changed.
    Kept,
    /// The new value is stored.
    Put,
    /// The key has no value any more.
    Removed,
    /// The new value was heavier than [`Store::item_bytes_max`]. The key has no value any more: whoever wanted to
    /// replace the old one had declared it outdated.
    Refused,
}

/// A store's numbers, for metrics and `/readyz`. Taken without stopping anybody, so they need not agree to the byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes weighed, keys and the engine's own share included.
    pub bytes: u64,
    /// What `bytes` may become. A little less than the budget: the engine's fixed share is taken off first.
    pub capacity_bytes: u64,
    /// Keys with a value.
    pub entries: u64,
    /// Values pushed out to make room, ever.
    pub evictions: u64,
    /// Values not taken in, ever ([`Updated::Refused`]).
    pub refused: u64,
}

/// A map from byte keys to values that forgets under pressure.
pub trait Store<V>: Send + Sync {
    /// The value of `key`. Counts as a use: what is looked up stays longer.
    fn look_up(&self, key: &[u8]) -> Option<V>;

    /// Changes the value of `key` by what `change` decides from the present one.
    ///
    /// Atomic per key: no other update or removal of the key comes between the look and the change, so a decision made
    /// from an older look-up can be checked again inside. `change` runs under a lock that other keys share: it must
    /// be short and must not call the store.
    fn update(&self, key: &[u8], change: impl FnOnce(Option<&V>) -> Change<V>) -> Updated;

    /// Takes the value of `key` away. An update that decides afterwards sees that there is none.
    fn remove(&self, key: &[u8]) -> Option<V>;

    /// Takes every value away, and holds up updates of all keys meanwhile, so that none decided before leaves a value.
    fn clear(&self);

    /// The heaviest value that is admissible with a key of `key_len` bytes, as [`Weigh`] counts it.
    fn item_bytes_max(&self, key_len: usize) -> usize;

    /// Goes through all values, in no order. What is put or taken away meanwhile may be among them or not; what stays where it
    /// is, is. Going through them is no use of them.
    fn entries(&self) -> impl Iterator<Item = (Box<[u8]>, V)>;

    /// How full the store is.
    fn usage(&self) -> Usage;
}

#[cfg(test)]
mod tests {
    use super::allocated;

    #[test]
    fn a_block_costs_its_size_class() {
        let cases = [
            ("no block", 0, 0),
            ("smallest", 1, 16),
            ("exact class", 16, 16),
            ("one above", 17, 32),
            ("last small step", 128, 128),
            ("first of four", 129, 160),
            ("last of four", 225, 256),
            ("a power is its own class", 4096, 4096),
            ("above a power", 4097, 5120),
            ("large: whole pages", 100_000, 102_400),
            ("saturates", usize::MAX, usize::MAX),
        ];
        for (name, len, expected) in cases {
            assert_eq!(allocated(len), expected, "{name}");
        }
    }

    #[test]
    fn a_block_never_costs_less_than_its_length_nor_a_quarter_more() {
        for len in 129..100_000 {
            assert!(allocated(len) >= len && allocated(len) <= len + len / 4, "{len}");
        }
    }
}
