//! One table of all sources, and the table of their totals.

mod alike;
mod input;
mod lose;
mod notes;
mod send;
mod slices;

use crate::stick::Definition;
use crate::table::{Applied, EntryRef, Store, Update};

use super::keys::{Keys, NONE, State, bits};
use super::merge::{Part, Plan, Sum};
use super::options::{Policy, Publish};
use super::queue::{Blocks, Queue};
use super::wheel::{Wheel, low};

use notes::Notes;
use slices::Slice;

pub(super) use input::{Input, InputState};
pub(super) use notes::Note;
pub use send::TotalId;

/// A table and its total.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) id: TotalId,
    /// What the sources announced; the name is the source's.
    pub(super) source: Definition,
    /// What is announced to destinations.
    pub(super) definition: Definition,
    plan: Plan,
    /// By peer.
    pub(super) inputs: Vec<Input>,
    pub(super) keys: Keys,
    wheel: Wheel,
    blocks: Blocks,
    /// By peer.
    pub(super) queues: Vec<Queue>,
    sum: Sum,
    /// Keys that a source has lost, for a moment.
    lost: Vec<u32>,
    /// The values of an entry, for a moment.
    values: Vec<u64>,
    pub(super) changes: u64,
    /// What is done piece by piece.
    slices: Vec<Slice>,
    /// Entries that were looked at, piece by piece.
    pub(super) steps: u64,
    notes: Notes,
    /// The longest life that any source has given its table.
    longest_ms: u64,
}

/// What holds for all tables now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub(super) now_ms: u64,
    /// The peers that are connected, a bit for each.
    pub(super) up: u64,
    /// All destinations.
    pub(super) destinations: u64,
    /// Whether totals are published at all.
    pub(super) is_open: bool,
    pub(super) publish: Publish,
    /// The most entries of one source.
    pub(super) entries: usize,
}

impl Context {
    /// The destinations that totals can be sent to.
    const fn reachable(&self) -> u64 {
        if self.is_open { self.destinations & self.up } else { 0 }
    }
}

impl Totals {
    pub(super) fn new(
        id: TotalId,
        source: &Definition,
        name: &[u8],
        policy: &Policy,
        peers: usize,
        now_ms: u64,
    ) -> Self {
        let plan = Plan::new(source, policy);
        let definition = Definition { name: name.into(), layout: plan.layout.clone(), ..source.clone() };
        Self {
            id,
            source: source.clone(),
            blocks: Blocks::new(plan.layout.slots()),
            definition,
            plan,
            inputs: (0..peers).map(|_| Input::default()).collect(),
            keys: Keys::default(),
            wheel: Wheel::new(now_ms),
            queues: (0..peers).map(|_| Queue::default()).collect(),
            sum: Sum::default(),
            lost: Vec::new(),
            values: Vec::new(),
            changes: 0,
            slices: Vec::new(),
            steps: 0,
            notes: Notes::default(),
            longest_ms: 0,
        }
    }

    /// Takes an update of a source whose table was accepted.
    pub(super) fn update(&mut self, source: usize, update: &Update<'_>, cx: &Context) -> Applied {
        let now_ms = cx.now_ms;
        self.make_room(source, update.key, cx);
        let Self { inputs, plan, values, .. } = self;
        let Some(input) = inputs.get_mut(source) else { return Applied::Dropped };
        let Some(store) = input.store.as_mut() else { return Applied::Dropped };
        let old = if plan.keeps || update.life_ms.is_some() { store.get(update.key, now_ms) } else { None };
        let keeps = plan.keeps && old.is_some();
        // What is taught again is news if it lives longer than was known, or its rates are others.
        let mut is_other = plan.has_order;
        if let Some(old) = &old {
            old.values(values);
            let longer = update.life_ms.zip(old.rest_ms()).is_some_and(|(new, old)| new.abs_diff(old) > SLACK_MS);
            is_other |= longer || plan.drifted(values, old.age_ms(), update.values);
        }
        let applied = store.apply(now_ms, update);
        input.updates += 1;
        input.newest_ms = Some(now_ms);
        let is_news = match applied {
            Applied::New | Applied::Changed => true,
            Applied::Same => update.life_ms.is_some() && is_other,
            Applied::Dropped => false,
        };
        if !is_news {
            return applied;
        }
        let never = low(now_ms).wrapping_sub(low(cx.publish.min_interval_ms.min(1 << 30)));
        let at = self.keys.find_or_insert(update.key, never);
        if keeps {
            if input.keep(at, plan, values, update.values) {
                self.notes.kept(source, at);
            }
        } else if plan.keeps {
            input.kept.remove(&at);
        }
        self.keys.list[at as usize].sources |= 1 << source;
        self.touch(at, cx);
        applied
    }

    /// Lets an entry go if the source has as many as it may, and this key isn't among them.
    fn make_room(&mut self, source: usize, key: &[u8], cx: &Context) {
        let Self { inputs, keys, lost, .. } = self;
        let Some(store) = inputs.get_mut(source).and_then(|input| input.store.as_mut()) else { return };
        if store.len() >= cx.entries && store.get(key, cx.now_ms).is_none() {
            store.evict_with(cx.now_ms, |entry| lost.extend(keys.find(entry.key())));
            self.lose(source, cx);
        }
    }

    /// The state of a key has changed.
    fn touch(&mut self, at: u32, cx: &Context) {
        self.changes += 1;
        let key = &mut self.keys.list[at as usize];
        if key.state == State::Gone {
            self.keys.gone -= 1;
            self.wheel.clear(&mut self.keys.list, at);
        }
        let key = &mut self.keys.list[at as usize];
        key.state = State::Changed;
        self.blocks.free(std::mem::replace(&mut key.block, NONE));
        if cx.reachable() == 0 {
            return;
        }
        let since = u64::from(low(cx.now_ms).wrapping_sub(key.published));
        if since >= cx.publish.min_interval_ms {
            self.publish(at, cx.reachable(), cx);
        } else {
            self.wheel.set(&mut self.keys.list, at, cx.now_ms, cx.now_ms + cx.publish.min_interval_ms - since);
        }
    }

    /// Puts a key into the queues of these destinations.
    fn publish(&mut self, at: u32, destinations: u64, cx: &Context) {
        self.wheel.clear(&mut self.keys.list, at);
        let key = &mut self.keys.list[at as usize];
        let new = destinations & !key.queued;
        key.queued |= new;
        key.published = low(cx.now_ms);
        for destination in bits(new) {
            self.queues[destination].push(at, low(cx.now_ms));
        }
    }

    /// Does what is due, looking at no more than `budget` keys.
    pub(super) fn tick(&mut self, budget: usize, cx: &Context) {
        let mut budget = budget;
        while let Some(at) = self.wheel.next(&mut self.keys.list, cx.now_ms, &mut budget) {
            if self.keys.list[at as usize].is_alive() {
                self.publish(at, cx.reachable(), cx);
            } else if self.keys.list[at as usize].queued == 0 {
                self.keys.remove(at);
            } else {
                self.wheel.set(&mut self.keys.list, at, cx.now_ms, cx.now_ms + 1_000);
            }
        }
    }

    /// When [`Self::tick`] has something to do.
    pub(super) fn next_ms(&self) -> Option<u64> {
        self.wheel.next_ms()
    }

    /// When the next look at entries whose life has ended is worth it.
    pub(super) fn expires_at(&self, now_ms: u64) -> Option<u64> {
        let stores = self.inputs.iter().filter_map(|input| input.store.as_ref());
        let expire = stores.filter(|store| !store.is_empty()).map(|store| store.definition().expire_ms);
        // A store looks at its entries in steps of about this.
        expire.filter(|expire| *expire > 0).min().map(|expire| now_ms + u64::from(expire / 2048).clamp(1, 1_000))
    }

    /// Takes what a source had taught to an earlier process.
    pub(super) fn restore(&mut self, source: usize, update: &Update<'_>, kept: Option<&[u64]>, cx: &Context) -> bool {
        self.make_room(source, update.key, cx);
        let Some(input) = self.inputs.get_mut(source) else { return false };
        let Some(store) = input.store.as_mut() else { return false };
        if store.apply(cx.now_ms, update) == Applied::Dropped || store.get(update.key, cx.now_ms).is_none() {
            return false;
        }
        let at = self.keys.find_or_insert(update.key, low(cx.now_ms));
        if let Some(kept) = kept.filter(|kept| self.plan.keeps && kept.len() == update.values.len()) {
            input.kept.insert(at, kept.into());
        }
        self.keys.list[at as usize].sources |= 1 << source;
        self.touch(at, cx);
        true
    }

    /// Takes what an earlier process had kept of counters of an entry that is there.
    pub(super) fn restore_kept(&mut self, source: usize, key: &[u8], kept: &[u64], now_ms: u64) {
        let Some(input) = self.inputs.get_mut(source).filter(|_| self.plan.keeps) else { return };
        let is_there = input.store.as_ref().is_some_and(|store| store.get(key, now_ms).is_some());
        if let Some(at) = self.keys.find(key).filter(|_| is_there && kept.len() == self.source.layout.slots()) {
            input.kept.insert(at, kept.into());
        }
    }

    /// Whether counters keep what a source had counted before it started again.
    pub(super) const fn keeps(&self) -> bool {
        self.plan.keeps
    }

    /// Puts the total of a key together as it is now; returns whether a source has the key.
    fn merge(&mut self, at: u32, cx: &Context) -> bool {
        let Self { inputs, plan, sum, keys, .. } = self;
        let key = &keys.list[at as usize];
        sum.begin(plan);
        let sources = bits(key.sources).filter_map(|source| Some((source, inputs[source].store.as_ref()?)));
        Store::get_from_each(sources, key.name(), cx.now_ms, |source, entry| {
            let kept = if plan.keeps { inputs[source].kept.get(&at).map(|kept| &**kept) } else { None };
            sum.add(plan, &Part { entry, kept, is_up: cx.up & 1 << source != 0 });
        });
        sum.finish(plan);
        sum.parts > 0
    }

    /// The total of a key now: the values by the layout of its definition, and the rest of its life in milliseconds.
    pub(super) fn get(&mut self, name: &[u8], cx: &Context) -> Option<(&[u64], Option<u32>)> {
        let at = self.keys.find(name)?;
        self.merge(at, cx).then_some((&*self.sum.values, self.sum.rest_ms))
    }

    /// The entry that a source has of a key.
    pub(super) fn entry(&self, source: usize, at: u32, now_ms: u64) -> Option<EntryRef<'_>> {
        let key = self.keys.list.get(at as usize).filter(|key| key.sources & 1 << source != 0)?;
        self.inputs.get(source)?.store.as_ref()?.get(key.name(), now_ms)
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        let stores = self.inputs.iter().filter_map(|input| input.store.as_ref()).map(Store::memory);
        let queues = self.queues.iter().map(Queue::memory);
        stores.chain(queues).sum::<usize>() + self.keys.memory() + self.wheel.memory() + self.blocks.memory()
    }
}

/// How much longer an entry must live than was known for that to be told, in milliseconds.
const SLACK_MS: u32 = 1_000;
