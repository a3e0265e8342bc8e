//! One key in several stores.

use super::{GROUP, Store, texts};
use crate::table::entry::EntryRef;

impl Store {
    /// Shows the entry with a canonical key of each store that has a living one, in the order of the stores. Much faster than
    /// [`Self::get`] for one after another if no cache can hold them: the memory of all is waited for at the same time.
    pub fn get_from_each<'a, T>(
        stores: impl Iterator<Item = (T, &'a Self)> + Clone,
        key: &[u8],
        now_ms: u64,
        mut found: impl FnMut(T, EntryRef<'a>),
    ) {
        let mut stores = stores;
        while stores.clone().next().is_some() {
            let group = || stores.clone().take(GROUP);
            let mut hashes = [0; GROUP];
            for (hash, (_, store)) in hashes.iter_mut().zip(group()) {
                *hash = texts::hash(&store.hasher, key);
                store.index.touch(std::slice::from_ref(hash));
            }
            let mut likely = [None; GROUP];
            for ((likely, hash), (_, store)) in likely.iter_mut().zip(hashes).zip(group()) {
                *likely = store.index.likely(hash);
            }
            for (likely, (_, store)) in likely.iter().zip(group()) {
                if let Some(at) = likely {
                    store.records.touch(*at);
                }
            }
            for ((likely, hash), (name, store)) in likely.iter().zip(hashes).zip(group()) {
                let likely = likely.filter(|at| store.is(*at, key));
                let entry =
                    likely.or_else(|| store.find(hash, key)).and_then(|at| store.entry(at, store.now_ms.max(now_ms)));
                if let Some(entry) = entry {
                    found(name, entry);
                }
            }
            stores.nth(GROUP - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stick::{Definition, Place, parse};
    use crate::table::{Limits, ServerKey, Update};

    #[test]
    fn each_store_shows_its_own_entry_and_those_that_have_none_show_nothing() {
        let schema = parse(&["type", "ip", "size", "1k", "expire", "10s", "store", "gpc0"], Place::Proxy, None).schema;
        let definition = Definition::of_schema(b"t", &schema).expect("a key type");
        let mut stores: Vec<Store> =
            (0..75).map(|_| Store::new(definition.clone(), Limits::default()).expect("narrow")).collect();
        for (n, store) in (0_u32..).zip(&mut stores).filter(|(n, _)| n % 3 != 1) {
            for key in 0..100_u32 {
                let (key, values) = (key.to_be_bytes(), [u64::from(n * 1000 + key)]);
                // Every fourth ends early.
                let life_ms = (n % 4 == 0).then_some(5);
                let server_key = ServerKey::Unchanged;
                let update = Update { key: &key, values: &values, server_key, update_id: 1, life_ms, resync: false };
                store.apply(0, &update);
            }
        }
        for key in [0, 7, 99, 100_u32] {
            let mut shown = Vec::new();
            let named = (0_u32..).zip(&stores);
            Store::get_from_each(named, &key.to_be_bytes(), 6, |n, entry| {
                shown.push((n, entry.value(&definition.layout.fields()[0], 0)));
            });
            let there = (0..75).filter(|n| n % 3 != 1 && n % 4 != 0 && key < 100);
            assert_eq!(shown, there.map(|n| (n, u64::from(n * 1000 + key))).collect::<Vec<_>>());
        }
    }
}
