//! From the hash of a key to the number of its entry.

use std::hint::black_box;

/// An open hash table with linear probing: 8 bytes a slot, at most three quarters full. It keeps the hashes, so growing
/// touches no entry, and closes the gap where one is removed, so it never grows while the number of entries stays.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The hash in the high half, the number plus one in the low half; 0 = empty. A power of two of them, or none.
    slots: Vec<u64>,
    len: usize,
}

const FIRST_SLOTS: usize = 16;

impl Index {
    /// The number of entries.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The entry with this hash for which `is_it` holds.
    pub(super) fn find(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = self.home(hash);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if hash_of(slot) == hash && is_it(number_of(slot)) {
                return Some(number_of(slot));
            }
            at = (at + 1) & mask;
        }
    }

    /// Starts to load what [`Self::find`] will look at first.
    pub(super) fn touch(&self, hash: u32) {
        if !self.slots.is_empty() {
            black_box(self.slots[self.home(hash)]);
        }
    }

    /// Adds an entry that isn't there.
    pub(super) fn insert(&mut self, hash: u32, number: u32) {
        if self.is_full() {
            let larger = vec![0; (self.slots.len() * 2).max(FIRST_SLOTS)];
            for slot in std::mem::replace(&mut self.slots, larger) {
                if slot != 0 {
                    self.put(slot);
                }
            }
        }
        self.put(slot(hash, number));
        self.len += 1;
    }

    /// Removes an entry that is there.
    pub(super) fn remove(&mut self, hash: u32, number: u32) {
        let Some(mask) = self.slots.len().checked_sub(1) else { return };
        let wanted = slot(hash, number);
        let mut gap = self.home(hash);
        while self.slots[gap] != wanted {
            if self.slots[gap] == 0 {
                return;
            }
            gap = (gap + 1) & mask;
        }
        // What follows moves into the gap, unless that would put it before its home.
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let slot = self.slots[at];
            if slot == 0 {
                break;
            }
            let from_home = at.wrapping_sub(self.home(hash_of(slot))) & mask;
            if from_home >= at.wrapping_sub(gap) & mask {
                self.slots[gap] = slot;
                gap = at;
            }
        }
        self.slots[gap] = 0;
        self.len -= 1;
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }

    /// Bytes that the next [`Self::insert`] would need beside those held; for the moment of growing both are there.
    pub(super) fn growth(&self) -> usize {
        if self.is_full() { (self.slots.len() * 2).max(FIRST_SLOTS) * size_of::<u64>() } else { 0 }
    }

    fn is_full(&self) -> bool {
        self.len >= self.slots.len() / 4 * 3
    }

    fn put(&mut self, slot: u64) {
        let mask = self.slots.len() - 1;
        let mut at = self.home(hash_of(slot));
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    /// Where the search for a hash starts; there must be slots.
    fn home(&self, hash: u32) -> usize {
        // The high bits of the product: 32 bits of hash times the number of slots, over 2^32.
        let home = (u64::from(hash) * self.slots.len() as u64) >> 32;
        usize::try_from(home).unwrap_or(0)
    }
}

fn slot(hash: u32, number: u32) -> u64 {
    (u64::from(hash) << 32) | (u64::from(number) + 1)
}

const fn hash_of(slot: u64) -> u32 {
    (slot >> 32) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
const fn number_of(slot: u64) -> u32 {
    (slot as u32).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Few hashes, at both ends, so that runs of occupied slots collide and wrap around the end.
        #[test]
        fn it_holds_what_a_map_holds(steps in prop::collection::vec((any::<bool>(), 0..60_u32), 1..400)) {
            let hash = |number: u32| if number.is_multiple_of(2) { u32::MAX - number / 8 } else { number << 26 };
            let (mut index, mut model) = (Index::default(), BTreeSet::new());
            for (insert, number) in steps {
                let known = model.contains(&number);
                prop_assert_eq!(index.find(hash(number), |at| at == number), known.then_some(number));
                if insert && !known {
                    let (memory, growth) = (index.memory(), index.growth());
                    index.insert(hash(number), number);
                    prop_assert!(index.memory() <= memory + growth);
                    model.insert(number);
                } else if !insert {
                    index.remove(hash(number), number);
                    model.remove(&number);
                }
                prop_assert_eq!(index.len(), model.len());
            }
            for number in 0..60 {
                let found = index.find(hash(number), |at| at == number);
                prop_assert_eq!(found, model.contains(&number).then_some(number));
            }
        }
    }

    #[test]
    fn it_stays_as_large_as_it_is_while_entries_come_and_go() {
        let mut index = Index::default();
        let hash = |number: u32| number.wrapping_mul(0x9e37_79b9);
        (0..700).for_each(|number| index.insert(hash(number), number));
        let memory = index.memory();
        for number in 700..20_000 {
            index.remove(hash(number - 700), number - 700);
            index.insert(hash(number), number);
        }
        assert_eq!(index.memory(), memory);
        assert_eq!(index.len(), 700);
    }
}
