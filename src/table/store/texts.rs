//! The texts of `server_key`: there are few, and many entries share each.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

use super::index::Index;

/// Texts by numbers from 1, each once, for as long as it is in use.
#[derive(Debug, Default)]
pub(super) struct Texts {
    index: Index,
    list: Vec<Text>,
    /// Numbers that are free.
    free: Vec<u32>,
    /// Bytes of all texts.
    bytes: usize,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Text {
    bytes: Box<[u8]>,
    uses: u32,
}

/// What an allocator adds to a text, about.
const OVERHEAD: usize = 16;

impl Texts {
    /// The number of a text, which is in use once more now.
    pub(super) fn acquire(&mut self, text: &[u8]) -> u32 {
        let hash = self.hash(text);
        if let Some(at) = self.find(hash, text) {
            self.list[at as usize].uses += 1;
            return at + 1;
        }
        self.bytes += text.len() + OVERHEAD;
        let new = Text { bytes: text.into(), uses: 1 };
        let at = if let Some(at) = self.free.pop() {
            self.list[at as usize] = new;
            at
        } else {
            self.list.push(new);
            self.free.reserve(self.list.len() - self.free.len());
            u32::try_from(self.list.len() - 1).unwrap_or(u32::MAX)
        };
        self.index.insert(hash, at);
        at + 1
    }

    /// One use less; the text goes with its last use. 0 is no text.
    pub(super) fn release(&mut self, number: u32) {
        let Some(at) = number.checked_sub(1) else { return };
        let Some(text) = self.list.get_mut(at as usize) else { return };
        text.uses = text.uses.saturating_sub(1);
        if text.uses == 0 {
            let bytes = std::mem::take(&mut text.bytes);
            let hash = self.hash(&bytes);
            self.index.remove(hash, at);
            self.bytes -= bytes.len() + OVERHEAD;
            self.free.push(at);
        }
    }

    /// The text of a number.
    pub(super) fn get(&self, number: u32) -> Option<&[u8]> {
        self.list.get(number.checked_sub(1)? as usize).map(|text| &*text.bytes)
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.bytes
            + self.index.memory()
            + self.list.capacity() * size_of::<Text>()
            + self.free.capacity() * size_of::<u32>()
    }

    /// Bytes that taking this text would add.
    pub(super) fn growth(&self, text: &[u8]) -> usize {
        if self.find(self.hash(text), text).is_some() {
            return 0;
        }
        let list = |len: usize, capacity: usize| if len < capacity { 0 } else { len.max(4) };
        let texts = if self.free.is_empty() { list(self.list.len(), self.list.capacity()) } else { 0 };
        // Once all are free, the list of free numbers is as long as that of the texts.
        let free = list(self.list.len(), self.free.capacity());
        text.len() + OVERHEAD + self.index.growth() + texts * size_of::<Text>() + free * size_of::<u32>()
    }

    fn find(&self, hash: u32, text: &[u8]) -> Option<u32> {
        self.index.find(hash, |at| self.list.get(at as usize).is_some_and(|known| *known.bytes == *text))
    }

    fn hash(&self, text: &[u8]) -> u32 {
        hash(&self.hasher, text)
    }
}

/// The high half of the hash of some bytes.
pub(super) fn hash(state: &RandomState, bytes: &[u8]) -> u32 {
    let mut hasher = state.build_hasher();
    hasher.write(bytes);
    u32::try_from(hasher.finish() >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_goes_with_its_last_use() {
        let mut texts = Texts::default();
        let srv1 = texts.acquire(b"srv1");
        assert_eq!(texts.acquire(b"srv1"), srv1);
        let srv2 = texts.acquire(b"srv2");
        assert_ne!(srv1, srv2);
        texts.release(srv1);
        assert_eq!(texts.get(srv1), Some(&b"srv1"[..]));
        texts.release(srv1);
        assert_eq!(texts.acquire(b"srv3"), srv1, "the number is used again");
        assert_eq!((texts.get(srv1), texts.get(srv2)), (Some(&b"srv3"[..]), Some(&b"srv2"[..])));
        assert_eq!(texts.get(0), None);
    }

    #[test]
    fn memory_stays_where_texts_come_and_go() {
        let mut texts = Texts::default();
        let mut held = Vec::new();
        for n in 0..2_000_u32 {
            let (memory, growth) = (texts.memory(), texts.growth(&n.to_le_bytes()));
            held.push(texts.acquire(&n.to_le_bytes()));
            assert!(texts.memory() <= memory + growth);
            if n >= 100 {
                texts.release(held.remove(0));
            }
        }
        assert!(texts.memory() < 20_000, "{}", texts.memory());
    }
}
