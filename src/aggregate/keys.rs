//! The keys of a total: who has each, and to whom it has yet to be sent.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

use crate::table::Index;

/// Stands for no key, no block.
pub(super) const NONE: u32 = u32::MAX;

/// A key: 64 bytes, so that one line of a cache holds it.
#[derive(Debug)]
pub(super) struct Key {
    name: Name,
    /// The sources that have it, a bit for each peer.
    pub(super) sources: u64,
    /// The destinations whose queue has it, a bit for each peer.
    pub(super) queued: u64,
    /// When it was last put into the queues: the low bits of the time in milliseconds.
    pub(super) published: u32,
    /// When something has to be done with it: see `Wheel`.
    pub(super) due: u32,
    /// Links of the wheel; of a place that is free, the next free one.
    pub(super) previous: u32,
    pub(super) next: u32,
    /// The block of `Blocks` that has its total.
    pub(super) block: u32,
    /// The list of the wheel it is in.
    pub(super) list: u16,
    pub(super) state: State,
    /// Whether it is in a list of the wheel.
    pub(super) is_due: bool,
}

/// What is known of the total of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// The place is free.
    Free,
    /// A source has changed its state since the total was put together.
    Changed,
    /// The total was put together, and isn't zero.
    Counted,
    /// The total was put together, and all is zero.
    Zero,
    /// No source has the key any more; it stays until all destinations know.
    Gone,
}

/// Up to 22 bytes in place.
#[derive(Debug)]
enum Name {
    Short(u8, [u8; 22]),
    Long(Box<[u8]>),
}

impl Name {
    fn new(bytes: &[u8]) -> Self {
        let mut short = [0; 22];
        match (u8::try_from(bytes.len()), short.get_mut(..bytes.len())) {
            (Ok(len), Some(place)) => {
                place.copy_from_slice(bytes);
                Self::Short(len, short)
            }
            _ => Self::Long(bytes.into()),
        }
    }

    fn get(&self) -> &[u8] {
        match self {
            Self::Short(len, bytes) => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }
}

impl Key {
    /// The canonical bytes.
    pub(super) fn name(&self) -> &[u8] {
        self.name.get()
    }

    /// Whether a source has it.
    pub(super) const fn is_alive(&self) -> bool {
        matches!(self.state, State::Changed | State::Counted | State::Zero)
    }
}

/// Keys by numbers from 0 that are given out again once they are free.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) list: Vec<Key>,
    index: Index,
    hasher: RandomState,
    /// The first free place.
    free: u32,
    /// Keys that no source has any more.
    pub(super) gone: usize,
    /// Bytes of long keys.
    long: usize,
}

impl Default for Keys {
    fn default() -> Self {
        Self { list: Vec::new(), index: Index::default(), hasher: RandomState::default(), free: NONE, gone: 0, long: 0 }
    }
}

impl Keys {
    /// All keys, also those that are gone.
    pub(super) const fn len(&self) -> usize {
        self.index.len()
    }

    /// The number of a key.
    pub(super) fn find(&self, name: &[u8]) -> Option<u32> {
        self.index.find(self.hash(name), |at| self.list.get(at as usize).is_some_and(|key| key.name() == name))
    }

    /// The number of a key, which is new unless it is there.
    pub(super) fn find_or_insert(&mut self, name: &[u8], published: u32) -> u32 {
        let hash = self.hash(name);
        let known = self.index.find(hash, |at| self.list.get(at as usize).is_some_and(|key| key.name() == name));
        known.unwrap_or_else(|| {
            let key = Key {
                name: Name::new(name),
                sources: 0,
                queued: 0,
                published,
                due: 0,
                previous: NONE,
                next: NONE,
                block: NONE,
                list: 0,
                state: State::Changed,
                is_due: false,
            };
            self.long += if let Name::Long(bytes) = &key.name { bytes.len() } else { 0 };
            let at = self.place(key);
            self.index.insert(hash, at);
            at
        })
    }

    fn place(&mut self, key: Key) -> u32 {
        if let Some(place) = self.list.get_mut(self.free as usize) {
            let at = self.free;
            self.free = place.next;
            *place = key;
            return at;
        }
        self.list.push(key);
        u32::try_from(self.list.len() - 1).unwrap_or(NONE)
    }

    /// Forgets a key that is in no queue, no list and has no block.
    pub(super) fn remove(&mut self, at: u32) {
        let free = self.free;
        let Some(key) = self.list.get_mut(at as usize).filter(|key| key.state != State::Free) else { return };
        if key.state == State::Gone {
            self.gone -= 1;
        }
        key.state = State::Free;
        key.next = free;
        let name = std::mem::replace(&mut key.name, Name::Short(0, [0; 22]));
        if let Name::Long(bytes) = &name {
            self.long -= bytes.len();
        }
        self.free = at;
        let hash = self.hash(name.get());
        self.index.remove(hash, at);
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.list.capacity() * size_of::<Key>() + self.index.memory() + self.long
    }

    fn hash(&self, name: &[u8]) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(name);
        u32::try_from(hasher.finish() >> 32).unwrap_or(0)
    }
}

/// The numbers of the bits that are set.
pub(super) fn bits(mut set: u64) -> impl Iterator<Item = usize> + Clone {
    std::iter::from_fn(move || {
        let bit = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (bit < u64::BITS).then_some(bit as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_line_of_a_cache() {
        assert_eq!(size_of::<Key>(), 64);
    }

    #[test]
    fn places_are_given_out_again_and_keys_found_by_their_bytes() {
        let mut keys = Keys::default();
        let long = [b'x'; 40];
        let a = keys.find_or_insert(b"a", 0);
        let b = keys.find_or_insert(&long, 0);
        assert_eq!((keys.find_or_insert(b"a", 0), keys.find(&long), keys.len()), (a, Some(b), 2));
        keys.remove(b);
        keys.remove(b);
        assert_eq!((keys.find(&long), keys.find_or_insert(b"c", 0), keys.len()), (None, b, 2));
        assert_eq!(bits(0b1001 | 1 << 63).collect::<Vec<_>>(), [0, 3, 63]);
    }
}
