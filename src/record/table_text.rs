//! What the lines of one table have in common.

use crate::grammar::KeyType;
use crate::record::json;
use crate::stick::{Definition, Field, Layout};

/// `"peer":"…","table":"…"`: what lines of one table have in common, and no line of another one.
pub(super) fn place(peer: &[u8], table: &[u8]) -> Box<[u8]> {
    let mut place = Vec::new();
    json::push_bytes(&mut place, "peer", peer);
    place.push(b',');
    json::push_bytes(&mut place, "table", table);
    place.into()
}

/// The parts of a table's lines that are always the same.
#[derive(Debug)]
pub(super) struct TableText {
    /// `","peer":"…","table":"…",`
    pub(super) place: Box<[u8]>,
    pub(super) key_type: KeyType,
    pub(super) fields: Vec<FieldText>,
}

#[derive(Debug)]
pub(super) struct FieldText {
    /// `"gpc0":`
    pub(super) name: Box<[u8]>,
    pub(super) field: Field,
}

impl TableText {
    pub(super) fn new(place: &[u8], definition: &Definition) -> Self {
        let place = [b"\",".as_slice(), place, b","].concat().into();
        Self { place, key_type: definition.key_type, fields: Self::fields(&definition.layout) }
    }

    fn fields(layout: &Layout) -> Vec<FieldText> {
        let name = |field: &Field| format!(r#""{}":"#, field.data_type).into_bytes().into();
        layout.fields().iter().map(|field| FieldText { name: name(field), field: *field }).collect()
    }
}
