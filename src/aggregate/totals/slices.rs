//! Work on all entries of a source, done piece by piece, so that nobody waits for it.

use crate::table::{ServerKey, Store, Update};

use super::input::UNLIMITED;
use super::{Context, Input, Totals};

/// Such a work, and how far it is.
#[derive(Debug)]
pub(super) struct Slice {
    source: usize,
    what: What,
    /// The next place of the source's store, or the next key.
    at: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// What the source didn't teach in a resync goes.
    Sweep,
    /// Of what the source had taught, all or some is no longer there: those keys are told.
    Missing,
    /// The source has come or gone: what counts only while it is connected has changed.
    Link,
}

/// Entries that are looked at at once.
const AT_ONCE: usize = 2048;

impl Totals {
    /// A source has come or gone: what counts only while it is connected has changed.
    pub(in crate::aggregate) fn link_changed(&mut self, source: usize, cx: &Context) {
        if self.plan.has_gauges {
            self.begin(source, What::Link, cx);
        }
    }

    /// A resync of a source has ended, and it has taught all it has. What it didn't teach it has lost; of counters that keep
    /// what they had, only the source's own count goes.
    pub(in crate::aggregate) fn sweep(&mut self, source: usize, cx: &Context) {
        self.begin(source, What::Sweep, cx);
    }

    /// Whether what a source has lost is still being looked for.
    pub(in crate::aggregate) fn is_sweeping(&self, source: usize) -> bool {
        self.slices.iter().any(|slice| slice.source == source && slice.what == What::Sweep)
    }

    /// Does the rest of that at once.
    pub(super) fn finish_sweep(&mut self, source: usize, cx: &Context) {
        while self.is_sweeping(source) {
            let mut budget = AT_ONCE;
            self.work(&mut budget, cx);
        }
    }

    /// Forgets all that a source has taught. It counts no more from now on.
    pub(in crate::aggregate) fn drop_source(&mut self, source: usize, cx: &Context) {
        if let Some(input) = self.inputs.get_mut(source) {
            let empty = input.store.as_ref().and_then(|store| Store::new(store.definition().clone(), UNLIMITED).ok());
            input.store = empty;
        }
        self.slices.retain(|slice| slice.source != source || slice.what != What::Sweep);
        self.begin(source, What::Missing, cx);
    }

    /// Begins, anew if it had begun before; what is little is done at once.
    pub(super) fn begin(&mut self, source: usize, what: What, cx: &Context) {
        self.slices.retain(|slice| slice.source != source || slice.what != what);
        self.slices.push(Slice { source, what, at: 0 });
        let mut budget = AT_ONCE;
        self.work(&mut budget, cx);
    }

    /// Whether there is something left to do.
    pub(in crate::aggregate) fn has_work(&self) -> bool {
        !self.slices.is_empty()
    }

    /// Goes on, looking at no more than `budget` entries, which it counts down.
    pub(in crate::aggregate) fn work(&mut self, budget: &mut usize, cx: &Context) {
        while let Some(Slice { source, what, at }) = self.slices.pop() {
            let (mut at, before) = (at, *budget);
            match what {
                What::Sweep => self.sweep_from(source, &mut at, budget, cx),
                What::Missing | What::Link => self.tell_from(source, what, &mut at, budget, cx),
            }
            self.steps += (before - *budget) as u64;
            if *budget == 0 {
                self.slices.push(Slice { source, what, at });
                break;
            }
        }
    }

    fn sweep_from(&mut self, source: usize, place: &mut u32, budget: &mut usize, cx: &Context) {
        let Self { inputs, keys, lost, plan, values, notes, .. } = self;
        let Some(Input { store: Some(store), kept, .. }) = inputs.get_mut(source) else { return };
        let zeros = vec![0; self.source.layout.slots()];
        let mut still = Vec::new();
        store.sweep_older_from(cx.now_ms, place, budget, |entry| {
            let Some(at) = keys.find(entry.key()) else { return };
            if plan.keeps {
                entry.values(values);
                plan.keep(values, &zeros, kept.entry(at).or_default());
                still.push((at, entry.rest_ms(), entry.update_id()));
            } else {
                notes.lost(source, entry.key());
                lost.push(at);
            }
        });
        for (at, life_ms, update_id) in &still {
            let server_key = ServerKey::Unchanged;
            let (life_ms, update_id) = (*life_ms, *update_id);
            let key = keys.list[*at as usize].name();
            store.apply(cx.now_ms, &Update { key, values: &zeros, server_key, update_id, life_ms, resync: true });
            notes.kept(source, *at);
        }
        for (at, ..) in still {
            self.touch(at, cx);
        }
        self.lose(source, cx);
    }

    /// Tells what has changed with keys of a source.
    fn tell_from(&mut self, source: usize, what: What, next: &mut u32, budget: &mut usize, cx: &Context) {
        while let Some(key) = self.keys.list.get(*next as usize).filter(|_| *budget > 0) {
            let at = *next;
            (*next, *budget) = (at + 1, *budget - 1);
            if !key.is_alive() || key.sources & 1 << source == 0 {
                continue;
            }
            if what == What::Link {
                self.touch(at, cx);
                continue;
            }
            // It may have taught it again meanwhile.
            let store = self.inputs.get(source).and_then(|input| input.store.as_ref());
            if store.is_none_or(|store| store.get(key.name(), cx.now_ms).is_none()) {
                self.lost.push(at);
                self.lose(source, cx);
            }
        }
    }
}
