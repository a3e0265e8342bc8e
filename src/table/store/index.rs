//! From the hash of a key to the number of its entry.

use std::hint::black_box;

use super::memory::Memory;

/// An open hash table with linear probing: 8 bytes a slot, at most three quarters full. It keeps the hashes, so growing
/// touches no entry, and closes the gap where one is removed, so it never grows while the number of entries stays.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// The hash in the high half, the number plus one in the low half; 0 = empty. A power of two of them, or none.
    /// Each is eight bytes.
    slots: Memory,
    len: usize,
}

/// A free place in an index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap(usize);

const FIRST_SLOTS: usize = 16;

/// Slots that are near a home.
const NEAR: usize = 4;

/// Bytes of a slot.
const SLOT: usize = 8;

const EMPTY: [u8; SLOT] = [0; SLOT];

impl Index {
    /// The number of entries.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The entry with this hash for which `is_it` holds.
    pub(crate) fn find(&self, hash: u32, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.find_or_gap(hash, is_it).ok()
    }

    /// The entry with this hash for which `is_it` holds, or the place where [`Self::insert_at`] would put it, unless something
    /// is added or removed before.
    pub(super) fn find_or_gap(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Result<u32, Gap> {
        let slots = self.slots();
        let Some(mask) = slots.len().checked_sub(1) else { return Err(Gap(0)) };
        let mut at = home(hash, slots.len());
        loop {
            let slot = u64::from_le_bytes(slots[at]);
            if slot == 0 {
                return Err(Gap(at));
            }
            if hash_of(slot) == hash && is_it(number_of(slot)) {
                return Ok(number_of(slot));
            }
            at = (at + 1) & mask;
        }
    }

    /// Loads what [`Self::likely`] will look at for these hashes, all at the same time: in between nothing else is done that a
    /// processor might have to wait for.
    pub(super) fn touch(&self, hashes: &[u32]) {
        let slots = self.slots();
        if !slots.is_empty() {
            black_box(hashes.iter().fold(0, |all, hash| all ^ u64::from_le_bytes(slots[home(*hash, slots.len())])));
        }
    }

    /// An entry with this hash, if there is one near its home. Looks at the same number of slots each time, so that a processor
    /// has nothing to guess.
    pub(super) fn likely(&self, hash: u32) -> Option<u32> {
        let slots = self.slots();
        let near = slots.get(home(hash, slots.len())..)?.first_chunk::<NEAR>()?;
        let found = near.iter().fold(0, |found, slot| {
            let slot = u64::from_le_bytes(*slot);
            if hash_of(slot) == hash { slot } else { found }
        });
        (found != 0).then(|| number_of(found))
    }

    /// Adds an entry that isn't there.
    pub(crate) fn insert(&mut self, hash: u32, number: u32) {
        if self.is_full() {
            let count = (self.slots().len() * 2).max(FIRST_SLOTS);
            let smaller = std::mem::replace(&mut self.slots, Memory::zeroed(count * SLOT));
            let larger = self.slots_mut();
            for slot in smaller.as_chunks::<SLOT>().0 {
                if *slot != EMPTY {
                    put(larger, u64::from_le_bytes(*slot));
                }
            }
        }
        put(self.slots_mut(), slot(hash, number));
        self.len += 1;
    }

    /// The same where [`Self::find_or_gap`] has found a place, while there is no [`Self::growth`].
    pub(super) fn insert_at(&mut self, gap: Gap, hash: u32, number: u32) {
        if let Some(place) = self.slots_mut().get_mut(gap.0).filter(|place| **place == EMPTY) {
            *place = slot(hash, number).to_le_bytes();
            self.len += 1;
        }
    }

    /// Removes an entry that is there.
    pub(crate) fn remove(&mut self, hash: u32, number: u32) {
        let slots = self.slots_mut();
        let Some(mask) = slots.len().checked_sub(1) else { return };
        let wanted = slot(hash, number).to_le_bytes();
        let mut gap = home(hash, slots.len());
        while slots[gap] != wanted {
            if slots[gap] == EMPTY {
                return;
            }
            gap = (gap + 1) & mask;
        }
        // What follows moves into the gap, unless that would put it before its home.
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let slot = slots[at];
            if slot == EMPTY {
                break;
            }
            let from_home = at.wrapping_sub(home(hash_of(u64::from_le_bytes(slot)), slots.len())) & mask;
            if from_home >= at.wrapping_sub(gap) & mask {
                slots[gap] = slot;
                gap = at;
            }
        }
        slots[gap] = EMPTY;
        self.len -= 1;
    }

    /// Bytes held.
    pub(crate) fn memory(&self) -> usize {
        self.slots.len()
    }

    /// Bytes that the next [`Self::insert`] would need beside those held; for the moment of growing both are there.
    pub(super) fn growth(&self) -> usize {
        if self.is_full() { (self.slots.len() * 2).max(FIRST_SLOTS * SLOT) } else { 0 }
    }

    fn is_full(&self) -> bool {
        self.len >= self.slots.len() / (4 * SLOT) * 3
    }

    fn slots(&self) -> &[[u8; SLOT]] {
        self.slots.as_chunks().0
    }

    fn slots_mut(&mut self) -> &mut [[u8; SLOT]] {
        self.slots.as_chunks_mut().0
    }
}

/// Puts a slot into the first free place behind its home.
fn put(slots: &mut [[u8; SLOT]], slot: u64) {
    let mask = slots.len() - 1;
    let mut at = home(hash_of(slot), slots.len());
    while slots[at] != EMPTY {
        at = (at + 1) & mask;
    }
    slots[at] = slot.to_le_bytes();
}

/// Where the search for a hash starts; there must be slots.
fn home(hash: u32, slots: usize) -> usize {
    // The high bits of the product: 32 bits of hash times the number of slots, over 2^32.
    let home = (u64::from(hash) * slots as u64) >> 32;
    usize::try_from(home).unwrap_or(0)
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
                let likely = index.likely(hash(number));
                prop_assert!(likely.is_none_or(|at| model.contains(&at) && hash(at) == hash(number)));
                if insert && !known {
                    let (memory, growth) = (index.memory(), index.growth());
                    match index.find_or_gap(hash(number), |at| at == number) {
                        Err(gap) if growth == 0 => index.insert_at(gap, hash(number), number),
                        _ => index.insert(hash(number), number),
                    }
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
