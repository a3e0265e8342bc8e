//! Tables to send entries of.

use peerctl::{
    grammar::{DataType, KeyType},
    stick::{Definition, Layout},
};

/// A data type by its number on the wire, elements, period.
pub(crate) type Column = (u8, Option<u32>, Option<u32>);

pub(crate) fn definition(name: &[u8], key_type: KeyType, key_len: u32, columns: &[Column]) -> Definition {
    let layout = Layout::new(columns.iter().map(|(number, count, period)| (DataType(*number), *count, *period)));
    Definition { name: name.into(), key_type, key_len, expire_ms: 60_000, layout }
}
