//! Sources lose entries, and totals come to an end.

use crate::aggregate::keys::{NONE, State, bits};

use super::{Context, Totals, low};

/// How long the end of a key of a table that never expires is remembered for destinations that are away.
pub(super) const REMEMBERED_MS: u64 = 3_600_000;

/// How long a total that nobody has is remembered, if the node to be told goes away.
const ORPHANED_MS: u64 = 10_000;

impl Totals {
    /// The source has lost the keys of `lost`.
    pub(super) fn lose(&mut self, source: usize, cx: &Context) {
        while let Some(at) = self.lost.pop() {
            if let Some(input) = self.inputs.get_mut(source) {
                input.kept.remove(&at);
            }
            let key = &mut self.keys.list[at as usize];
            key.sources &= !(1 << source);
            if key.sources != 0 {
                self.touch(at, cx);
            } else if key.is_alive() {
                self.end(at, cx);
            }
        }
    }

    /// No source has the key any more: destinations are told that its total is zero.
    fn end(&mut self, at: u32, cx: &Context) {
        let key = &mut self.keys.list[at as usize];
        // Who has the zero already needs no other one, which might make an entry anew that has just expired.
        let knows = key.state == State::Zero && !key.is_due;
        let fills = bits(cx.reachable()).filter(|destination| self.queues[*destination].fill.is_some());
        let targets = if knows { fills.fold(0, |set, destination| set | 1 << destination) } else { cx.reachable() };
        key.state = State::Gone;
        self.keys.gone += 1;
        self.blocks.free(std::mem::replace(&mut key.block, NONE));
        self.publish(at, targets, cx);
        if !self.forget_if_told(at, cx) {
            self.wheel.set(&mut self.keys.list, at, cx.now_ms, cx.now_ms + self.longest_ms);
        }
    }

    /// Forgets a key that is gone if all destinations know; returns whether it did.
    pub(super) fn forget_if_told(&mut self, at: u32, cx: &Context) -> bool {
        let key = &self.keys.list[at as usize];
        if key.state != State::Gone || key.queued != 0 {
            return false;
        }
        let all_know = cx.reachable() == cx.destinations && self.queues.iter().all(|queue| queue.has_sent(at));
        if all_know || self.keys.gone > cx.entries {
            self.wheel.clear(&mut self.keys.list, at);
            self.keys.remove(at);
            return true;
        }
        false
    }

    /// Removes entries whose life has ended, looking at no more than `budget` of them.
    pub(in crate::aggregate) fn expire(&mut self, source: usize, budget: usize, cx: &Context) {
        let Self { inputs, keys, lost, .. } = self;
        if let Some(store) = inputs.get_mut(source).and_then(|input| input.store.as_mut()) {
            store.expire_with(cx.now_ms, budget, |entry| lost.extend(keys.find(entry.key())));
        }
        self.lose(source, cx);
    }

    /// A resync of a source begins.
    pub(in crate::aggregate) fn begin_generation(&mut self, source: usize) {
        if let Some(store) = self.inputs.get_mut(source).and_then(|input| input.store.as_mut()) {
            store.begin_generation();
        }
    }

    /// A node has told that it has a total which no source has: it is told that it is zero.
    pub(in crate::aggregate) fn orphan(&mut self, destination: usize, name: &[u8], cx: &Context) {
        if self.keys.gone >= cx.entries || cx.reachable() & 1 << destination == 0 {
            return;
        }
        let at = self.keys.find_or_insert(name, low(cx.now_ms));
        self.keys.list[at as usize].state = State::Gone;
        self.keys.gone += 1;
        self.publish(at, 1 << destination, cx);
        self.wheel.set(&mut self.keys.list, at, cx.now_ms, cx.now_ms + ORPHANED_MS);
    }

    /// A source has lost a key, as a file says.
    pub(in crate::aggregate) fn lose_one(&mut self, source: usize, name: &[u8], cx: &Context) {
        let Some(store) = self.inputs.get_mut(source).and_then(|input| input.store.as_mut()) else { return };
        if store.remove(name) {
            self.lost.extend(self.keys.find(name));
            self.lose(source, cx);
        }
    }

    /// Forgets a key, whoever has it; returns the sources that had it, a bit for each.
    pub(in crate::aggregate) fn forget(&mut self, name: &[u8], cx: &Context) -> u64 {
        let Some(at) = self.keys.find(name).filter(|at| self.keys.list[*at as usize].is_alive()) else { return 0 };
        let sources = self.keys.list[at as usize].sources;
        for source in bits(sources) {
            if let Some(store) = self.inputs[source].store.as_mut() {
                store.remove(name);
            }
            self.lost.push(at);
            self.lose(source, cx);
        }
        sources
    }
}
