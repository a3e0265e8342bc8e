//! The tables of the peer and their entries.

use crate::proto::define::Announced;
use crate::proto::error::ProtoError;
use crate::proto::frame::Type;
use crate::proto::reader::Reader;
use crate::proto::session::RemoteTable;
use crate::proto::session::machine::{Machine, Resync, Step, Taught};
use crate::proto::update::Decoder;

/// A table of the peer, and how its entries are read.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    pub(super) table: RemoteTable,
    pub(super) decoder: Decoder,
    /// The payload of the definition: most definitions repeat an earlier one.
    payload: Box<[u8]>,
    pub(super) last_id: u32,
    /// What is to be acknowledged, and what was last.
    pub(super) ack: Option<u32>,
    pub(super) acked: Option<u32>,
}

impl Machine {
    pub(super) fn define_remote<'a>(&mut self, payload: &[u8]) -> Result<Step<'a>, ProtoError> {
        let id = Reader::new("a table definition", payload).varint("table id")?;
        if let Some(Some(known)) = self.ids.get(&id).copied()
            && self.tables.get(known).is_some_and(|remote| *remote.payload == *payload)
        {
            self.current = Some(known);
            return Ok(Step::Again);
        }
        let announced = Announced::decode(payload)?;
        let (index, limit) = (self.tables.len(), self.options.max_tables);
        if index >= limit || self.ids.len() > limit {
            let (message, field) = ("a table definition", "number of definitions");
            return Err(ProtoError::Limit { message, field, found: index as u64 + 1, limit: limit as u64 });
        }
        let Ok(definition) = announced.definition else {
            self.ids.insert(id, None);
            self.current = None;
            return Ok(self.ignore());
        };
        // The ids of a table go on where they were if only its definition changed.
        let before = self.ids.get(&id).copied().flatten().and_then(|before| self.tables.get(before));
        let same = before.filter(|before| before.table.definition.name == definition.name);
        let last_id = same.map_or(0, |before| before.last_id);
        let decoder = Decoder::new(&definition, announced.data_types);
        let table = RemoteTable { index, id, data_types: announced.data_types, definition };
        self.tables.push(Remote { table, decoder, payload: payload.into(), last_id, ack: None, acked: None });
        self.ids.insert(id, Some(index));
        self.current = Some(index);
        Ok(Step::Table(index))
    }

    #[inline]
    pub(super) fn update<'a>(&mut self, kind: Type, payload: &'a [u8]) -> Result<Step<'a>, ProtoError> {
        let Some((table, remote)) = self.current.and_then(|at| Some((at, self.tables.get_mut(at)?))) else {
            return Ok(self.ignore());
        };
        let (head, key, text) = remote.decoder.decode(kind, payload, &mut self.texts)?;
        let id = head.id.unwrap_or_else(|| remote.last_id.wrapping_add(1));
        remote.last_id = id;
        self.counters.updates += 1;
        let (text, resync) = (text.map_or(0, |text| text.id), self.resync == Resync::Running);
        self.taught = Taught { id, life_ms: head.life_ms, text, resync };
        Ok(Step::Update { table, key })
    }
}
