//! The tables of all peers, each once: of two states of an entry the newer one.

use std::collections::HashMap;

use super::peer::{Course, Peer, Shadow};
use super::states::{is_older, is_same, tells_less};
use crate::proto::session;
use crate::stick::Definition;
use crate::table::{self, Applied, EntryRef, Store, StoreError, Update};

/// What a standby holds.
#[derive(Debug)]
pub struct Standby {
    pub(super) tables: Vec<Held>,
    pub(super) peers: Vec<Peer>,
    pub(super) max_bytes: usize,
    /// Updates that found no room.
    dropped: u64,
    pub(super) values: Vec<u64>,
}

/// A table.
#[derive(Debug)]
pub struct Held {
    pub(super) store: Store,
}

/// What became of the announcement of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Announcement {
    /// It is as it was.
    Known,
    /// It is a new one of ours, or has another `expire` now.
    Taken,
    /// It was defined in another way; so many entries of that time are forgotten. These other peers have announced it as it is now:
    /// they are to be asked for everything again.
    Redefined(usize, Vec<usize>),
    /// Another peer has it with this definition; the table of this one is not taken.
    Rejected(Definition),
    /// No table can be like that.
    Impossible(StoreError),
}

/// What became of an update.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It is the state of the entry now, in the table with this number.
    Kept(usize),
    /// It is the state of the entry now, but not for good: its sender may have come up cold. What it replaces comes back if that is
    /// so, see [`Standby::recall`].
    Provisional,
    /// Nothing new: the entry has it, or a newer state.
    Known,
    /// Its table isn't taken.
    Unwanted,
    /// There was no room.
    Dropped,
}

/// A state that was kept somewhere else, and how long ago.
#[derive(Clone, Copy, Debug)]
pub struct Restored<'a> {
    /// The canonical key.
    pub key: &'a [u8],
    /// The values, by the layout of the table.
    pub values: &'a [u64],
    /// The text of `server_key`.
    pub server_key: Option<&'a [u8]>,
    /// The sender's number of the update.
    pub update_id: u32,
    /// The rest of its life then, in milliseconds; `None` = for ever, 0 = it was forgotten.
    pub life_ms: Option<u32>,
    /// Milliseconds since then.
    pub passed_ms: u64,
}

impl Held {
    /// The entries.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// What they are.
    #[must_use]
    pub const fn definition(&self) -> &Definition {
        self.store.definition()
    }
}

impl Standby {
    /// Holds nothing yet, of so many peers, and never more than about that many bytes.
    #[must_use]
    pub fn new(peers: usize, max_bytes: usize) -> Self {
        let peers = std::iter::repeat_with(Peer::default).take(peers).collect();
        Self { tables: Vec::new(), peers, max_bytes, dropped: 0, values: Vec::new() }
    }

    /// Another peer, from now on; returns its number. What is known of the definitions of `like`, the same peer as it was called
    /// before, holds for it.
    pub fn add_peer(&mut self, like: Option<usize>) -> usize {
        let definitions = like.and_then(|like| self.peers.get(like)).map(|peer| peer.definitions.clone());
        self.peers.push(Peer { definitions: definitions.unwrap_or_default(), ..Peer::default() });
        self.peers.len() - 1
    }

    /// A peer isn't one any more: nobody waits for what it has. What it taught stays.
    pub fn retire(&mut self, peer: usize) {
        if let Some(at) = self.peers.get_mut(peer) {
            at.retired = true;
        }
    }

    /// The tables, in the order of their numbers.
    #[must_use]
    pub fn tables(&self) -> &[Held] {
        &self.tables
    }

    /// How far it is with a peer.
    #[must_use]
    pub fn course(&self, peer: usize) -> Course {
        self.peers.get(peer).map_or(Course::Away, |peer| peer.course)
    }

    /// Updates that found no room, and entries that made room for others.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.dropped + self.tables.iter().map(|held| held.store.counters().evicted).sum::<u64>()
    }

    /// Bytes that the entries take.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.tables.iter().map(|held| held.store.memory()).sum()
    }

    /// The tables of a peer that are not taken, as it has them.
    pub fn rejected(&self, peer: usize) -> impl Iterator<Item = &Definition> {
        let tables = self.peers.get(peer).map_or(&[][..], |peer| &peer.tables);
        tables.iter().filter(|table| table.held.is_none()).map(|table| &table.definition)
    }

    /// A session with a peer is established.
    pub fn begin(&mut self, peer: usize) {
        let Some(at) = self.peers.get_mut(peer) else { return };
        at.course = Course::Learning;
        at.tables.clear();
        (at.lost, at.settled) = (false, false);
    }

    /// Whether what the peer tells is for good: it is no process that came up cold and was not taught yet.
    #[must_use]
    pub fn is_settled(&self, peer: usize) -> bool {
        self.peers.get(peer).is_some_and(|peer| peer.settled)
    }

    /// The peer is asked for everything.
    pub fn ask(&mut self, peer: usize) {
        let Some(at) = self.peers.get_mut(peer) else { return };
        at.course = Course::Learning;
        at.tables.iter_mut().for_each(|table| table.horizon = None);
    }

    /// The peer has taught what it has: everything, if that is `complete`. Returns the entries whose state is for good now, by the
    /// numbers of their tables and their keys.
    pub fn learned(&mut self, peer: usize, complete: bool) -> Vec<(usize, Box<[u8]>)> {
        let Some(at) = self.peers.get_mut(peer) else { return Vec::new() };
        at.course = if complete { Course::InSync } else { Course::Partial };
        if !complete {
            return Vec::new();
        }
        at.settled = true;
        std::mem::take(&mut at.shadows).into_keys().collect()
    }

    /// The peer has come up cold: it asks for everything, and is about to be taught it. What it counted before gives way to what was
    /// held. Returns the entries whose state is for good now, by the numbers of their tables and their keys.
    pub fn recall(&mut self, peer: usize, now_ms: u64) -> Vec<(usize, Box<[u8]>)> {
        let Some(at) = self.peers.get_mut(peer) else { return Vec::new() };
        at.settled = true;
        let shadows = std::mem::take(&mut at.shadows);
        for ((number, key), shadow) in &shadows {
            let Some(held) = self.tables.get_mut(*number) else { continue };
            // What another peer has said meanwhile counts.
            let own = |entry: &EntryRef<'_>| mark(peer) != 0 && entry.mark() == mark(peer);
            let Some(entry) = held.store.get(key, now_ms).filter(own) else { continue };
            let (id, rest) = (entry.update_id(), entry.rest_ms());
            held.store.mark(0);
            held.store.apply(now_ms, &as_update(key, &shadow.values, shadow.server_key.as_deref(), id, rest));
        }
        shadows.into_keys().collect()
    }

    /// The session has ended; `whole` if everything arrived that the peer had sent. Returns the entries whose state is for good now,
    /// by the numbers of their tables and their keys.
    pub fn end(&mut self, peer: usize, now_ms: u64, whole: bool) -> Vec<(usize, Box<[u8]>)> {
        let recalled = self.recall(peer, now_ms);
        let Some(at) = self.peers.get_mut(peer) else { return recalled };
        let rejected = at.tables.iter().any(|table| table.held.is_none());
        at.left_whole = whole && at.course == Course::InSync && !at.lost && !rejected;
        at.course = Course::Away;
        at.tables.clear();
        recalled
    }

    /// Whether a peer that was taught everything needs to ask nobody else: we have what it had when it left, and what all others have.
    #[must_use]
    pub fn is_whole_for(&self, asker: usize) -> bool {
        let mut others = self.peers.iter().enumerate().filter(|(peer, other)| *peer != asker && !other.retired);
        self.peers.get(asker).is_some_and(|peer| peer.left_whole)
            && self.lost() == 0
            && others.all(|(_, peer)| peer.course == Course::InSync && !peer.lost && !has_rejected(peer))
    }

    /// Takes what a peer teaches.
    #[inline]
    pub fn update(&mut self, peer: usize, now_ms: u64, update: &session::Update<'_>) -> Taken {
        let mark = mark(peer);
        let Some(at) = self.peers.get_mut(peer) else { return Taken::Unwanted };
        let Some(table) = at.tables.get_mut(update.table.index) else { return Taken::Unwanted };
        if update.resync {
            table.pass(update.id);
        }
        let Some(number) = table.held else { return Taken::Unwanted };
        let Some(held) = self.tables.get_mut(number) else { return Taken::Unwanted };
        let store = &mut held.store;
        let expire = store.definition().expire_ms;
        let mut life_ms = update.life_ms.or_else(|| {
            // A full life is that of the peer's own table.
            let theirs = table.definition.expire_ms;
            (theirs > 0 && theirs != expire).then_some(theirs)
        });
        let (mut others, mut same, mut shadow) = (false, false, None);
        if let Some(known) = store.get(update.key, now_ms) {
            let same_source = mark != 0 && known.mark() == mark;
            let old = if update.resync {
                is_older(&known, same_source, update.id, life_ms.unwrap_or(expire))
            } else {
                // Behind a resync it says all its own entries once more.
                !same_source && table.may_repeat(update.id)
            };
            if old {
                return Taken::Known;
            }
            others = !same_source;
            if update.resync || !at.settled {
                known.values(&mut self.values);
                table.definition.layout.age(&mut self.values, known.age_ms());
            }
            same = update.resync && is_same(&table.definition, &self.values, &known, life_ms.unwrap_or(expire), update);
            if !at.settled && tells_less(&table.definition, &self.values, update) {
                let (values, server_key) = (self.values.clone(), known.server_key().map(Into::into));
                shadow = Some(Shadow { values, server_key });
            }
        }
        if others && life_ms.is_none() && expire > 0 {
            // With the number and the values that another peer's update had it is no repetition.
            life_ms = Some(expire);
        }
        store.mark(mark);
        let update = Update { life_ms, ..update.into() };
        let applied = store.apply(now_ms, &update);
        if !at.settled && applied != Applied::Dropped {
            let place = (number, Box::from(update.key));
            if let Some(shadow) = shadow {
                at.shadows.entry(place).or_insert(shadow);
                return Taken::Provisional;
            }
            if !at.shadows.is_empty() && at.shadows.contains_key(&place) {
                return Taken::Provisional;
            }
        }
        match applied {
            // A peer that is met again tells everything again.
            Applied::New | Applied::Changed | Applied::Same if same => Taken::Known,
            Applied::New | Applied::Changed => Taken::Kept(number),
            Applied::Same if life_ms.is_some() => Taken::Kept(number),
            Applied::Same => Taken::Known,
            Applied::Dropped => {
                at.lost = true;
                self.dropped += 1;
                Taken::Dropped
            }
        }
    }

    /// Takes what was kept somewhere else: newer states come behind older ones. Returns whether its life goes on.
    pub fn restore(&mut self, number: usize, now_ms: u64, restored: &Restored<'_>) -> bool {
        let Some(held) = self.tables.get_mut(number) else { return false };
        let definition = held.store.definition();
        let most = if definition.expire_ms > 0 { definition.expire_ms } else { u32::MAX };
        let passed_ms = if definition.expire_ms > 0 { restored.passed_ms } else { 0 };
        let life = restored.life_ms.map(|life| u64::from(life.min(most)));
        let rest = life.map(|life| u32::try_from(life.saturating_sub(passed_ms)).unwrap_or(u32::MAX));
        if rest == Some(0) {
            held.store.remove(restored.key);
            return false;
        }
        self.values.clear();
        self.values.extend_from_slice(restored.values);
        definition.layout.age(&mut self.values, restored.passed_ms);
        held.store.mark(0);
        let update = as_update(restored.key, &self.values, restored.server_key, restored.update_id, rest);
        held.store.apply(now_ms, &update) != Applied::Dropped
    }

    /// Forgets an entry; returns whether it was there.
    pub fn forget(&mut self, number: usize, key: &[u8]) -> bool {
        for peer in &mut self.peers {
            peer.shadows.retain(|(table, other), _| (*table, &**other) != (number, key));
        }
        self.tables.get_mut(number).is_some_and(|held| held.store.remove(key))
    }

    /// How a peer defines a table, as far as that is known.
    pub(super) fn theirs(&self, peer: usize) -> Option<&HashMap<Box<[u8]>, Definition>> {
        self.peers.get(peer).map(|peer| &peer.definitions)
    }
}

fn has_rejected(peer: &Peer) -> bool {
    peer.tables.iter().any(|table| table.held.is_none())
}

/// Who taught an entry: 0 = not known.
fn mark(peer: usize) -> u8 {
    u8::try_from(peer + 1).unwrap_or(0)
}

/// A state that is kept, as an update of a table.
pub(super) fn as_update<'a>(
    key: &'a [u8],
    values: &'a [u64],
    server_key: Option<&'a [u8]>,
    update_id: u32,
    life_ms: Option<u32>,
) -> Update<'a> {
    let server_key = server_key.map_or(table::ServerKey::Unchanged, table::ServerKey::Known);
    Update { key, values, server_key, update_id, life_ms, resync: true }
}
