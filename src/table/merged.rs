//! One table as several sources have it: the newest state of each key, or all of them added up.

use std::collections::HashSet;

use super::column::{Column, Contents, Rank, Sort};
use super::entry::EntryRef;
use super::store::Store;

/// How the states of one key become one row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Merge {
    /// The newest one counts: the one that has most of its life left.
    Newest,
    /// Counters, gauges and rates are added up; of tags and names the newest one counts.
    Sum,
}

/// A key and what the sources say of it, the newest state first.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    merge: Merge,
    newest: EntryRef<'a>,
    /// The number of the newest one's source.
    source: usize,
    /// Of other sources.
    others: Vec<(usize, EntryRef<'a>)>,
}

impl<'a> Row<'a> {
    /// What several sources say of a key; `None` if none knows it.
    #[must_use]
    pub fn of(stores: &[&'a Store], key: &[u8], now_ms: u64, merge: Merge) -> Option<Self> {
        let mut parts: Vec<(usize, EntryRef<'a>)> =
            stores.iter().enumerate().filter_map(|(source, store)| Some((source, store.get(key, now_ms)?))).collect();
        let newest = (0..parts.len()).max_by_key(|at| parts.get(*at).map(|(source, entry)| newness(*source, entry)))?;
        let (source, newest) = parts.swap_remove(newest);
        parts.sort_unstable_by_key(|(source, _)| *source);
        Some(Self { merge, newest, source, others: parts })
    }

    /// The key's canonical bytes.
    #[must_use]
    pub fn key(&self) -> &'a [u8] {
        self.newest.key()
    }

    /// The number in a column; `None` for a column of texts.
    #[must_use]
    pub fn number(&self, column: &Column) -> Option<i128> {
        let newest = column.number(&self.newest)?;
        if self.merge == Merge::Newest || !is_added(column) {
            return Some(newest);
        }
        Some(self.others.iter().filter_map(|(_, entry)| column.number(entry)).fold(newest, i128::saturating_add))
    }

    /// The text in a column; `None` for a column of numbers.
    #[must_use]
    pub fn text(&self, column: &Column) -> Option<&'a [u8]> {
        column.text(&self.newest)
    }

    /// Milliseconds until the last of them expires; `None` = never.
    #[must_use]
    pub fn rest_ms(&self) -> Option<u32> {
        self.newest.rest_ms()
    }

    /// The sources that count in, by their numbers.
    #[must_use]
    pub fn sources(&self) -> Vec<usize> {
        let mut sources = vec![self.source];
        if self.merge == Merge::Sum {
            sources.extend(self.others.iter().map(|(source, _)| *source));
            sources.sort_unstable();
        }
        sources
    }

    /// The newest state.
    #[must_use]
    pub const fn newest(&self) -> &EntryRef<'a> {
        &self.newest
    }

    fn rank(&self, column: &Column) -> Rank<'a> {
        self.number(column).map_or_else(|| Rank::Text(self.text(column).unwrap_or_default()), Rank::Number)
    }
}

impl Contents for Row<'_> {
    fn key(&self) -> &[u8] {
        self.key()
    }

    fn number(&self, column: &Column) -> Option<i128> {
        self.number(column)
    }

    fn text(&self, column: &Column) -> Option<&[u8]> {
        self.text(column)
    }
}

/// Rows of the same table of several sources, sorted: the first `limit` ones that `keep` wants. All stores must have the layout
/// of the first one. What is held at a time are references, for some times `limit` of them, unless `keep` wants few of many sums.
#[must_use]
pub fn merged<'a>(
    stores: &[&'a Store],
    now_ms: u64,
    merge: Merge,
    sort: &Sort,
    limit: usize,
    keep: impl Fn(&Row<'_>) -> bool,
) -> Vec<Row<'a>> {
    let single = |entry: &EntryRef<'_>| {
        // What a state alone says decides only where the newest state counts, or where there is no other one.
        let alone = merge == Merge::Newest || stores.len() == 1;
        !alone || keep(&Row { merge, newest: *entry, source: 0, others: Vec::new() })
    };
    let mut candidates = limit.max(32);
    loop {
        let lists: Vec<Vec<EntryRef<'a>>> =
            stores.iter().map(|store| store.sorted(now_ms, sort, Some(candidates), single)).collect();
        let mut seen = HashSet::new();
        let mut rows: Vec<(Rank<'a>, Row<'a>)> = Vec::new();
        for entry in lists.iter().flatten().filter(|entry| seen.insert(entry.key())) {
            if let Some(row) = Row::of(stores, entry.key(), now_ms, merge).filter(&keep) {
                rows.push((row.rank(&sort.column), row));
            }
        }
        rows.sort_unstable_by(|(a, one), (b, other)| sort.order(*a, *b).then_with(|| one.key().cmp(other.key())));
        let ends: Vec<Place<'a>> = lists
            .iter()
            .filter(|list| list.len() >= candidates)
            .filter_map(|list| list.last().map(|entry| (sort.column.rank(entry), entry.key())))
            .collect();
        let last = limit.checked_sub(1).and_then(|last| rows.get(last)).map(|(rank, row)| (*rank, row.key()));
        if ends.is_empty() || limit == 0 || last.is_some_and(|last| is_certain(last, &ends, merge, sort)) {
            return rows.into_iter().take(limit).map(|(_, row)| row).collect();
        }
        candidates = candidates.saturating_mul(8);
    }
}

/// Where a row stands: rows of the same rank stand by their keys.
type Place<'a> = (Rank<'a>, &'a [u8]);

/// Whether no key that is in none of the lists can come before the row at `last`. `ends` are the last places of the lists that
/// are not exhausted: a key that isn't listed stands behind the end of each list whose source has it.
fn is_certain(last: Place<'_>, ends: &[Place<'_>], merge: Merge, sort: &Sort) -> bool {
    if merge == Merge::Sum && sort.descending && is_added(&sort.column) {
        // At best it is the next one in all of them.
        let most = ends.iter().fold(0_i128, |sum, (end, _)| match end {
            Rank::Number(number) => sum.saturating_add(*number),
            Rank::Text(_) => sum,
        });
        let order = sort.order(last.0, Rank::Number(most));
        return order.is_lt() || order.is_eq() && ends.iter().all(|(_, key)| last.1 <= *key);
    }
    // What others add makes it larger, and so later where small ones come first.
    ends.iter().all(|(end, key)| sort.order(last.0, *end).then_with(|| last.1.cmp(key)).is_le())
}

/// Whether a column's numbers of several sources make sense as a sum.
#[must_use]
pub fn is_added(column: &Column) -> bool {
    matches!(column, Column::Value { field, .. } if !field.is_tag())
}

/// Entries live anew with each change, so the one with most of its life left was changed last. What its source learned itself
/// (update ids from 2^31 on) is a copy.
fn newness(source: usize, entry: &EntryRef<'_>) -> (u32, bool, std::cmp::Reverse<(u64, usize)>) {
    let is_own = entry.update_id() < 1 << 31;
    (entry.rest_ms().unwrap_or(0), is_own, std::cmp::Reverse((entry.age_ms(), source)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::{DataType, KeyType};
    use crate::stick::{Definition, Layout};
    use crate::table::{Limits, ServerKey, Update};

    fn definition() -> Definition {
        let rate = DataType::by_name(b"http_req_rate").expect("a data type");
        Definition {
            name: (*b"t").into(),
            key_type: KeyType::INTEGER,
            key_len: 4,
            expire_ms: 60_000,
            layout: Layout::new([
                (DataType::GPT0, None, None),
                (DataType::GPC0, None, None),
                (rate, None, Some(10_000)),
            ]),
        }
    }

    fn store() -> Store {
        Store::new(definition(), Limits::default()).expect("a small table")
    }

    /// Gives the key a tag, a count, and a rate that is the count.
    fn put(store: &mut Store, now_ms: u64, key: u32, tag: u64, count: u64) {
        let (key, values) = (key.to_be_bytes(), [tag, count, 0, count, 0]);
        let update = Update {
            key: &key,
            values: &values,
            server_key: ServerKey::Unchanged,
            update_id: 1,
            life_ms: None,
            resync: false,
        };
        store.apply(now_ms, &update);
    }

    fn column(name: &str) -> Column {
        Column::parse(name, &definition()).expect("a column")
    }

    fn shown(rows: &[Row<'_>], names: &[&str]) -> Vec<Vec<i128>> {
        let number = |row: &Row<'_>, name: &str| match column(name) {
            Column::Key => i128::from(u32::from_be_bytes(row.key().try_into().expect("4 bytes"))),
            column => row.number(&column).expect("a number"),
        };
        rows.iter().map(|row| names.iter().map(|name| number(row, name)).collect()).collect()
    }

    #[test]
    fn sums_are_exact_also_above_32_bits() {
        let (mut one, mut two, mut three) = (store(), store(), store());
        put(&mut one, 0, 7, 1, u64::from(u32::MAX));
        put(&mut two, 10, 7, 2, u64::from(u32::MAX));
        put(&mut three, 5, 7, 3, 1);
        put(&mut three, 5, 8, 9, 4);
        let sort = Sort::parse("gpc0", &definition()).expect("a column");
        let rows = merged(&[&one, &two, &three], 20, Merge::Sum, &sort, 10, |_| true);
        let both = 2 * i128::from(u32::MAX) + 1;
        assert_eq!(shown(&rows, &["key", "gpc0", "http_req_rate", "gpt0"]), [[7, both, both, 2], [8, 4, 4, 9]]);
        assert_eq!(rows[0].sources(), [0, 1, 2]);
        assert_eq!(rows[1].sources(), [2]);
    }

    #[test]
    fn the_newest_state_counts() {
        let (mut one, mut two) = (store(), store());
        put(&mut one, 0, 7, 1, 900);
        put(&mut two, 10, 7, 2, 5);
        put(&mut one, 20, 8, 1, 6);
        let sort = Sort::parse("gpc0", &definition()).expect("a column");
        let rows = merged(&[&one, &two], 30, Merge::Newest, &sort, 10, |_| true);
        assert_eq!(shown(&rows, &["key", "gpc0"]), [[8, 6], [7, 5]]);
        assert_eq!((rows[0].sources(), rows[1].sources()), (vec![0], vec![1]));
        let few = merged(&[&one, &two], 30, Merge::Newest, &sort, 10, |row| row.number(&column("gpc0")) > Some(800));
        assert!(few.is_empty(), "what an old state says is no reason to show the new one");
    }

    /// Small random numbers that make many ties and many keys that all sources have.
    fn random(state: &mut u64, below: u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % below
    }

    #[test]
    fn the_first_rows_are_those_of_everything_sorted() {
        let mut seed = 7;
        for round in 0..40 {
            let mut stores = [store(), store(), store()];
            for at in 0..600 {
                let source = usize::try_from(random(&mut seed, 3)).expect("small");
                let key = u32::try_from(random(&mut seed, 300)).expect("small");
                let count = if round % 2 == 0 { random(&mut seed, 20) } else { random(&mut seed, 1 << 20) };
                put(&mut stores[source], at, key, at, count);
            }
            let stores: Vec<&Store> = stores.iter().collect();
            let pass =
                |row: &Row<'_>| round % 3 != 0 || row.number(&column("gpc0")).is_some_and(|count| count % 7 == 0);
            for merge in [Merge::Newest, Merge::Sum] {
                for text in ["gpc0", "gpc0:asc", "http_req_rate", "gpt0", "key", "key:asc"] {
                    let sort = Sort::parse(text, &definition()).expect("a column");
                    let all = merged(&stores, 700, merge, &sort, 10_000, pass);
                    let mut ranks: Vec<_> = all.iter().map(|row| row.rank(&sort.column)).collect();
                    assert!(ranks.is_sorted_by(|a, b| sort.order(*a, *b).is_le()), "{text}");
                    ranks.truncate(5);
                    let few = merged(&stores, 700, merge, &sort, 5, pass);
                    let keys = |rows: &[Row<'_>]| rows.iter().map(|row| row.key().to_vec()).collect::<Vec<_>>();
                    assert_eq!(few.iter().map(|row| row.rank(&sort.column)).collect::<Vec<_>>(), ranks);
                    assert_eq!(keys(&few), keys(&all[..5.min(all.len())]), "{merge:?} {text} {round}");
                }
            }
        }
    }
}
