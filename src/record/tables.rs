//! The tables of a file that is read.

use std::collections::HashMap;

use crate::record::table_text::{TableText, place};
use crate::record::{MAX_TABLES, Table, TableId};

/// Tables by number, and by how their lines begin.
#[derive(Debug, Default)]
pub(super) struct Tables {
    tables: Vec<(Table, TableText)>,
    ids: HashMap<Box<[u8]>, TableId>,
}

impl Tables {
    /// Takes a definition, the first of its table or another one; `None` if there are too many tables.
    pub(super) fn define(&mut self, table: Table) -> Option<TableId> {
        let place = place(&table.peer, &table.definition.name);
        let text = TableText::new(&place, &table.definition);
        if let Some(id) = self.ids.get(&*place) {
            *self.tables.get_mut(id.0)? = (table, text);
            return Some(*id);
        }
        if self.tables.len() >= MAX_TABLES {
            return None;
        }
        let id = TableId(self.tables.len());
        self.tables.push((table, text));
        self.ids.insert(place, id);
        Some(id)
    }

    pub(super) fn get(&self, id: TableId) -> Option<(&Table, &TableText)> {
        self.tables.get(id.0).map(|(table, text)| (table, text))
    }

    pub(super) fn by_name(&self, peer: &[u8], table: &[u8]) -> Option<TableId> {
        self.by_place(&place(peer, table))
    }

    /// The table of `"peer":"…","table":"…"`.
    pub(super) fn by_place(&self, place: &[u8]) -> Option<TableId> {
        self.ids.get(place).copied()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().map(|(table, _)| table)
    }
}
