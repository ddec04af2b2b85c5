//! How a budget becomes shards, an item limit and a weigh capacity.
//!
//! ```text
//! budget = fixed share (memory of evicted keys) + shards x share
//! share  >= 4 x largest admissible item
//! item   = value's weight + key block + slot + index
//! ```

use crate::{limits, store::allocated};

/// What a memory store is to be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// The whole budget: values, keys, and the engine's own memory.
    pub budget_bytes: u64,
    /// Shards are merged until an item of this size is admissible, or only one shard is left.
    pub item_bytes_wanted: u64,
    /// Threads that use the store at once.
    pub cores: usize,
}

/// The same after the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) shards: usize,
    /// Of all shards together.
    pub(super) capacity_bytes: u64,
    /// The heaviest item (key and overhead included) that is admissible.
    pub(super) item_bytes_max: u64,
    /// How many items are expected; the engine sizes its memory of evicted keys by it.
    pub(super) items_guessed: u64,
}

impl Sizes {
    /// A store of this budget for all cores of the machine and items up to [`limits::ITEM_BYTES_WANTED`].
    #[must_use]
    pub fn of(budget_bytes: u64) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { budget_bytes, item_bytes_wanted: limits::ITEM_BYTES_WANTED, cores }
    }

    /// Lays out a store whose values are `value_size` bytes in the engine's table.
    pub(super) fn layout(&self, value_size: usize) -> Layout {
        let budget = self.budget_bytes.max(limits::CAPACITY_BYTES_MIN);
        let mut shards =
            self.cores.max(1).saturating_mul(limits::SHARDS_PER_CORE).next_power_of_two();
        let items_guessed = budget / limits::ITEM_BYTES_GUESSED;
        let ghosts = items_guessed / 2;
        let fixed = ghosts.saturating_mul(entry_bytes(value_size) as u64);
        let capacity_bytes = budget.saturating_sub(fixed);
        let wanted = self.item_bytes_wanted.max(1).saturating_mul(limits::SHARD_ITEMS_MIN);
        while shards > 1
            && (capacity_bytes / (shards as u64) < wanted
                || items_guessed / (shards as u64) < limits::SHARD_ITEMS_GUESSED_MIN)
        {
            shards /= 2;
        }
        let share = capacity_bytes / (shards as u64);
        Layout {
            shards,
            // The engine rounds shares up; a multiple of the shards leaves nothing to round.
            capacity_bytes: share * shards as u64,
            item_bytes_max: share / limits::SHARD_ITEMS_MIN,
            items_guessed,
        }
    }
}

/// What the engine holds for an entry, live or remembered: key pointer, value, links and index.
pub(super) const fn entry_bytes(value_size: usize) -> usize {
    size_of::<Box<[u8]>>() + value_size + limits::SLOT_BYTES + limits::INDEX_BYTES
}

/// What an entry costs beside its value's heap: its place in the table and the block of its key.
pub(super) const fn overhead_bytes(key_len: usize, value_size: usize) -> usize {
    entry_bytes(value_size).saturating_add(allocated(key_len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(budget: u64, item: u64, cores: usize) -> Layout {
        Sizes { budget_bytes: budget, item_bytes_wanted: item, cores }.layout(16)
    }

    #[test]
    fn shards_follow_the_cores_until_items_would_not_fit() {
        let cases = [
            ("two cores", 256 << 20, 4 << 20, 2, 4),
            ("three cores round up", 256 << 20, 4 << 20, 3, 8),
            ("many cores, small budget", 64 << 20, 4 << 20, 64, 2),
            ("item as large as the budget", 64 << 20, 64 << 20, 64, 1),
            ("small items keep the shards", 64 << 20, 16 << 10, 64, 128),
            ("tiny budget", 64 << 10, 1, 64, 1),
        ];
        for (name, budget, item, cores, expected) in cases {
            assert_eq!(layout(budget, item, cores).shards, expected, "{name}");
        }
    }

    #[test]
    fn an_item_is_never_more_than_a_quarter_of_its_shard() {
        for cores in [1, 2, 7, 64] {
            for budget in [0, 1 << 16, 1 << 20, 256 << 20, 1 << 40] {
                let layout = layout(budget, limits::ITEM_BYTES_WANTED, cores);
                let share = layout.capacity_bytes / layout.shards as u64;
                assert!(layout.item_bytes_max * 4 <= share, "{budget} on {cores}");
            }
        }
    }

    #[test]
    fn the_fixed_share_comes_off_the_budget_and_is_small() {
        let layout = layout(256 << 20, 4 << 20, 2);
        assert!(layout.capacity_bytes < 256 << 20);
        assert!(layout.capacity_bytes > (256 << 20) / 100 * 97);
    }
}
