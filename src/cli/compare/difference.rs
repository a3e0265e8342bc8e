//! Finds the entries in which peers differ.

use std::cmp::Reverse;

use crate::cli::collect::Collector;
use crate::cli::failure::Failure;
use crate::grammar::DataType;
use crate::output::compare::{Compared, Difference};
use crate::output::entries;
use crate::stick::ValueKind;
use crate::table::{Column, ColumnError, EntryRef, Store};

/// What is compared, and how.
pub(super) struct Comparison<'a> {
    pub(super) collector: &'a Collector,
    /// The places of the peers in the collector; two at least.
    pub(super) peers: &'a [usize],
    /// The moment at which rates are compared.
    pub(super) now_ms: u64,
    /// How far counts and rates may be apart, as a part of the larger one.
    pub(super) tolerance: f64,
    /// By what the differing entries are sorted; `None` = by key.
    pub(super) sort: Option<&'a str>,
    /// The most of each table that are kept.
    pub(super) limit: Option<usize>,
    /// Whether entries that only one peer has are kept, too; they are always counted.
    pub(super) with_only: bool,
}

/// A key that isn't the same everywhere, and how far its values are apart in what is sorted by.
struct Found<'a> {
    key: &'a [u8],
    apart: u128,
}

impl<'a> Comparison<'a> {
    /// The tables of these names, compared.
    pub(super) fn tables(&self, names: &[&'a [u8]]) -> Result<Vec<Compared<'a>>, Failure> {
        let mut missing: Option<ColumnError> = None;
        let mut sorted = false;
        let mut tables = Vec::new();
        for name in names {
            let stores: Vec<Option<&Store>> =
                self.peers.iter().map(|peer| self.collector.stores(*peer)?.get(*name)).collect();
            let Some(first) = stores.iter().flatten().next() else { continue };
            let sort = match self.sort.map(|text| Sort::parse(text, first)) {
                None => None,
                Some(Ok(sort)) => {
                    sorted = true;
                    Some(sort)
                }
                Some(Err(error)) => {
                    missing.get_or_insert(error);
                    None
                }
            };
            tables.push(self.table(name, &stores, sort));
        }
        match missing {
            Some(error) if !sorted => Err(Failure::misuse(format!("--sort: {error}"), "")),
            _ => Ok(tables),
        }
    }

    fn table(&self, name: &'a [u8], stores: &[Option<&'a Store>], sort: Option<Sort>) -> Compared<'a> {
        let columns = Columns::new(stores, self.tolerance);
        let mut only = vec![0; stores.len()];
        let mut found: Vec<Found<'a>> = Vec::new();
        let mut total = 0;
        for (at, store) in stores.iter().enumerate() {
            for entry in store.iter().flat_map(|store| store.iter(self.now_ms)) {
                let key = entry.key();
                let get = |store: &Option<&'a Store>| store.and_then(|store| store.get(key, self.now_ms));
                if stores.iter().take(at).any(|store| get(store).is_some()) {
                    continue;
                }
                let entries: Vec<Option<EntryRef<'a>>> = stores.iter().map(get).collect();
                let held = entries.iter().flatten().count();
                if held == 1 {
                    if let Some(only) = only.get_mut(at) {
                        *only += 1;
                    }
                } else if held == stores.len() && columns.alike(&entries) {
                    continue;
                }
                total += 1;
                if held == 1 && !self.with_only {
                    continue;
                }
                let apart = sort.as_ref().map_or(0, |sort| sort.apart(&entries));
                found.push(Found { key, apart });
                self.cut(&mut found, sort.as_ref(), false);
            }
        }
        self.cut(&mut found, sort.as_ref(), true);
        let entries = |key: &[u8]| stores.iter().map(|store| (*store)?.get(key, self.now_ms)).collect();
        let differences = found.iter().map(|found| Difference { key: found.key, entries: entries(found.key) });
        Compared {
            name,
            definitions: stores.iter().map(|store| store.map(Store::definition)).collect(),
            entries: stores.iter().map(|store| store.map_or(0, |store| store.iter(self.now_ms).count())).collect(),
            only,
            total,
            differences: differences.collect(),
            columns: columns.columns,
            tolerance: self.tolerance,
        }
    }

    /// Keeps those that come first; now and then, so that it costs little, or `finally`.
    fn cut(&self, found: &mut Vec<Found<'_>>, sort: Option<&Sort>, finally: bool) {
        let limit = self.limit.unwrap_or(usize::MAX);
        if !finally && found.len() < limit.saturating_mul(2).max(1024) {
            return;
        }
        match sort {
            Some(sort) if sort.ascending => found.sort_unstable_by_key(|found| (found.apart, found.key)),
            Some(_) => found.sort_unstable_by_key(|found| (Reverse(found.apart), found.key)),
            None => found.sort_unstable_by_key(|found| found.key),
        }
        found.truncate(limit);
    }
}

/// By what differing entries are sorted: by how far apart their values are.
struct Sort {
    column: Column,
    ascending: bool,
}

impl Sort {
    fn parse(text: &str, store: &Store) -> Result<Self, ColumnError> {
        let (name, ascending) = match text.strip_suffix(":asc") {
            Some(name) => (name, true),
            None => (text.strip_suffix(":desc").unwrap_or(text), false),
        };
        Ok(Self { column: Column::parse(name, store.definition())?, ascending })
    }

    fn apart(&self, entries: &[Option<EntryRef<'_>>]) -> u128 {
        let number =
            |entry: &Option<EntryRef<'_>>| entry.as_ref().and_then(|entry| self.column.number(entry)).unwrap_or(0);
        let numbers = || entries.iter().map(number);
        let (least, most) = (numbers().min().unwrap_or(0), numbers().max().unwrap_or(0));
        most.abs_diff(least)
    }
}

/// What is compared of each entry: the columns that all of the peers have, each as its peer has it.
struct Columns {
    /// For each of them a column for each peer.
    columns: Vec<Vec<Option<Column>>>,
    tolerance: f64,
}

impl Columns {
    fn new(stores: &[Option<&Store>], tolerance: f64) -> Self {
        let of = |store: &Option<&Store>| store.map(|store| entries::columns(store.definition())).unwrap_or_default();
        let all: Vec<Vec<Column>> = stores.iter().map(of).collect();
        let first = all.iter().find(|columns| !columns.is_empty()).cloned().unwrap_or_default();
        let everywhere = |column: Column| -> Option<Vec<Option<Column>>> {
            let name = entries::name(&column);
            let same = |columns: &Vec<Column>| columns.iter().find(|other| entries::name(other) == name).copied();
            let columns: Vec<Option<Column>> = all.iter().map(same).collect();
            let missing = columns.iter().zip(stores).any(|(column, store)| column.is_none() && store.is_some());
            (!missing && is_replicated(&column)).then_some(columns)
        };
        Self { columns: first.into_iter().filter_map(everywhere).collect(), tolerance }
    }

    /// Whether all entries have the same values, nearly.
    fn alike(&self, entries: &[Option<EntryRef<'_>>]) -> bool {
        self.columns.iter().all(|columns| {
            let mut held =
                columns.iter().zip(entries).filter_map(|(column, entry)| Some((column.as_ref()?, entry.as_ref()?)));
            let Some(first) = held.next() else { return true };
            held.all(|other| crate::output::compare::alike(first, other, self.tolerance))
        })
    }
}

/// Whether peers tell each other: the number of connections at the moment is everybody's own.
fn is_replicated(column: &Column) -> bool {
    !matches!(column, Column::Value { field, .. } if field.data_type == DataType::CONN_CUR && field.kind == ValueKind::Unsigned32)
}
