//! What a destination is sent, as it is at the moment of sending.

use crate::aggregate::keys::{NONE, State};
use crate::aggregate::queue::Block;
use crate::proto::session::Push;
use crate::stick::Definition;

use super::{Context, Totals};

/// A table of totals. One that is defined anew is another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TotalId(pub(in crate::aggregate) usize);

impl TotalId {
    /// The number, for an array with a place for each table.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

/// Takes what is sent; returns whether it takes more.
pub(in crate::aggregate) trait Sink: FnMut(TotalId, &Definition, &Push<'_>) -> bool {}

impl<F: FnMut(TotalId, &Definition, &Push<'_>) -> bool> Sink for F {}

impl Totals {
    /// Sends what waits for a destination, no more than `budget` entries, which it counts down, and until the sink takes no
    /// more; then returns false.
    pub(in crate::aggregate) fn send(
        &mut self,
        to: usize,
        budget: &mut usize,
        cx: &Context,
        sink: &mut impl Sink,
    ) -> bool {
        while *budget > 0 {
            let Some(at) = self.next_for(to) else { return true };
            *budget -= 1;
            if !self.send_one(to, at, cx, sink) {
                return false;
            }
        }
        true
    }

    /// A destination has connected, or totals are published from now on: it is sent everything once.
    pub(in crate::aggregate) fn fill(&mut self, to: usize) {
        self.queues[to].begin_fill();
    }

    /// A destination is gone, or totals aren't published any more.
    pub(in crate::aggregate) fn empty(&mut self, to: usize) {
        let waiting = self.queues[to].clear();
        for at in waiting {
            self.keys.list[at as usize].queued &= !(1 << to);
            self.free_block(at);
        }
    }

    /// The next key for a destination, no longer in its queue.
    fn next_for(&mut self, to: usize) -> Option<u32> {
        let queue = &mut self.queues[to];
        if let Some(at) = queue.pop() {
            return Some(at);
        }
        while let Some(at) = queue.fill {
            let Some(key) = self.keys.list.get(at as usize) else {
                queue.end_fill();
                break;
            };
            if queue.step_over(at) && key.state != State::Free && key.queued & 1 << to == 0 {
                return Some(at);
            }
        }
        queue.pop()
    }

    fn send_one(&mut self, to: usize, at: u32, cx: &Context, sink: &mut impl Sink) -> bool {
        self.queues[to].mark(at);
        let key = &mut self.keys.list[at as usize];
        key.queued &= !(1 << to);
        if key.state == State::Gone {
            self.values.clear();
            self.values.resize(self.definition.layout.slots(), 0);
            let life_ms = (self.definition.expire_ms > 0).then_some(1);
            let push =
                Push { key: self.keys.list[at as usize].name(), values: &self.values, server_key: None, life_ms };
            let more = sink(self.id, &self.definition, &push);
            self.forget_if_told(at, cx);
            return more;
        }
        let key = &self.keys.list[at as usize];
        let kept = self.blocks.get(key.block, cx.now_ms).filter(|_| key.state != State::Changed);
        if let Some((block, values)) = kept {
            self.values.clear();
            self.values.extend_from_slice(values);
            self.definition.layout.age(&mut self.values, cx.now_ms - block.at);
            let life_ms = block.end.map(|end| u32::try_from(end.saturating_sub(cx.now_ms)).unwrap_or(u32::MAX).max(1));
            let push = Push { key: key.name(), values: &self.values, server_key: None, life_ms };
            let more = sink(self.id, &self.definition, &push);
            self.free_block(at);
            self.send_again(at, block.rates_until, cx);
            return more;
        }
        self.merge(at, cx);
        self.settle(at, cx);
        let life_ms = self.sum.rest_ms.map(|rest| rest.max(1));
        let push =
            Push { key: self.keys.list[at as usize].name(), values: &self.sum.values, server_key: None, life_ms };
        sink(self.id, &self.definition, &push)
    }

    /// A total was put together: keeps it for the other destinations, and the time when it must be sent again.
    fn settle(&mut self, at: u32, cx: &Context) {
        let now = cx.now_ms;
        let key = &mut self.keys.list[at as usize];
        key.state = if self.sum.is_zero() { State::Zero } else { State::Counted };
        self.blocks.free(std::mem::replace(&mut key.block, NONE));
        let rates_until = self.sum.rates_end_in.map(|rest| now + rest);
        if key.queued != 0 {
            let next_end =
                if self.sum.next_end_ms == u32::MAX { u64::MAX } else { now + u64::from(self.sum.next_end_ms) };
            let until = if self.sum.parts > 1 && self.plan.compares_rates() { now + 1 } else { next_end };
            let until = rates_until.map_or(until, |rates| rates.min(until));
            let end = self.sum.rest_ms.map(|rest| now + u64::from(rest));
            key.block = self.blocks.put(Block { at: now, until, rates_until, end }, &self.sum.values);
        }
        self.send_again(at, rates_until, cx);
    }

    /// A total is sent again when its rates change their slope, and now and then until they are zero.
    fn send_again(&mut self, at: u32, rates_until: Option<u64>, cx: &Context) {
        let Some(until) = rates_until else { return };
        let since = u64::from(super::low(cx.now_ms).wrapping_sub(self.keys.list[at as usize].published));
        let most = cx.publish.max_interval_ms;
        let again = Some(most.saturating_sub(since)).filter(|again| *again > 0).unwrap_or(most);
        let due_ms = until.min(cx.now_ms + again).max(cx.now_ms + 1);
        self.wheel.set(&mut self.keys.list, at, cx.now_ms, due_ms);
    }

    fn free_block(&mut self, at: u32) {
        let key = &mut self.keys.list[at as usize];
        if key.queued == 0 {
            self.blocks.free(std::mem::replace(&mut key.block, NONE));
        }
    }
}
