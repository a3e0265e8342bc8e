//! Updates on their way into a store.

use super::store::{GROUP, Store};
use super::update::{Applied, ServerKey, Update};

/// Copies of updates of one table that wait to be applied together: in a table that no cache can hold the memory of many
/// entries is then waited for at the same time. Used again and again it allocates nothing.
#[derive(Debug, Default)]
pub struct Batch {
    items: Vec<Item>,
    /// Keys, each followed by its text.
    bytes: Vec<u8>,
    values: Vec<u64>,
}

/// An update without what it borrows. Lengths are those of its parts of the buffers.
#[derive(Clone, Copy, Debug)]
struct Item {
    key: u32,
    text: Option<u32>,
    slots: u32,
    update_id: u32,
    life_ms: Option<u32>,
    resync: bool,
}

/// Updates in a full batch: enough to wait for memory together, few enough to stay in the fastest cache.
const FULL: usize = 256;

impl Batch {
    /// Adds a copy of an update. Applying comes soon: no number here is looked at before that.
    #[inline]
    pub fn push(&mut self, update: &Update<'_>) {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        match update.key.first_chunk::<4>() {
            // What most tables have, without a call.
            Some(key) if update.key.len() == 4 => self.bytes.extend(*key),
            _ => self.bytes.extend_from_slice(update.key),
        }
        let text = match update.server_key {
            ServerKey::Known(text) => {
                self.bytes.extend_from_slice(text);
                Some(length(text))
            }
            ServerKey::Unchanged => None,
        };
        self.values.extend_from_slice(update.values);
        self.items.push(Item {
            key: length(update.key),
            text,
            slots: u32::try_from(update.values.len()).unwrap_or(u32::MAX),
            update_id: update.update_id,
            life_ms: update.life_ms,
            resync: update.resync,
        });
    }

    /// Whether it is time to apply it.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.items.len() >= FULL
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Puts the updates into `store` in their order, as [`Store::apply`] does it, and says of each what became of it. It is
    /// empty then.
    pub fn apply(&mut self, store: &mut Store, now_ms: u64, mut applied: impl FnMut(&Store, &Update<'_>, Applied)) {
        let (mut bytes, mut values) = (self.bytes.as_slice(), self.values.as_slice());
        let mut group = [Update::NONE; GROUP];
        for items in self.items.chunks(GROUP) {
            for (update, item) in group.iter_mut().zip(items) {
                *update = item.update(&mut bytes, &mut values);
            }
            store.apply_group(now_ms, group.get(..items.len()).unwrap_or_default(), &mut applied);
        }
        self.clear();
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.items.clear();
        self.bytes.clear();
        self.values.clear();
    }
}

impl Item {
    /// The update whose parts stand at the front of the buffers, from which it takes them.
    fn update<'a>(&self, bytes: &mut &'a [u8], values: &mut &'a [u64]) -> Update<'a> {
        let key = front(bytes, self.key);
        let text = self.text.map(|text| front(bytes, text));
        Update {
            key,
            values: front(values, self.slots),
            server_key: text.map_or(ServerKey::Unchanged, ServerKey::Known),
            update_id: self.update_id,
            life_ms: self.life_ms,
            resync: self.resync,
        }
    }
}

/// Takes so many off the front.
fn front<'a, T>(all: &mut &'a [T], count: u32) -> &'a [T] {
    let (front, rest) = all.split_at_checked(count as usize).unwrap_or_default();
    *all = rest;
    front
}
