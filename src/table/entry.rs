//! One entry as it is read.

use crate::stick::{Field, FreqCtr};

use super::store::Reading;

/// An entry of a store at one moment. Reading it allocates nothing.
#[derive(Clone, Copy, Debug)]
pub struct EntryRef<'a>(Reading<'a>);

impl<'a> EntryRef<'a> {
    pub(super) const fn new(reading: Reading<'a>) -> Self {
        Self(reading)
    }

    /// The key's canonical bytes.
    #[must_use]
    pub fn key(&self) -> &'a [u8] {
        self.0.key()
    }

    /// The value of element `n` (0 where there is only one) of a field of the table's layout, which is no rate and no text;
    /// of a rate, the time of its counter. 0 for elements that aren't there.
    #[must_use]
    pub fn value(&self, field: &Field, n: usize) -> u64 {
        if n < field.values() { self.0.slot(field.slot + n * field.kind.slots()) } else { 0 }
    }

    /// The counter of element `n` of a rate as it arrived, [`Self::age_ms`] ago.
    #[must_use]
    pub fn counter(&self, field: &Field, n: usize) -> FreqCtr {
        if n < field.values() { self.0.counter(field, n) } else { FreqCtr::default() }
    }

    /// The events of element `n` of a rate in the period that ends now.
    #[must_use]
    pub fn rate(&self, field: &Field, n: usize) -> u64 {
        let counter = self.counter(field, n);
        let period_ms = field.period_ms.unwrap_or_default();
        // What ended two periods ago is over, also after the weeks in which 32 bits of milliseconds wrap.
        let elapsed = i64::from(counter.elapsed_ms.cast_signed());
        let age = i64::try_from(self.age_ms()).unwrap_or(i64::MAX);
        if elapsed.saturating_add(age) > 2 * i64::from(period_ms) {
            return 0;
        }
        u32::try_from(age).map_or(0, |age| counter.rate(period_ms, age))
    }

    /// Replaces the content of `out` by the values, one per slot of the layout, as they arrived: frequency counters are
    /// [`Self::age_ms`] old. Slots of texts are 0.
    pub fn values(&self, out: &mut Vec<u64>) {
        out.clear();
        self.0.values(out);
    }

    /// The text of `server_key`; `None` if the table has none or the entry was never taught one.
    #[must_use]
    pub fn server_key(&self) -> Option<&'a [u8]> {
        self.0.server_key()
    }

    /// Milliseconds until the entry expires; `None` = never.
    #[must_use]
    pub fn rest_ms(&self) -> Option<u32> {
        self.0.rest_ms()
    }

    /// Milliseconds since the last update.
    #[must_use]
    pub fn age_ms(&self) -> u64 {
        self.0.age_ms()
    }

    /// Milliseconds since the entry was last used where it lives, as far as its rest of a life tells; else since the last update.
    #[must_use]
    pub fn idle_ms(&self) -> u64 {
        self.rest_ms().map_or_else(|| self.age_ms(), |rest| u64::from(self.0.expire_ms().saturating_sub(rest)))
    }

    /// The sender's number of the last update.
    #[must_use]
    pub fn update_id(&self) -> u32 {
        self.0.update_id()
    }

    /// Whether the last update was part of a resync.
    #[must_use]
    pub fn resync(&self) -> bool {
        self.0.resync()
    }

    /// The mark of the last update; see [`super::Store::mark`].
    #[must_use]
    pub fn mark(&self) -> u8 {
        self.0.mark()
    }

    /// A copy that outlives the store.
    #[must_use]
    pub fn to_entry(&self) -> Entry {
        let mut values = Vec::new();
        self.values(&mut values);
        Entry {
            key: self.key().into(),
            values: values.into(),
            server_key: self.server_key().map(Into::into),
            rest_ms: self.rest_ms(),
            age_ms: self.age_ms(),
            update_id: self.update_id(),
            resync: self.resync(),
        }
    }
}

/// A copy of an entry, as it was at the moment it was read: see [`EntryRef`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The key's canonical bytes.
    pub key: Box<[u8]>,
    /// The values as they arrived, one per slot of the layout.
    pub values: Box<[u64]>,
    /// The text of `server_key`.
    pub server_key: Option<Box<[u8]>>,
    /// Milliseconds until it expires; `None` = never.
    pub rest_ms: Option<u32>,
    /// Milliseconds since the last update.
    pub age_ms: u64,
    /// The sender's number of the last update.
    pub update_id: u32,
    /// Whether the last update was part of a resync.
    pub resync: bool,
}
