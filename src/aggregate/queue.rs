//! What has yet to be sent to one destination, and the totals that are kept until all have got them.

use std::collections::VecDeque;

use super::keys::NONE;

/// What has yet to be sent to one destination. A key is in it at most once: the key itself knows.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Keys, and the low bits of the time at which they came.
    keys: VecDeque<(u32, u32)>,
    /// The first key that this destination was not sent since it connected; `None` once all have been.
    pub(super) fill: Option<u32>,
    /// A bit for each key from there on that it was sent since.
    done: Vec<u64>,
    /// Whether the next key is one of the queue; else of those that were never sent.
    turn: bool,
    /// Keys sent.
    pub(super) sent: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: u32, now: u32) {
        self.keys.push_back((at, now));
    }

    /// The key that waits for the longest time. Those that were never sent have every other turn.
    pub(super) fn pop(&mut self) -> Option<u32> {
        self.turn = !self.turn;
        if self.turn || self.fill.is_none() { Some(self.keys.pop_front()?.0) } else { None }
    }

    /// The keys from the first one on have to be sent.
    pub(super) fn begin_fill(&mut self) {
        self.fill = Some(0);
        self.done.clear();
    }

    /// Marks a key as sent.
    pub(super) fn mark(&mut self, at: u32) {
        self.sent += 1;
        if self.fill.is_some_and(|fill| fill <= at) {
            let word = at as usize / 64;
            if self.done.len() <= word {
                self.done.resize(word + 1, 0);
            }
            self.done[word] |= 1 << (at % 64);
        }
    }

    /// Whether a key that isn't in the queue was sent since the destination connected.
    pub(super) fn has_sent(&self, at: u32) -> bool {
        self.fill.is_none_or(|fill| fill > at) || self.is_marked(at)
    }

    fn is_marked(&self, at: u32) -> bool {
        self.done.get(at as usize / 64).is_some_and(|word| word & 1 << (at % 64) != 0)
    }

    /// Steps over a key; returns whether it was not sent yet.
    pub(super) fn step_over(&mut self, at: u32) -> bool {
        self.fill = Some(at + 1);
        !self.is_marked(at)
    }

    /// All have been sent.
    pub(super) fn end_fill(&mut self) {
        self.fill = None;
        self.done = Vec::new();
    }

    /// Keys that wait.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.fill.is_none()
    }

    /// The low bits of the time since which the first key waits.
    pub(super) fn since(&self) -> Option<u32> {
        self.keys.front().map(|(_, since)| *since)
    }

    /// Empties it.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = u32> + use<> {
        self.end_fill();
        std::mem::take(&mut self.keys).into_iter().map(|(at, _)| at)
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.keys.capacity() * size_of::<(u32, u32)>() + self.done.capacity() * size_of::<u64>()
    }
}

/// Totals that have been put together for one destination and are still to be sent to others.
#[derive(Debug)]
pub(super) struct Blocks {
    list: Vec<Block>,
    values: Vec<u64>,
    slots: usize,
    free: Vec<u32>,
}

/// A total, by times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// When it was put together.
    pub(super) at: u64,
    /// From when on it is none any more.
    pub(super) until: u64,
    /// When the rates change their slope; `None` if all are zero.
    pub(super) rates_until: Option<u64>,
    /// When the last source's entry ends; `None` = never.
    pub(super) end: Option<u64>,
}

/// The most totals that are kept.
const MOST: usize = 1 << 16;

impl Blocks {
    pub(super) const fn new(slots: usize) -> Self {
        Self { list: Vec::new(), values: Vec::new(), slots, free: Vec::new() }
    }

    /// Keeps a total; `NONE` if there is no room.
    pub(super) fn put(&mut self, block: Block, values: &[u64]) -> u32 {
        if let Some(at) = self.free.pop() {
            self.replace(at, block, values);
            return at;
        }
        if self.list.len() >= MOST {
            return NONE;
        }
        self.list.push(block);
        self.values.extend_from_slice(values);
        u32::try_from(self.list.len() - 1).unwrap_or(NONE)
    }

    fn replace(&mut self, at: u32, block: Block, values: &[u64]) {
        let at = at as usize;
        if let Some(place) = self.list.get_mut(at) {
            *place = block;
        }
        if let Some(place) = self.values.get_mut(at * self.slots..(at + 1) * self.slots) {
            place.copy_from_slice(values);
        }
    }

    /// The total with that number, unless its time is over.
    pub(super) fn get(&self, at: u32, now_ms: u64) -> Option<(Block, &[u64])> {
        let block = self.list.get(at as usize).filter(|block| now_ms < block.until)?;
        let at = at as usize;
        Some((*block, self.values.get(at * self.slots..(at + 1) * self.slots)?))
    }

    /// Gives the room of a total back.
    pub(super) fn free(&mut self, at: u32) {
        if at != NONE {
            self.free.push(at);
        }
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.list.capacity() * size_of::<Block>()
            + self.values.capacity() * size_of::<u64>()
            + self.free.capacity() * size_of::<u32>()
    }
}
