//! A stick table as HAProxy has it: entries, and the order in which they were changed.

use std::collections::BTreeMap;

use crate::history::{Change, History, Values};

/// A table and its entries.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) shape: Shape,
    entries: BTreeMap<u32, Entry>,
    /// The keys by their update ids.
    log: BTreeMap<u32, u32>,
    /// The last number that was given, and the last one of a change of its own.
    counter: u32,
    pub(crate) newest: u32,
    /// Where its process began to count.
    pub(crate) begun: u32,
    /// The last own change that any peer was sent.
    pushed: Option<u32>,
}

/// What a table is like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The data types that it has, as bits.
    pub(crate) types: u64,
    /// In milliseconds; 0 = entries never expire.
    pub(crate) expire: u32,
}

/// Who writes a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// HAProxy itself, and who teaches it what it had.
    Own,
    /// An aggregator writes totals.
    Total,
    /// An aggregator writes whether totals can be trusted. Its keys are strings.
    Lease,
}

/// An entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) values: Values,
    /// `u64::MAX` = never.
    pub(crate) deadline: u64,
    pub(crate) id: u32,
    /// A peer has taught what it is now.
    pub(crate) is_learned: bool,
}

/// The data types that are simulated, and the places of their values.
pub(crate) const TYPES: [u32; 4] = [1, 2, 4, 13];

/// Ids of entries that were learned have this bit set.
const LEARNED: u32 = 1 << 31;

/// Whether an id comes behind another one.
pub(crate) const fn is_behind(id: u32, other: u32) -> bool {
    id.wrapping_sub(other).cast_signed() > 0
}

impl Shape {
    /// Type and length of its keys, as they travel.
    pub(crate) fn key(&self) -> (u64, u64) {
        if self.kind == Kind::Lease { (6, 32) } else { (2, 4) }
    }
}

impl Table {
    /// An empty one; its process has counted to `counter` so far.
    pub(crate) fn new(shape: Shape, counter: u32) -> Self {
        let (entries, log) = (BTreeMap::new(), BTreeMap::new());
        Self { shape, entries, log, counter, newest: counter, begun: counter, pushed: None }
    }

    /// An event is counted.
    pub(crate) fn count(&mut self, haproxy: usize, key: u32, now: u64, history: &mut History) {
        let old = self.get(key, now);
        let count = old.map_or(0, |old| old.values[1]) + 1;
        let number = history.note(Change { haproxy, key, count });
        // One that nobody was sent keeps its number.
        let waits = |old: &Entry| {
            !is_behind(old.id, self.newest) && old.id < LEARNED && self.pushed.is_none_or(|id| is_behind(old.id, id))
        };
        let id = old.filter(waits).map_or_else(
            || {
                self.counter = self.counter.wrapping_add(1);
                self.newest = self.counter;
                self.counter
            },
            |old| old.id,
        );
        let deadline = self.deadline(now, None);
        self.put(key, Entry { values: [History::tag(key), count, count, number], deadline, id, is_learned: false });
    }

    /// An entry is learned; only the data types that its sender has.
    pub(crate) fn learn(&mut self, key: u32, values: [Option<u64>; 4], life: Option<u32>, now: u64) {
        let old = self.get(key, now);
        let before = old.map_or([0; 4], |old| old.values);
        let values = std::array::from_fn(|at| values[at].unwrap_or(before[at]));
        let id = old.map_or_else(
            || {
                self.counter = self.counter.wrapping_add(1);
                self.counter.wrapping_add(LEARNED)
            },
            |old| old.id,
        );
        let deadline = self.deadline(now, life);
        self.put(key, Entry { values, deadline, id, is_learned: true });
    }

    fn deadline(&self, now: u64, life: Option<u32>) -> u64 {
        let expire = self.shape.expire;
        if expire == 0 { u64::MAX } else { now + u64::from(life.unwrap_or(expire).min(expire)) }
    }

    fn put(&mut self, key: u32, entry: Entry) {
        if let Some(old) = self.entries.insert(key, entry) {
            self.log.remove(&old.id);
        }
        self.log.insert(entry.id, key);
    }

    /// The entry of a key, if it lives.
    pub(crate) fn get(&self, key: u32, now: u64) -> Option<Entry> {
        self.entries.get(&key).copied().filter(|entry| entry.deadline > now)
    }

    /// The same, alive or not.
    pub(crate) fn stored(&self, key: u32) -> Option<Entry> {
        self.entries.get(&key).copied()
    }

    /// All that live.
    pub(crate) fn entries(&self, now: u64) -> impl Iterator<Item = (u32, Entry)> {
        self.entries.iter().map(|(key, entry)| (*key, *entry)).filter(move |(_, entry)| entry.deadline > now)
    }

    /// All keys in the order of a resync: what comes behind `pushed` first.
    pub(crate) fn all(&self, pushed: u32) -> Vec<u32> {
        let behind = self.log.range(pushed.wrapping_add(1)..).filter(|_| pushed != u32::MAX);
        behind.chain(self.log.range(..=pushed)).map(|(_, key)| *key).collect()
    }

    /// The next own change behind `pushed` that is to be told, with its key.
    pub(crate) fn next(&self, pushed: u32) -> Option<(u32, u32)> {
        let from = pushed.wrapping_add(1);
        let mut behind = self.log.range(from..).chain(self.log.range(..from));
        let (id, key) = behind.next()?;
        (!is_behind(*id, self.newest) && is_behind(*id, pushed)).then_some((*id, *key))
    }

    /// A peer was sent an own change.
    pub(crate) fn was_pushed(&mut self, id: u32) {
        if self.pushed.is_none_or(|pushed| is_behind(id, pushed)) {
            self.pushed = Some(id);
        }
    }

    /// Where a session begins whose last acknowledgement was that one: all, if it is out of range.
    pub(crate) fn begin(&self, acked: u32) -> u32 {
        if is_behind(acked, self.newest) { self.newest.wrapping_add(LEARNED) } else { acked }
    }
}
