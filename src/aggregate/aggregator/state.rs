//! What sources have taught, for the next process and for the sources themselves.

use crate::aggregate::mismatch::{check, difference};
use crate::aggregate::totals::{Note, TotalId};
use crate::proto::session::Push;
use crate::stick::Definition;
use crate::table::{EntryRef, ServerKey, Update};

use super::{Aggregator, PeerNumber};

/// An entry of a source, for a file.
#[derive(Clone, Copy, Debug)]
pub struct Saved<'a> {
    /// The name of the source.
    pub peer: &'a [u8],
    /// Its table.
    pub definition: &'a Definition,
    /// Its entry.
    pub entry: EntryRef<'a>,
    /// What its counters had counted before they started again, one number per slot; only where totals keep that.
    pub kept: Option<&'a [u64]>,
}

/// An entry of a file.
#[derive(Clone, Copy, Debug)]
pub struct Restored<'a> {
    /// The name of the source.
    pub peer: &'a [u8],
    /// Its table.
    pub definition: &'a Definition,
    /// The canonical key.
    pub key: &'a [u8],
    /// One value per slot.
    pub values: &'a [u64],
    /// As in [`Saved`].
    pub kept: Option<&'a [u64]>,
    /// The text of `server_key`.
    pub server_key: Option<&'a [u8]>,
    /// The sender's number of the update.
    pub update_id: u32,
    /// The rest of the life when the entry was as it says, in milliseconds; `None` = for ever.
    pub expire_ms: Option<u32>,
    /// Milliseconds since then, by a clock that may have been set: a negative number counts as 0.
    pub since_ms: i64,
}

/// What has happened to an entry of a source that the source hasn't taught.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// Its counters start again, and totals keep what they had.
    Kept(Saved<'a>),
    /// It is lost.
    Lost {
        /// The name of the source.
        peer: &'a [u8],
        /// Its table.
        definition: &'a Definition,
        /// The canonical key.
        key: &'a [u8],
    },
}

/// How far the entries of a source have been taught to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TeachCursor {
    table: usize,
    key: u32,
}

/// How far all that sources have taught was shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SaveCursor {
    table: usize,
    source: usize,
    place: u32,
}

impl Aggregator {
    /// Shows what sources have taught from where the cursor is, no more than `budget` entries; returns whether that was the
    /// rest. What changes meanwhile may be shown as it was or as it is.
    pub fn save(&self, cursor: &mut SaveCursor, now_ms: u64, budget: usize, mut each: impl FnMut(Saved<'_>)) -> bool {
        let (now_ms, mut budget) = (now_ms.max(self.now_ms), budget);
        while let Some(totals) = self.totals.get(cursor.table) {
            let (Some(input), Some(peer)) = (totals.inputs.get(cursor.source), self.options.peers.get(cursor.source))
            else {
                *cursor = SaveCursor { table: cursor.table + 1, source: 0, place: 0 };
                continue;
            };
            if let Some(store) = &input.store {
                let mut entries = store.iter_from(now_ms, cursor.place);
                while let Some(entry) = if budget > 0 { entries.next() } else { return false } {
                    budget -= 1;
                    cursor.place = entries.place();
                    let kept = totals.kept_of(input, entry.key());
                    each(Saved { peer: &peer.name, definition: store.definition(), entry, kept });
                }
            }
            (cursor.source, cursor.place) = (cursor.source + 1, 0);
        }
        true
    }

    /// The tables of sources that have taught something, with the names of the sources.
    pub fn tables_of_sources(&self) -> impl Iterator<Item = (&[u8], &Definition)> {
        let inputs = self.totals.iter().flat_map(|totals| totals.inputs.iter().zip(&self.options.peers));
        let stores = inputs.filter_map(|(input, peer)| Some((&*peer.name, input.store.as_ref()?)));
        stores.filter(|(_, store)| !store.is_empty()).map(|(name, store)| (name, store.definition()))
    }

    /// All that sources have taught, in an order in which entries of one table of one source follow each other.
    pub fn snapshot(&self, now_ms: u64) -> impl Iterator<Item = Saved<'_>> {
        let now_ms = now_ms.max(self.now_ms);
        let inputs = self.totals.iter().flat_map(|totals| {
            let inputs = totals.inputs.iter().zip(&self.options.peers);
            inputs.filter_map(move |(input, peer)| Some((totals, input, peer, input.store.as_ref()?)))
        });
        inputs.flat_map(move |(totals, input, peer, store)| {
            store.iter(now_ms).map(move |entry| {
                let kept = totals.kept_of(input, entry.key());
                Saved { peer: &peer.name, definition: store.definition(), entry, kept }
            })
        })
    }

    /// Takes an entry of a file, before the first session; returns whether it was one of a source, of a table like those of the
    /// other sources, and still alive.
    pub fn restore(&mut self, saved: &Restored<'_>, now_ms: u64) -> bool {
        self.at(now_ms);
        let source = self.options.peers.iter().position(|peer| *peer.name == *saved.peer);
        let Some(source) = source.filter(|source| self.peers[*source].is_source()) else { return false };
        let naming = &self.options.naming;
        let total = naming.total_of(&saved.definition.name).filter(|_| !naming.is_total(&saved.definition.name));
        let Some(total) = total else { return false };
        let Some(at) = self.find_or_insert(saved.definition, &total) else { return false };
        let cx = self.context();
        if self.totals[at].open(source, saved.definition, &cx).is_err() {
            return false;
        }
        let since = u64::try_from(saved.since_ms).unwrap_or(0);
        let expire = saved.definition.expire_ms;
        let rest = u64::from(saved.expire_ms.unwrap_or(expire).min(expire)).saturating_sub(since);
        if expire > 0 && rest == 0 || saved.values.len() != saved.definition.layout.slots() {
            return false;
        }
        let mut values = saved.values.to_vec();
        saved.definition.layout.age(&mut values, since);
        let update = Update {
            key: saved.key,
            values: &values,
            server_key: saved.server_key.map_or(ServerKey::Unchanged, ServerKey::Known),
            update_id: saved.update_id,
            life_ms: u32::try_from(rest).ok().filter(|_| expire > 0),
            resync: true,
        };
        self.totals[at].restore(source, &update, saved.kept, &cx)
    }

    /// Takes what a file says of the counts that a source's entry had before it started again: see [`Saved::kept`].
    pub fn restore_kept(&mut self, peer: &[u8], definition: &Definition, key: &[u8], kept: &[u64], now_ms: u64) {
        let now_ms = self.at(now_ms);
        if let Some((source, at)) = self.restored(peer, definition) {
            self.totals[at].restore_kept(source, key, kept, now_ms);
        }
    }

    /// Takes from a file that a source has lost an entry.
    pub fn restore_loss(&mut self, peer: &[u8], definition: &Definition, key: &[u8], now_ms: u64) {
        self.at(now_ms);
        let cx = self.context();
        if let Some((source, at)) = self.restored(peer, definition) {
            self.totals[at].lose_one(source, key, &cx);
        }
    }

    /// A source and a table of which something was restored.
    fn restored(&self, peer: &[u8], definition: &Definition) -> Option<(usize, usize)> {
        let source = self.options.peers.iter().position(|known| *known.name == *peer)?;
        let at = self.totals.iter().position(|totals| totals.source.name == definition.name)?;
        difference(&self.totals[at].source, definition).is_ok().then_some((source, at))
    }

    /// Whether totals of a table keep what counters had counted before they started again.
    #[must_use]
    pub fn keeps(&self, table: &[u8]) -> bool {
        self.totals.iter().any(|totals| *totals.source.name == *table && totals.keeps())
    }

    /// Shows what has happened since the last call to entries that no source has taught; the first call makes that it is noted.
    pub fn changes(&mut self, now_ms: u64, mut each: impl FnMut(Change<'_>)) {
        let now_ms = self.at(now_ms);
        for totals in &mut self.totals {
            let notes = totals.take_notes();
            for note in notes {
                let (Note::Kept { source, .. } | Note::Lost { source, .. }) = note;
                let Some(peer) = self.options.peers.get(source) else { continue };
                match note {
                    Note::Kept { at, .. } => {
                        if let Some(entry) = totals.entry(source, at, now_ms) {
                            let kept = totals.inputs[source].kept.get(&at).map(|kept| &**kept);
                            let definition = &totals.source;
                            each(Change::Kept(Saved { peer: &peer.name, definition, entry, kept }));
                        }
                    }
                    Note::Lost { key, .. } => {
                        let store = totals.inputs.get(source).and_then(|input| input.store.as_ref());
                        if store.is_some_and(|store| store.get(&key, now_ms).is_some()) {
                            // The source has taught it again since.
                            continue;
                        }
                        each(Change::Lost { peer: &peer.name, definition: &totals.source, key: &key });
                    }
                }
            }
        }
    }

    /// Teaches a source its own entries, no more than `budget` of them, and until `sink` returns false: it takes no more after
    /// this entry. Returns whether all have been taught. The table's number is that of its totals.
    pub fn teach_back(
        &mut self,
        peer: PeerNumber,
        cursor: &mut TeachCursor,
        now_ms: u64,
        budget: usize,
        mut sink: impl FnMut(TotalId, &Definition, &Push<'_>) -> bool,
    ) -> bool {
        let now_ms = self.at(now_ms);
        let (mut budget, mut values) = (budget, Vec::new());
        while let Some(totals) = self.totals.get(cursor.table).filter(|_| self.options.teach_back) {
            let store = totals.inputs.get(peer.0).and_then(|input| input.store.as_ref());
            let keys = u32::try_from(totals.keys.list.len()).unwrap_or(u32::MAX);
            let Some(store) = store.filter(|_| cursor.key < keys) else {
                *cursor = TeachCursor { table: cursor.table + 1, key: 0 };
                continue;
            };
            if budget == 0 {
                return false;
            }
            budget -= 1;
            let entry = totals.entry(peer.0, cursor.key, now_ms);
            cursor.key += 1;
            let Some(entry) = entry else { continue };
            entry.values(&mut values);
            store.definition().layout.age(&mut values, entry.age_ms());
            let life_ms = entry.rest_ms();
            let push = Push { key: entry.key(), values: &values, server_key: entry.server_key(), life_ms };
            if !sink(totals.id, store.definition(), &push) {
                return false;
            }
        }
        true
    }

    /// Whether a peer that asks for everything may be told, once it was taught, that it has everything now: it asks nobody else
    /// then. Only if all others are in sync with us, and its own last session had come to that and ended in order.
    #[must_use]
    pub fn may_finish(&self, peer: PeerNumber) -> bool {
        let Some(asker) = self.peers.get(peer.0).filter(|_| self.options.teach_back) else { return false };
        let mut others = self.peers.iter().enumerate().filter(|(other, _)| *other != peer.0);
        asker.ended_well && others.all(|(_, other)| if other.is_source() { other.is_fresh() } else { other.is_up })
    }

    fn find_or_insert(&mut self, found: &Definition, total: &[u8]) -> Option<usize> {
        let known = self.totals.iter().position(|totals| totals.source.name == found.name);
        if let Some(at) = known {
            let is_same = difference(&self.totals[at].source, found).is_ok();
            return is_same.then_some(at);
        }
        check(found).ok()?;
        let totals = self.totals_of(found, total);
        self.totals.push(totals);
        Some(self.totals.len() - 1)
    }
}
