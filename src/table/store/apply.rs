//! What an update does to its entry, and to others that make room for it.

use crate::table::entry::EntryRef;
use crate::table::update::{Applied, ServerKey, Update};

use super::index::Gap;
use super::plan::Plan;
use super::record::{self, Header, OCCUPIED, RENEWED, RESYNC};
use super::{Full, Reading, Store};

impl Store {
    /// Removes the entry that goes first when room is needed, showing it; returns whether there was one.
    pub fn evict_with(&mut self, now_ms: u64, gone: impl FnOnce(EntryRef<'_>)) -> bool {
        let now_ms = self.tick(now_ms);
        let Some(at) = self.order.oldest(&mut self.records, now_ms) else { return false };
        let entry = self.entry(at, now_ms);
        let is_alive = entry.is_some();
        let record = self.records.get(at);
        gone(entry.unwrap_or_else(|| EntryRef::new(Reading::new(self, record, record::deadline(record)))));
        let counter = if is_alive { &mut self.counters.evicted } else { &mut self.counters.expired };
        *counter += 1;
        self.remove_at(at);
        true
    }

    /// Takes an update whose key has this hash, and whose entry is likely to be there.
    pub(super) fn apply_hashed(&mut self, now_ms: u64, hash: u32, likely: Option<u32>, update: &Update<'_>) -> Applied {
        if !self.keys.takes(update.key) || update.values.len() != self.plan.slots() {
            self.counters.dropped += 1;
            return Applied::Dropped;
        }
        let Ok(text) = self.acquire_text(now_ms, update.server_key) else {
            self.counters.dropped += 1;
            return Applied::Dropped;
        };
        let found = match likely.filter(|at| self.is(*at, update.key)) {
            Some(at) => Ok(at),
            None => self.find_or_gap(hash, update.key),
        };
        match found {
            Ok(at) => self.renew(now_ms, at, update, text),
            Err(gap) => self.insert(now_ms, hash, gap, update, text),
        }
    }

    /// Milliseconds that an entry lives from its update on.
    fn life(&self, update: &Update<'_>) -> u32 {
        let expire = self.definition.expire_ms;
        update.life_ms.map_or(expire, |rest| rest.min(expire))
    }

    /// The number of the text of an update, held once for it; `None` if it brings none.
    fn acquire_text(&mut self, now_ms: u64, server_key: ServerKey<'_>) -> Result<Option<u32>, IsFull> {
        match server_key {
            ServerKey::Known(text) if self.plan.text_at().is_some() => {
                self.make_room(now_ms, |store| store.texts.growth(text))?;
                Ok(Some(self.texts.acquire(text)))
            }
            _ => Ok(None),
        }
    }

    fn renew(&mut self, now_ms: u64, at: u32, update: &Update<'_>, text: Option<u32>) -> Applied {
        let record = self.records.get_mut(at);
        let old = Header::read(record);
        let is_dead = self.definition.expire_ms > 0 && old.deadline_ms() <= now_ms;
        let old_text = self.plan.text_at().map_or(0, |place| record::u32_at(record, place));
        let age_ms = now_ms.saturating_sub(old.updated_ms);
        let same = old.update_id == update.update_id
            && !is_dead
            && text.is_none_or(|text| text == old_text)
            && self.plan.same(&self.definition.layout, record, update.values, age_ms);
        if same && update.life_ms.is_none() {
            record::set_generation(record, self.generation);
            self.texts.release(text.unwrap_or(0));
            return Applied::Same;
        }
        let new_text = text.unwrap_or(if is_dead { 0 } else { old_text });
        let new = self.header(now_ms, update, RENEWED);
        write(self.records.get_mut(at), &self.plan, new, update.values, new_text);
        if text.is_some() || is_dead {
            self.texts.release(old_text);
        }
        if self.expires() && self.order.moves(old.deadline_ms(), new.deadline_ms()) {
            self.order.unlink(&mut self.records, at);
            self.order.push(&mut self.records, at, new.deadline_ms());
        }
        match (is_dead, same) {
            (true, _) => {
                self.counters.expired += 1;
                Applied::New
            }
            (false, true) => Applied::Same,
            (false, false) => Applied::Changed,
        }
    }

    fn insert(&mut self, now_ms: u64, hash: u32, gap: Gap, update: &Update<'_>, text: Option<u32>) -> Applied {
        let is_free = self.len() < self.limits.entries && self.index.growth() == 0;
        let held = self.len();
        let growth = |store: &Self| {
            store.records.growth() + store.index.growth() + store.order.growth() + store.keys.growth(update.key)
        };
        let room = if self.len() < self.limits.entries { Ok(()) } else { self.evict(now_ms) };
        if room.and_then(|()| self.make_room(now_ms, growth)).is_err() {
            self.texts.release(text.unwrap_or(0));
            self.counters.dropped += 1;
            return Applied::Dropped;
        }
        let at = self.records.take();
        let header = self.header(now_ms, update, 0);
        let record = self.records.get_mut(at);
        self.keys.put(record, update.key);
        write(record, &self.plan, header, update.values, text.unwrap_or(0));
        // Whatever made room may have moved the gap.
        if is_free && self.len() == held {
            self.index.insert_at(gap, hash, at);
        } else {
            self.index.insert(hash, at);
        }
        self.order.push(&mut self.records, at, header.deadline_ms());
        Applied::New
    }

    fn header(&self, now_ms: u64, update: &Update<'_>, flags: u8) -> Header {
        Header {
            updated_ms: now_ms,
            generation: self.generation,
            flags: flags | OCCUPIED | if update.resync { RESYNC } else { 0 },
            life_ms: self.life(update),
            update_id: update.update_id,
        }
    }

    /// Evicts until so many bytes more are within the limit.
    fn make_room(&mut self, now_ms: u64, growth: impl Fn(&Self) -> usize) -> Result<(), IsFull> {
        loop {
            let growth = growth(self);
            if growth == 0 || self.memory().saturating_add(growth) <= self.limits.bytes {
                return Ok(());
            }
            self.evict(now_ms)?;
        }
    }

    /// Makes room for one entry.
    fn evict(&mut self, now_ms: u64) -> Result<(), IsFull> {
        let mut unlimited = usize::MAX;
        let at = match self.limits.full {
            Full::EvictOldest => self.order.oldest(&mut self.records, now_ms),
            // What has expired is no entry any more.
            Full::Stop => self.order.next_expired(&mut self.records, now_ms, &mut unlimited),
        };
        let at = at.ok_or(IsFull)?;
        if self.has_expired(Header::read(self.records.get(at)), now_ms) {
            self.counters.expired += 1;
        } else {
            self.counters.evicted += 1;
        }
        self.remove_at(at);
        Ok(())
    }
}

/// Writes everything of a record but its links and its key.
fn write(record: &mut [u8], plan: &Plan, header: Header, values: &[u64], text: u32) {
    header.write(record);
    plan.write(record, values);
    if let Some(place) = plan.text_at() {
        record::put_u32(record, place, text);
    }
}

/// There is no room, and none may be made.
#[derive(Debug)]
struct IsFull;
