//! Looking into records.

use crate::stick::{Field, FreqCtr};

use super::Store;
use super::record::{self, Header, RESYNC};
use crate::table::entry::EntryRef;

/// A record of a store at one moment.
#[derive(Clone, Copy, Debug)]
pub(in crate::table) struct Reading<'a> {
    store: &'a Store,
    record: &'a [u8],
    now_ms: u64,
}

impl<'a> Reading<'a> {
    pub(super) const fn new(store: &'a Store, record: &'a [u8], now_ms: u64) -> Self {
        Self { store, record, now_ms }
    }

    pub(in crate::table) fn key(&self) -> &'a [u8] {
        self.store.keys.get(self.record)
    }

    pub(in crate::table) fn slot(&self, slot: usize) -> u64 {
        self.store.plan.value(self.record, slot)
    }

    pub(in crate::table) fn counter(&self, field: &Field, n: usize) -> FreqCtr {
        self.store.plan.counter(self.record, field, n)
    }

    pub(in crate::table) fn values(&self, out: &mut Vec<u64>) {
        self.store.plan.read(self.record, out);
    }

    pub(in crate::table) fn server_key(&self) -> Option<&'a [u8]> {
        self.store.texts.get(record::u32_at(self.record, self.store.plan.text_at()?))
    }

    pub(in crate::table) fn rest_ms(&self) -> Option<u32> {
        let rest = self.header().deadline_ms().saturating_sub(self.now_ms);
        self.store.expires().then(|| u32::try_from(rest).unwrap_or(u32::MAX))
    }

    pub(in crate::table) const fn expire_ms(&self) -> u32 {
        self.store.definition.expire_ms
    }

    pub(in crate::table) fn age_ms(&self) -> u64 {
        self.now_ms.saturating_sub(self.header().updated_ms)
    }

    pub(in crate::table) fn update_id(&self) -> u32 {
        self.header().update_id
    }

    pub(in crate::table) fn resync(&self) -> bool {
        self.header().flags & RESYNC != 0
    }

    pub(in crate::table) fn mark(&self) -> u8 {
        self.header().generation
    }

    fn header(&self) -> Header {
        Header::read(self.record)
    }
}

/// The living entries of a store.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    store: &'a Store,
    next: u32,
    now_ms: u64,
}

impl<'a> Iter<'a> {
    pub(super) const fn new(store: &'a Store, now_ms: u64) -> Self {
        Self::at(store, now_ms, 0)
    }

    pub(super) const fn at(store: &'a Store, now_ms: u64, next: u32) -> Self {
        Self { store, next, now_ms }
    }

    /// Where it goes on; see [`Store::iter_from`].
    #[must_use]
    pub const fn place(&self) -> u32 {
        self.next
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = EntryRef<'a>;

    fn next(&mut self) -> Option<EntryRef<'a>> {
        while self.next < self.store.records.end() {
            self.next += 1;
            if let Some(entry) = self.store.entry(self.next - 1, self.now_ms) {
                return Some(entry);
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.store.len()))
    }
}
