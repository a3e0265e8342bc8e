//! Random sequences, beside a model that does everything in the simplest way.

use std::collections::BTreeMap;

use peerctl::table::{Applied, Entry, EntryRef, Full, Limits, ServerKey, Store, Update};
use proptest::prelude::*;

use crate::rules::definition;

/// One step of a sequence.
#[derive(Clone, Debug)]
enum Step {
    Update { key: u8, value: u64, server: u8, update_id: u32, life_ms: Option<u32>, resync: bool },
    Repeat { key: u8 },
    Wait(u64),
    Expire(usize),
    Begin,
    Sweep,
    Remove(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let ids = prop_oneof![0..4_u32, u32::MAX - 2..=u32::MAX, Just(0x8000_0001)];
    let lives = prop_oneof![4 => Just(None), 1 => (0..12_000_u32).prop_map(Some), 1 => Just(Some(u32::MAX))];
    let update = (0..40_u8, 0..3_u64, 0..4_u8, ids, lives, any::<bool>()).prop_map(
        |(key, value, server, update_id, life_ms, resync)| Step::Update {
            key,
            value,
            server,
            update_id,
            life_ms,
            resync,
        },
    );
    prop_oneof![
        20 => update,
        4 => (0..40_u8).prop_map(|key| Step::Repeat { key }),
        4 => prop_oneof![0..5_u64, 0..3_000_u64, 9_000..30_000_u64].prop_map(Step::Wait),
        3 => (0..20_usize).prop_map(Step::Expire),
        1 => Just(Step::Begin),
        1 => Just(Step::Sweep),
        1 => (0..40_u8).prop_map(Step::Remove),
    ]
}

/// An entry of the model; the times are the store's.
#[derive(Clone, Debug)]
struct Known {
    value: u64,
    server_key: Option<String>,
    update_id: u32,
    resync: bool,
    updated: u64,
    deadline: Option<u64>,
    seen: bool,
}

struct Model {
    expire: Option<u64>,
    now: u64,
    entries: BTreeMap<Vec<u8>, Known>,
}

impl Model {
    fn living(&self) -> BTreeMap<&Vec<u8>, &Known> {
        self.entries.iter().filter(|(_, known)| known.deadline.is_none_or(|deadline| deadline > self.now)).collect()
    }

    fn apply(&mut self, update: &Update<'_>) -> Applied {
        let now = self.now;
        let old = self.living().get(&update.key.to_vec()).map(|known| (*known).clone());
        let server_key = match update.server_key {
            ServerKey::Known(text) => Some(String::from_utf8(text.to_vec()).expect("ASCII")),
            ServerKey::Unchanged => old.as_ref().and_then(|old| old.server_key.clone()),
        };
        let new = Known {
            value: update.values[0],
            server_key,
            update_id: update.update_id,
            resync: update.resync,
            updated: now,
            deadline: self.expire.map(|expire| now + update.life_ms.map_or(expire, |life| expire.min(life.into()))),
            seen: true,
        };
        let same = old.as_ref().is_some_and(|old| {
            (old.value, &old.server_key, old.update_id) == (new.value, &new.server_key, new.update_id)
        });
        let is_new = old.is_none();
        let repeated = old.filter(|_| same && update.life_ms.is_none()).map(|old| Known { seen: true, ..old });
        self.entries.insert(update.key.to_vec(), repeated.unwrap_or(new));
        if is_new {
            Applied::New
        } else if same {
            Applied::Same
        } else {
            Applied::Changed
        }
    }

    fn shown(&self) -> Vec<Entry> {
        let entry = |(key, known): (&Vec<u8>, &Known)| Entry {
            key: key.as_slice().into(),
            values: [known.value, 0].into(),
            server_key: known.server_key.as_ref().map(|text| text.as_bytes().into()),
            rest_ms: known.deadline.map(|deadline| u32::try_from(deadline - self.now).expect("short")),
            age_ms: self.now - known.updated,
            update_id: known.update_id,
            resync: known.resync,
        };
        self.living().into_iter().map(entry).collect()
    }
}

/// Keys of all lengths that the type has.
fn key(line: &str, n: u8) -> Vec<u8> {
    match line {
        line if line.contains("type ip") => vec![10, 0, 0, n],
        line if line.contains("len 8") => format!("k{n}").into_bytes(),
        _ => [b"a long key ", "x".repeat(usize::from(n)).as_bytes(), &[n]].concat(),
    }
}

const TABLES: [&str; 5] = [
    "type ip expire 10s store server_key,gpc0",
    "type ip store server_key,gpc0",
    "type ip expire 7 store server_key,gpc0",
    "type string len 8 expire 1h store server_key,gpc0",
    "type string len 70 expire 10s store server_key,gpc0",
];

/// Runs the steps on a store that is never full, and compares it with the model after each.
fn compare(line: &str, start: u64, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut store = Store::new(definition(line), Limits::default()).expect("narrow");
    let expire = u64::from(store.definition().expire_ms);
    let mut model = Model { expire: (expire > 0).then_some(expire), now: start, entries: BTreeMap::new() };
    // The 2045th part of a table's `expire`, for which what has expired may still be held.
    let late = expire / 2045 + 1;
    for step in steps {
        match step {
            Step::Update { key: n, value, server, update_id, life_ms, resync } => {
                let (key, text) = (key(line, *n), format!("srv{server}"));
                let server_key = if *server == 0 { ServerKey::Unchanged } else { ServerKey::Known(text.as_bytes()) };
                let values = [*value, 99];
                let update = Update {
                    key: &key,
                    values: &values,
                    server_key,
                    update_id: *update_id,
                    life_ms: *life_ms,
                    resync: *resync,
                };
                prop_assert_eq!(store.apply(model.now, &update), model.apply(&update));
            }
            Step::Repeat { key: n } => {
                let key = key(line, *n);
                let Some(known) = model.living().get(&key).map(|known| (*known).clone()) else { continue };
                let (server_key, values) = (ServerKey::Unchanged, [known.value, 99]);
                let update = Update {
                    key: &key,
                    values: &values,
                    server_key,
                    update_id: known.update_id,
                    life_ms: None,
                    resync: true,
                };
                prop_assert_eq!(store.apply(model.now, &update), Applied::Same);
                model.apply(&update);
            }
            Step::Wait(ms) => model.now += ms,
            Step::Expire(budget) => {
                let held = store.len();
                let mut gone = Vec::new();
                let count =
                    store.expire_with(model.now, *budget, |entry| gone.push((entry.key().to_vec(), entry.rest_ms())));
                prop_assert!(count <= *budget && count == gone.len() && store.len() == held - count);
                for (key, rest) in gone {
                    prop_assert_eq!(rest, Some(0));
                    let known = model.entries.remove(&key).expect("the model knows it");
                    prop_assert!(known.deadline.is_some_and(|deadline| deadline <= model.now));
                }
            }
            Step::Begin => {
                store.begin_generation();
                model.entries.values_mut().for_each(|known| known.seen = false);
            }
            Step::Sweep => {
                let old: Vec<Vec<u8>> =
                    model.living().into_iter().filter(|(_, known)| !known.seen).map(|(key, _)| key.clone()).collect();
                let mut gone = Vec::new();
                prop_assert_eq!(store.sweep_older_with(model.now, |entry| gone.push(entry.key().to_vec())), old.len());
                gone.sort();
                // Those whose life has ended are told of when they are looked for.
                model.entries.retain(|key, _| !old.contains(key));
                prop_assert_eq!(gone, old);
            }
            Step::Remove(n) => {
                let key = key(line, *n);
                let alive = model.living().contains_key(&key);
                let removed = store.remove(&key);
                prop_assert!(removed || !alive);
                model.entries.remove(&key);
            }
        }
        let shown = model.shown();
        let found: Vec<Entry> = store.sorted_by_key(model.now).iter().map(EntryRef::to_entry).collect();
        prop_assert_eq!(&found, &shown);
        for n in 0..40 {
            let key = key(line, n);
            let expected = shown.iter().find(|entry| *entry.key == *key);
            let found = store.get(&key, model.now).map(|entry| entry.to_entry());
            prop_assert_eq!(found.as_ref(), expected);
        }
        prop_assert!(store.len() >= shown.len());
    }
    model.now += late;
    store.expire(model.now, usize::MAX);
    let held = model.entries.values().filter(|known| known.deadline.is_none_or(|deadline| deadline + late > model.now));
    prop_assert!(store.len() <= held.count(), "what has expired doesn't stay");
    Ok(())
}

/// Runs the updates on a store that is often full, and checks what must hold of any store.
fn fill(line: &str, limits: Limits, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut store = Store::new(definition(line), limits).expect("narrow");
    let (mut now, mut inserted, mut dropped) = (0, 0, 0);
    for step in steps {
        match step {
            Step::Update { key: n, value, server, update_id, life_ms, .. } => {
                let (key, text) = (key(line, *n), "s".repeat(100 * usize::from(*server)));
                let deadlines = |store: &Store| -> BTreeMap<Vec<u8>, Option<u32>> {
                    store.iter(now).map(|entry| (entry.key().to_vec(), entry.rest_ms())).collect()
                };
                let before = deadlines(&store);
                let server_key = if *server == 0 { ServerKey::Unchanged } else { ServerKey::Known(text.as_bytes()) };
                let values = [*value, 0];
                let update = Update {
                    key: &key,
                    values: &values,
                    server_key,
                    update_id: *update_id,
                    life_ms: *life_ms,
                    resync: false,
                };
                let applied = store.apply(now, &update);
                inserted += u64::from(applied == Applied::New);
                dropped += u64::from(applied == Applied::Dropped);
                let after = deadlines(&store);
                let rest = |rest: &Option<u32>| rest.unwrap_or(0);
                let gone = before.iter().filter(|(key, _)| !after.contains_key(*key));
                let most = gone.filter(|(gone, _)| **gone != key).map(|(_, known)| rest(known)).max();
                let left = before.iter().filter(|(left, _)| after.contains_key(*left) && **left != key);
                let least = left.map(|(_, known)| rest(known)).min();
                if let (Some(most), Some(least)) = (most, least) {
                    let width = store.definition().expire_ms / 2045 + 1;
                    prop_assert!(most <= least + width, "evicted with {most} ms left, before one with {least}");
                }
            }
            Step::Wait(ms) => now += ms,
            Step::Expire(budget) => drop(store.expire(now, *budget)),
            _ => {}
        }
        prop_assert!(store.len() <= limits.entries);
        let empty = Store::new(definition(line), limits).expect("narrow").memory();
        prop_assert!(store.memory() <= limits.bytes.max(empty), "{} bytes", store.memory());
        let counters = store.counters();
        prop_assert_eq!(counters.dropped, dropped);
        if limits.full == Full::Stop {
            prop_assert_eq!(counters.evicted, 0);
        }
        // An entry that expired and came back counts as expired and as inserted.
        prop_assert_eq!(store.len() as u64, inserted - counters.evicted - counters.expired);
        prop_assert_eq!(store.iter(now).count(), store.sorted_by_key(now).len());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_store_holds_what_the_model_holds(
        table in 0..TABLES.len(),
        start in prop_oneof![Just(0), 0..1_u64 << 40],
        steps in prop::collection::vec(step(), 0..120),
    ) {
        compare(TABLES[table], start, &steps)?;
    }

    #[test]
    fn a_full_store_keeps_its_limits_and_evicts_the_oldest(
        table in 0..TABLES.len(),
        entries in prop_oneof![0..30_usize, Just(usize::MAX)],
        bytes in prop_oneof![Just(usize::MAX), 0..200_000_usize, 60_000..110_000_usize],
        stop in any::<bool>(),
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let full = if stop { Full::Stop } else { Full::EvictOldest };
        fill(TABLES[table], Limits { entries, bytes, full }, &steps)?;
    }
}
