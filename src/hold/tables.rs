//! The tables of a standby: which ones there are, how they are defined, and how much room each has.

use super::peer::{Announced, Peer};
use super::standby::{Announcement, Held, Standby, as_update};
use crate::proto::session::RemoteTable;
use crate::stick::Definition;
use crate::table::{Full, Limits, Store, StoreError};

/// Bytes that any table may have.
const ROOM: usize = 64 << 10;

impl Standby {
    /// A peer announces a table, or announces it anew in another way, with an index of its own.
    pub fn announce(&mut self, peer: usize, now_ms: u64, table: &RemoteTable) -> Announcement {
        let definition = &table.definition;
        let (held, announcement) = self.place(peer, now_ms, definition);
        let Some(at) = self.peers.get_mut(peer) else { return announcement };
        at.definitions.insert(definition.name.clone(), definition.clone());
        let announced = Announced { held, definition: definition.clone(), horizon: None };
        // Indexes are counted without gaps.
        at.tables.truncate(table.index);
        at.tables.push(announced);
        announcement
    }

    /// Finds the table of a definition, or makes it.
    fn place(&mut self, peer: usize, now_ms: u64, definition: &Definition) -> (Option<usize>, Announcement) {
        let known = self.tables.iter().position(|held| held.definition().name == definition.name);
        let Some(number) = known else {
            return match self.define(now_ms, definition) {
                Ok(number) => (Some(number), Announcement::Taken),
                Err(error) => (None, Announcement::Impossible(error)),
            };
        };
        let Some(ours) = self.tables.get(number).map(Held::definition) else { return (None, Announcement::Known) };
        if is_alike(ours, definition) {
            if !lives_longer(definition.expire_ms, ours.expire_ms) {
                return (Some(number), Announcement::Known);
            }
            let announcement = match self.prolong(number, now_ms, definition) {
                Ok(()) => Announcement::Taken,
                Err(error) => Announcement::Impossible(error),
            };
            return (Some(number), announcement);
        }
        let theirs = |other: &Peer| other.tables.iter().any(|table| table.held == Some(number));
        if self.peers.iter().enumerate().any(|(at, other)| at != peer && theirs(other)) {
            return (None, Announcement::Rejected(ours.clone()));
        }
        let store = match Store::new(definition.clone(), self.limits()) {
            Ok(store) => store,
            Err(error) => return (None, Announcement::Impossible(error)),
        };
        let mut forgotten = 0;
        if let Some(held) = self.tables.get_mut(number) {
            forgotten = held.store.len();
            held.store = store;
        }
        let mut again = Vec::new();
        for (at, other) in self.peers.iter_mut().enumerate() {
            for table in other.tables.iter_mut().filter(|table| table.definition.name == definition.name) {
                let fits = at != peer && is_alike(definition, &table.definition);
                table.held = fits.then_some(number);
                if fits && !again.contains(&at) {
                    again.push(at);
                }
            }
        }
        (Some(number), Announcement::Redefined(forgotten, again))
    }

    /// The number of the table of a definition that is kept somewhere else; what was held of another definition is forgotten.
    ///
    /// # Errors
    /// If no table can be like that.
    pub fn define(&mut self, now_ms: u64, definition: &Definition) -> Result<usize, StoreError> {
        let known = self.tables.iter().position(|held| held.definition().name == definition.name);
        let ours = known.and_then(|number| Some((number, self.tables.get(number)?.definition())));
        if let Some((number, ours)) = ours.filter(|(_, ours)| is_alike(ours, definition)) {
            if lives_longer(definition.expire_ms, ours.expire_ms) {
                self.prolong(number, now_ms, definition)?;
            }
            return Ok(number);
        }
        let held = Held { store: Store::new(definition.clone(), self.limits())? };
        let number = known.unwrap_or(self.tables.len());
        match self.tables.get_mut(number) {
            Some(place) => *place = held,
            None => self.tables.push(held),
        }
        Ok(number)
    }

    /// Gives a table a longer `expire`. Its entries stay as they are.
    fn prolong(&mut self, number: usize, now_ms: u64, definition: &Definition) -> Result<(), StoreError> {
        let mut store = Store::new(definition.clone(), self.limits())?;
        let Some(held) = self.tables.get_mut(number) else { return Ok(()) };
        for entry in held.store.iter(now_ms) {
            let (age, id) = (entry.age_ms(), entry.update_id());
            entry.values(&mut self.values);
            definition.layout.age(&mut self.values, age);
            store.mark(entry.mark());
            store.apply(now_ms, &as_update(entry.key(), &self.values, entry.server_key(), id, entry.rest_ms()));
        }
        held.store = store;
        Ok(())
    }

    /// Gives back the memory of entries whose life has ended, looking at so many of each table at most, and shares out what is left
    /// among the tables that want more.
    pub fn tidy(&mut self, now_ms: u64, budget: usize) {
        for held in &mut self.tables {
            held.store.expire(now_ms, budget);
        }
        let used = self.memory();
        let (free, over) = (self.max_bytes.saturating_sub(used), used.saturating_sub(self.max_bytes));
        let least = self.least();
        for held in &mut self.tables {
            let own = held.store.memory();
            // Who is over the limit together gives in by its part.
            let part = own.checked_mul(over).and_then(|part| part.checked_div(used)).unwrap_or(0);
            held.store.limit_bytes(own.saturating_sub(part).saturating_add(free).max(least));
        }
    }

    fn limits(&self) -> Limits {
        let bytes = self.max_bytes.saturating_sub(self.memory()).max(self.least());
        Limits { entries: usize::MAX, bytes, full: Full::EvictOldest }
    }

    /// What each table may have whatever the others take: a fifth of everything between them.
    fn least(&self) -> usize {
        (self.max_bytes / 5 / (self.tables.len() + 1)).max(ROOM)
    }
}

/// Whether entries of both are the same: all but how long they live.
pub(super) fn is_alike(one: &Definition, other: &Definition) -> bool {
    (one.key_type, one.key_len) == (other.key_type, other.key_len) && one.layout == other.layout
}

/// Whether a table with this `expire` keeps entries longer than with that one; 0 = for ever.
const fn lives_longer(this: u32, that: u32) -> bool {
    that > 0 && (this == 0 || this > that)
}
