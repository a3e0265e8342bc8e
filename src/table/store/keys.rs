//! Where keys are kept: in the record while that is no waste, else in pieces of about their length.

use std::collections::BTreeMap;

use crate::grammar::KeyType;
use crate::stick::Definition;

use super::arena::Arena;
use super::record::{self, HEADER};

/// Keys up to this length are part of the record.
const INLINE: usize = 32;

/// Bytes of a chunk of pieces for long keys.
const CHUNK: usize = 16 * 1024;

/// The keys of a table.
#[derive(Debug)]
pub(super) enum Keys {
    /// All keys have this many bytes and stand in the record.
    Fixed(usize),
    /// A byte with the length, and room for so many bytes in the record.
    Short(usize),
    /// Four bytes with the length and four with the number of the piece, in the arena of pieces for such lengths.
    Long {
        /// The shortest key.
        least: usize,
        /// The longest key.
        most: usize,
        /// By the length of their pieces.
        pieces: BTreeMap<usize, Arena>,
    },
}

impl Keys {
    pub(super) fn new(definition: &Definition) -> Self {
        let len = usize::try_from(definition.key_len).unwrap_or(usize::MAX);
        match definition.key_type {
            KeyType::INTEGER | KeyType::IP => Self::Fixed(4),
            KeyType::IPV6 => Self::Fixed(16),
            KeyType::STRING if len <= INLINE + 1 => Self::Short(len.saturating_sub(1)),
            KeyType::STRING => Self::Long { least: 0, most: len - 1, pieces: BTreeMap::new() },
            _ if len <= INLINE => Self::Fixed(len),
            _ => Self::Long { least: len, most: len, pieces: BTreeMap::new() },
        }
    }

    /// Bytes of a record that belong to the key.
    pub(super) const fn width(&self) -> usize {
        match self {
            Self::Fixed(len) => *len,
            Self::Short(most) => *most + 1,
            Self::Long { .. } => 8,
        }
    }

    /// Whether a key of the table can be so long.
    pub(super) const fn takes(&self, key: &[u8]) -> bool {
        match self {
            Self::Fixed(len) => key.len() == *len,
            Self::Short(most) => key.len() <= *most,
            Self::Long { least, most, .. } => *least <= key.len() && key.len() <= *most,
        }
    }

    /// Whether a record's key is this one, which the table [takes](Self::takes).
    pub(super) fn is(&self, record: &[u8], key: &[u8]) -> bool {
        let same = |record: &[u8]| match key.len() {
            // What most tables have, without a call.
            4 => record.first_chunk::<4>() == key.first_chunk(),
            16 => record.first_chunk::<16>() == key.first_chunk(),
            len => record.get(..len) == Some(key),
        };
        match self {
            Self::Fixed(_) => record.get(HEADER..).is_some_and(same),
            _ => self.get(record) == key,
        }
    }

    /// Whether keys are kept outside of the records.
    pub(super) const fn are_elsewhere(&self) -> bool {
        matches!(self, Self::Long { .. })
    }

    /// Starts to load a key that is kept outside of its record.
    pub(super) fn touch(&self, record: &[u8]) {
        if let Self::Long { pieces, .. } = self {
            let (len, at) = place(record);
            if let Some(arena) = pieces.get(&piece_len(len)) {
                arena.touch(at);
            }
        }
    }

    /// The key of a record.
    pub(super) fn get<'a>(&'a self, record: &'a [u8]) -> &'a [u8] {
        let found = match self {
            Self::Fixed(len) => record.get(HEADER..HEADER + len),
            Self::Short(_) => {
                let len = usize::from(record.get(HEADER).copied().unwrap_or_default());
                record.get(HEADER + 1..HEADER + 1 + len)
            }
            Self::Long { pieces, .. } => {
                let (len, at) = place(record);
                pieces.get(&piece_len(len)).and_then(|arena| arena.get(at).get(..len))
            }
        };
        found.unwrap_or_default()
    }

    /// Writes the key of a new record; it must be one that the table [takes](Self::takes).
    pub(super) fn put(&mut self, record: &mut [u8], key: &[u8]) {
        match self {
            Self::Fixed(len) => copy(record, HEADER, key.get(..*len).unwrap_or_default()),
            Self::Short(_) => {
                copy(record, HEADER, &[u8::try_from(key.len()).unwrap_or_default()]);
                copy(record, HEADER + 1, key);
            }
            Self::Long { pieces, .. } => {
                let len = piece_len(key.len());
                let arena = pieces.entry(len).or_insert_with(|| Arena::new(len, CHUNK));
                let at = arena.take();
                copy(arena.get_mut(at), 0, key);
                record::put_u32(record, HEADER, u32::try_from(key.len()).unwrap_or_default());
                record::put_u32(record, HEADER + 4, at);
            }
        }
    }

    /// Frees what the key of a record holds outside of it.
    pub(super) fn free(&mut self, record: &[u8]) {
        if let Self::Long { pieces, .. } = self {
            let (len, at) = place(record);
            if let Some(arena) = pieces.get_mut(&piece_len(len)) {
                arena.give_back(at);
            }
        }
    }

    /// Bytes held outside of the records.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Long { pieces, .. } => pieces.values().map(|arena| arena.memory() + NODE).sum(),
            _ => 0,
        }
    }

    /// Bytes that a new key of such a length would add.
    pub(super) fn growth(&self, key: &[u8]) -> usize {
        let Self::Long { pieces, .. } = self else { return 0 };
        let len = piece_len(key.len());
        pieces.get(&len).map_or_else(|| Arena::new(len, CHUNK).growth() + NODE, Arena::growth)
    }
}

/// What a kind of pieces costs in the map, about: its share of a node.
const NODE: usize = 2 * (size_of::<usize>() + size_of::<Arena>());

/// The length of the piece for a key: steps of 16 bytes, later of a quarter of a power of two.
fn piece_len(len: usize) -> usize {
    let step = (len.max(64).next_power_of_two() / 8).clamp(16, 1 << 20);
    len.max(1).next_multiple_of(step)
}

fn place(record: &[u8]) -> (usize, u32) {
    let len = usize::try_from(record::u32_at(record, HEADER)).unwrap_or_default();
    (len, record::u32_at(record, HEADER + 4))
}

fn copy(to: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = to.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_waste_at_most_a_quarter_of_a_long_key() {
        assert_eq!([0, 1, 16, 17, 32, 33, 64, 65].map(piece_len), [16, 16, 16, 32, 32, 48, 64, 80]);
        for len in 64..100_000 {
            let piece = piece_len(len);
            assert!(piece >= len && (piece - len) * 4 <= len, "{len} in {piece}");
        }
    }
}
