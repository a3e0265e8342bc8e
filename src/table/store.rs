//! One table of one source.

mod apply;
mod arena;
mod each;
mod index;
mod keys;
mod limits;
mod memory;
mod order;
mod plan;
mod reading;
mod record;
mod texts;

use foldhash::quality::RandomState;

use crate::stick::Definition;

use super::entry::EntryRef;
use super::update::{Applied, Update};

use arena::Arena;
use index::Gap;
pub(crate) use index::Index;
use keys::Keys;
use order::Order;
use plan::Plan;
use record::{HEADER, Header, STAMP};
use texts::Texts;

pub use limits::{Counters, Full, Limits, StoreError};
pub use reading::Iter;
pub(super) use reading::Reading;

/// The entries of one table as one source has taught them.
///
/// All times are milliseconds of one clock of the caller that never goes back (a smaller time counts as the largest one that
/// was given). An entry whose life has ended is never read again; its memory is given back by [`Self::expire`].
///
/// A new definition of the table needs a new store.
#[derive(Debug)]
pub struct Store {
    definition: Definition,
    limits: Limits,
    plan: Plan,
    keys: Keys,
    records: Arena,
    index: Index,
    order: Order,
    texts: Texts,
    hasher: RandomState,
    now_ms: u64,
    generation: u8,
    counters: Counters,
}

/// The most bytes of a record without its long key.
const MOST: usize = 1 << 16;

/// Updates whose entries are looked for at the same time.
pub(super) const GROUP: usize = 32;

/// Bytes of a chunk of records.
const CHUNK: usize = 1 << 16;

impl Store {
    /// An empty store.
    ///
    /// # Errors
    /// If an entry of the table would be larger than any that HAProxy can have.
    pub fn new(definition: Definition, limits: Limits) -> Result<Self, StoreError> {
        let keys = Keys::new(&definition);
        let too_wide = StoreError::TooWide { most: MOST };
        let plan = Plan::new(&definition.layout, HEADER + keys.width(), MOST).ok_or(too_wide)?;
        let entries = limits.entries.min(Order::MAX_ENTRIES as usize);
        Ok(Self {
            limits: Limits { entries, ..limits },
            records: Arena::new(plan.end(), CHUNK),
            order: Order::new(definition.expire_ms),
            definition,
            plan,
            keys,
            index: Index::default(),
            texts: Texts::default(),
            hasher: RandomState::default(),
            now_ms: 0,
            generation: 0,
            counters: Counters::default(),
        })
    }

    /// What the entries are.
    #[must_use]
    pub const fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The number of entries held, those counted in whose life has ended since [`Self::expire`] was last called.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no entry is held.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What happened to entries so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Bytes held: entries, index, order, texts, and what is free in between.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>()
            + self.records.memory()
            + self.index.memory()
            + self.order.memory()
            + self.keys.memory()
            + self.texts.memory()
    }

    /// Takes an update at `now_ms`.
    ///
    /// The entry's life starts anew: with the `expire` of the table, or with what a timed update says, if that is shorter. An
    /// untimed update with the id and the values that the entry has already is a repetition, as they come after a resync:
    /// the life goes on.
    pub fn apply(&mut self, now_ms: u64, update: &Update<'_>) -> Applied {
        let now_ms = self.tick(now_ms);
        let hash = texts::hash(&self.hasher, update.key);
        self.apply_hashed(now_ms, hash, None, update)
    }

    /// Takes updates at `now_ms` one after another, as [`Self::apply`] does, and says of each what became of it. Much faster
    /// than one by one in a table that no cache can hold: the memory of several entries is waited for at the same time.
    pub fn apply_all<'a>(
        &mut self,
        now_ms: u64,
        updates: &[Update<'a>],
        mut applied: impl FnMut(&Update<'a>, Applied),
    ) {
        for group in updates.chunks(GROUP) {
            self.apply_group(now_ms, group, |_, update, became| applied(update, became));
        }
    }

    /// Takes at most [`GROUP`] updates.
    pub(super) fn apply_group<'a>(
        &mut self,
        now_ms: u64,
        group: &[Update<'a>],
        mut applied: impl FnMut(&Self, &Update<'a>, Applied),
    ) {
        let now_ms = self.tick(now_ms);
        let mut hashes = [0; GROUP];
        for (hash, update) in hashes.iter_mut().zip(group) {
            *hash = texts::hash(&self.hasher, update.key);
        }
        let hashes = hashes.get(..group.len()).unwrap_or_default();
        self.index.touch(hashes);
        let mut likely = [None; GROUP];
        for (likely, hash) in likely.iter_mut().zip(hashes) {
            *likely = self.index.likely(*hash);
        }
        likely.iter().flatten().for_each(|at| self.records.touch(*at));
        if self.keys.are_elsewhere() {
            likely.iter().flatten().for_each(|at| self.keys.touch(self.records.get(*at)));
        }
        for ((hash, likely), update) in hashes.iter().zip(likely).zip(group) {
            let became = self.apply_hashed(now_ms, *hash, likely, update);
            applied(self, update, became);
        }
    }

    /// The entry with a canonical key, if it is alive.
    #[must_use]
    pub fn get(&self, key: &[u8], now_ms: u64) -> Option<EntryRef<'_>> {
        let at = self.find(texts::hash(&self.hasher, key), key)?;
        self.entry(at, self.now_ms.max(now_ms))
    }

    /// All living entries, in no order that means anything.
    #[must_use]
    pub fn iter(&self, now_ms: u64) -> Iter<'_> {
        Iter::new(self, self.now_ms.max(now_ms))
    }

    /// The living entries from a [place](Iter::place) on: an iteration that is interrupted, while the store changes, shows each
    /// entry that is there all the time once.
    #[must_use]
    pub fn iter_from(&self, now_ms: u64, place: u32) -> Iter<'_> {
        Iter::at(self, self.now_ms.max(now_ms), place)
    }

    /// The most bytes from now on; what is too much goes with the next entries that come.
    pub fn limit_bytes(&mut self, bytes: usize) {
        self.limits.bytes = bytes;
    }

    /// What is updated from now on carries this mark, for stores that several peers teach. It takes the place of generations.
    pub fn mark(&mut self, mark: u8) {
        self.generation = mark;
    }

    /// Removes entries whose life has ended, looking at no more than `budget` of them; returns how many it removed. An entry
    /// may stay for a moment that is short compared to the `expire` of the table (a 2045th of it); nobody reads it.
    pub fn expire(&mut self, now_ms: u64, budget: usize) -> usize {
        self.expire_with(now_ms, budget, |_| ())
    }

    /// As [`Self::expire`], showing each entry before it goes, as it was when its life ended.
    pub fn expire_with(&mut self, now_ms: u64, budget: usize, mut gone: impl FnMut(EntryRef<'_>)) -> usize {
        let now_ms = self.tick(now_ms);
        let (mut budget, mut count) = (budget, 0);
        while let Some(at) = self.order.next_expired(&mut self.records, now_ms, &mut budget) {
            let record = self.records.get(at);
            gone(EntryRef::new(Reading::new(self, record, record::deadline(record))));
            self.remove_at(at);
            count += 1;
        }
        self.counters.expired += count as u64;
        count
    }

    /// Starts a generation: what is updated from now on belongs to it.
    pub fn begin_generation(&mut self) {
        if let Some(next) = self.generation.checked_add(1) {
            self.generation = next;
            return;
        }
        for at in 0..self.records.end() {
            record::set_generation(self.records.get_mut(at), 0);
        }
        self.generation = 1;
    }

    /// Removes the living entries of older generations: those that were not updated since [`Self::begin_generation`]. Right
    /// after a resync that was finished, and only then, these are the entries that their source has lost. Those whose life has
    /// ended are left to [`Self::expire`], which tells of them. Returns their number.
    pub fn sweep_older(&mut self, now_ms: u64) -> usize {
        self.sweep_older_with(now_ms, |_| ())
    }

    /// As [`Self::sweep_older`], showing each living entry before it goes.
    pub fn sweep_older_with(&mut self, now_ms: u64, gone: impl FnMut(EntryRef<'_>)) -> usize {
        let (mut place, mut budget) = (0, usize::MAX);
        self.sweep_older_from(now_ms, &mut place, &mut budget, gone)
    }

    /// As [`Self::sweep_older_with`], a piece: goes on at `place`, 0 at first, looking at no more than `budget` places, which
    /// it counts down. While some of it is left over, all have been looked at. No generation may begin in between.
    pub fn sweep_older_from(
        &mut self,
        now_ms: u64,
        place: &mut u32,
        budget: &mut usize,
        mut gone: impl FnMut(EntryRef<'_>),
    ) -> usize {
        let now_ms = self.tick(now_ms);
        let mut count = 0;
        while *budget > 0 && *place < self.records.end() {
            let at = *place;
            (*place, *budget) = (at + 1, *budget - 1);
            if record::generation(self.records.get(at)) == self.generation {
                continue;
            }
            let Some(entry) = self.entry(at, now_ms) else { continue };
            gone(entry);
            count += 1;
            self.remove_at(at);
        }
        self.counters.swept += count as u64;
        count
    }

    /// Removes the entry with a canonical key; returns whether there was one.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let found = self.find(texts::hash(&self.hasher, key), key);
        found.inspect(|at| self.remove_at(*at)).is_some()
    }

    fn tick(&mut self, now_ms: u64) -> u64 {
        self.now_ms = self.now_ms.max(now_ms & STAMP);
        self.now_ms
    }

    fn find(&self, hash: u32, key: &[u8]) -> Option<u32> {
        self.find_or_gap(hash, key).ok()
    }

    fn find_or_gap(&self, hash: u32, key: &[u8]) -> Result<u32, Gap> {
        self.index.find_or_gap(hash, |at| self.keys.is(self.records.get(at), key))
    }

    /// Whether the piece with that number is the entry with that key.
    fn is(&self, at: u32, key: &[u8]) -> bool {
        let record = self.records.get(at);
        record::is_occupied(record) && self.keys.is(record, key)
    }

    fn entry(&self, at: u32, now_ms: u64) -> Option<EntryRef<'_>> {
        let record = self.records.get(at);
        let is_alive = record::is_occupied(record) && !self.has_expired(Header::read(record), now_ms);
        is_alive.then(|| EntryRef::new(Reading::new(self, record, now_ms)))
    }

    const fn expires(&self) -> bool {
        self.definition.expire_ms > 0
    }

    fn has_expired(&self, header: Header, now_ms: u64) -> bool {
        self.expires() && header.deadline_ms() <= now_ms
    }

    fn remove_at(&mut self, at: u32) {
        self.order.unlink(&mut self.records, at);
        let record = self.records.get(at);
        let hash = texts::hash(&self.hasher, self.keys.get(record));
        self.index.remove(hash, at);
        if let Some(place) = self.plan.text_at() {
            self.texts.release(record::u32_at(record, place));
        }
        self.keys.free(record);
        record::vacate(self.records.get_mut(at));
        self.records.give_back(at);
    }
}
