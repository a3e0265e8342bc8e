//! What totals must be, put together from scratch out of plain maps.

use std::collections::{BTreeMap, BTreeSet};

use peerctl::aggregate::{DataPolicy, OnReset, Policy};
use peerctl::grammar::DataType;
use peerctl::stick::{Definition, ValueKind};

/// One source's entry, as it was last taught.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) values: Vec<u64>,
    pub(crate) kept: Vec<u64>,
    pub(crate) at: u64,
    /// `u64::MAX` = never.
    pub(crate) deadline: u64,
    /// The whole life.
    pub(crate) expire: u64,
    pub(crate) id: u32,
    pub(crate) generation: u32,
}

impl Entry {
    /// How long ago it was used at its source.
    fn idle(&self, now: u64) -> u64 {
        if self.deadline == u64::MAX { now - self.at } else { self.expire - (self.deadline - now) }
    }
}

/// One source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    pub(crate) entries: BTreeMap<u32, Entry>,
    pub(crate) generation: u32,
    pub(crate) is_up: bool,
    pub(crate) is_accepted: bool,
    pub(crate) expire: u32,
}

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) sources: Vec<Source>,
    pub(crate) policy: Policy,
    pub(crate) definition: Definition,
}

/// A number that a total must have: exactly, or a rate as a fraction.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Expected {
    Number(u64),
    /// (events times period, period)
    Rate(i128, i128),
}

/// The values of a total by data type and element.
pub(crate) type Values = BTreeMap<(DataType, usize), Expected>;

impl Model {
    pub(crate) fn teach(&mut self, source: usize, key: u32, values: &[u64], id: u32, life: Option<u32>, now: u64) {
        let monotonic: BTreeSet<usize> = self.monotonic().collect();
        let rates: Vec<usize> = self.elapsed_slots().collect();
        let source = &mut self.sources[source];
        let (generation, expire) = (source.generation, source.expire);
        let whole = life.map_or(expire, |life| life.min(expire));
        let deadline = if expire == 0 { u64::MAX } else { now + u64::from(whole) };
        let old = source.entries.get(&key).filter(|old| old.deadline > now).cloned();
        if let Some(old) = &old
            && old.id == id
            && life.is_none()
            && (0..values.len()).all(|slot| rates.contains(&slot) || old.values[slot] == values[slot])
        {
            // Told once more: it lives no longer for it.
            source.entries.get_mut(&key).expect("it is there").generation = generation;
            return;
        }
        let mut kept = old.as_ref().map_or_else(|| vec![0; values.len()], |old| old.kept.clone());
        for slot in monotonic {
            let before = old.as_ref().map_or(0, |old| old.values[slot]);
            if values[slot] < before {
                kept[slot] += before;
            }
        }
        source.entries.insert(
            key,
            Entry { values: values.to_vec(), kept, at: now, deadline, expire: expire.into(), id, generation },
        );
    }

    /// A resync has ended: what was not taught again is lost.
    pub(crate) fn sweep(&mut self, source: usize, now: u64) {
        let monotonic: Vec<usize> = self.monotonic().collect();
        let source = &mut self.sources[source];
        let generation = source.generation;
        source.entries.retain(|_, entry| {
            if entry.generation == generation || entry.deadline <= now {
                return entry.deadline > now;
            }
            for slot in &monotonic {
                entry.kept[*slot] += entry.values[*slot];
            }
            entry.values.fill(0);
            (entry.at, entry.generation) = (now, generation);
            !monotonic.is_empty()
        });
    }

    pub(crate) fn keys(&self, now: u64) -> BTreeSet<u32> {
        let entries = self.sources.iter().flat_map(|source| &source.entries);
        entries.filter(|(_, entry)| entry.deadline > now).map(|(key, _)| *key).collect()
    }

    /// The total, by the slots of the table of totals, rates as one number at their first slot; `None` if nobody has the key.
    pub(crate) fn total(&self, key: u32, now: u64) -> Option<(Values, u64)> {
        let parts: Vec<(bool, &Entry)> = self
            .sources
            .iter()
            .filter_map(|source| Some((source.is_up, source.entries.get(&key).filter(|entry| entry.deadline > now)?)))
            .collect();
        let deadline = parts.iter().map(|(_, entry)| entry.deadline).max()?;
        let mut out = BTreeMap::new();
        for field in self.definition.layout.fields() {
            let (policy, _) = self.policy.get(field.data_type);
            if policy == DataPolicy::None || field.kind == ValueKind::Text {
                continue;
            }
            for n in 0..field.values() {
                let slot = field.slot + n * field.kind.slots();
                let of_gauge = field.data_type == DataType::CONN_CUR;
                let counting = parts.iter().filter(|(is_up, _)| *is_up || !of_gauge).map(|(_, entry)| *entry);
                let youngest = counting.clone().min_by_key(|entry| entry.idle(now));
                let expected = if field.kind == ValueKind::Rate {
                    let period = i128::from(field.period_ms.expect("a rate"));
                    let rates = counting.map(|entry| exact(&entry.values[slot..slot + 3], now - entry.at, period));
                    Expected::Rate(
                        match policy {
                            DataPolicy::Max => rates.max().unwrap_or(0),
                            DataPolicy::Min => rates.min().unwrap_or(0),
                            DataPolicy::Last => {
                                youngest.map_or(0, |entry| exact(&entry.values[slot..slot + 3], now - entry.at, period))
                            }
                            _ => rates.sum(),
                        },
                        period,
                    )
                } else {
                    let most = if field.kind == ValueKind::Unsigned64 { u64::MAX } else { u32::MAX.into() };
                    let own = |entry: &Entry| {
                        (u128::from(entry.values[slot]) + u128::from(entry.kept[slot])).min(most.into())
                    };
                    let numbers = counting.map(own);
                    let number: u128 = match policy {
                        DataPolicy::Max => numbers.max().unwrap_or(0),
                        DataPolicy::Min => numbers.min().unwrap_or(0),
                        DataPolicy::Last => youngest.map_or(0, own),
                        DataPolicy::Or => numbers.fold(0, |all, number| all | number),
                        DataPolicy::And => numbers.reduce(|all, number| all & number).unwrap_or(0),
                        DataPolicy::Sum | DataPolicy::None => numbers.sum::<u128>().min(most.into()),
                    };
                    Expected::Number(u64::try_from(number).expect("it saturates"))
                };
                out.insert((field.data_type, n), expected);
            }
        }
        Some((out, deadline))
    }

    /// What is known of a key, for who has to find out why a total is wrong.
    pub(crate) fn show(&self, key: u32) -> String {
        let entries = self.sources.iter().map(|source| format!("up {}: {:?}", source.is_up, source.entries.get(&key)));
        format!("{:?}\n{}", self.policy, entries.collect::<Vec<_>>().join("\n"))
    }

    fn monotonic(&self) -> impl Iterator<Item = usize> + use<> {
        let kept = |data_type| self.policy.get(data_type) == (DataPolicy::Sum, OnReset::Monotonic);
        let is_counter = |kind, data_type| kind != ValueKind::Rate && data_type != DataType::CONN_CUR;
        let fields = self.definition.layout.fields().iter().filter(|field| is_counter(field.kind, field.data_type));
        let slots: Vec<usize> = fields
            .filter(|field| kept(field.data_type))
            .flat_map(|field| field.slot..field.slot + field.slots())
            .collect();
        slots.into_iter()
    }

    fn elapsed_slots(&self) -> impl Iterator<Item = usize> + use<> {
        let fields = self.definition.layout.fields().iter().filter(|field| field.kind == ValueKind::Rate);
        let slots: Vec<usize> = fields.flat_map(|field| (field.slot..field.slot + field.slots()).step_by(3)).collect();
        slots.into_iter()
    }
}

/// The rate times the period.
fn exact(slots: &[u64], age: u64, period: i128) -> i128 {
    let [elapsed, current, previous] = [0, 1, 2].map(|n| i128::from(slots[n]));
    if (current, previous) == (0, 0) {
        return 0;
    }
    let age = elapsed + i128::from(age);
    if age <= period {
        current * period + previous * (period - age)
    } else if age < 2 * period {
        current * (2 * period - age)
    } else {
        0
    }
}
