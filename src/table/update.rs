//! What a peer teaches about one entry, and what became of it.

use crate::proto::{self, session};

/// One update of one entry.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// The key, in the canonical form of `stick::key`.
    pub key: &'a [u8],
    /// One value per slot of the table's layout. A number that is too large for its data type is cut to its low bits, as
    /// HAProxy does; the slot of a text is not looked at.
    pub values: &'a [u64],
    /// The text of `server_key`.
    pub server_key: ServerKey<'a>,
    /// The sender's number for the update; numbers wrap and restart.
    pub update_id: u32,
    /// The rest of the entry's life in milliseconds, which only timed updates have; `None` gives it the whole `expire` of the
    /// table.
    pub life_ms: Option<u32>,
    /// Whether it is part of a resync.
    pub resync: bool,
}

/// As it came from a peer.
impl<'a> From<&session::Update<'a>> for Update<'a> {
    fn from(update: &session::Update<'a>) -> Self {
        let server_key = match update.server_key {
            proto::update::ServerKey::Text(text) => ServerKey::Known(text),
            proto::update::ServerKey::Unchanged | proto::update::ServerKey::Unexplained => ServerKey::Unchanged,
        };
        let (key, values, update_id, life_ms, resync) =
            (update.key, update.values, update.id, update.life_ms, update.resync);
        Self { key, values, server_key, update_id, life_ms, resync }
    }
}

impl Update<'_> {
    /// An update of no table.
    pub(super) const NONE: Self =
        Self { key: &[], values: &[], server_key: ServerKey::Unchanged, update_id: 0, life_ms: None, resync: false };
}

/// What an update says of `server_key`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ServerKey<'a> {
    /// Nothing: what the entry has stays, for there is no update that clears it.
    #[default]
    Unchanged,
    /// This text.
    Known(&'a [u8]),
}

/// What became of an update.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    /// There was no such entry, or it had expired.
    New,
    /// The entry has other values now, or the same ones from a later update, which renewed its life.
    Changed,
    /// A repetition: the entry has this update already. Only a timed one sets the deadline again.
    Same,
    /// It was not taken: the store is full and may not evict, or the update is none of this table. Whether an older state
    /// of the entry is still there, `get` says.
    Dropped,
}
