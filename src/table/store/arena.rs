//! Pieces of memory of one size, in chunks: growing copies nothing and doubles nothing.

use std::hint::black_box;

/// Stands for no piece.
const NONE: u32 = u32::MAX;

/// Pieces of the same number of bytes, named by numbers from 0 that are given out again once they are free.
#[derive(Debug)]
pub(super) struct Arena {
    chunks: Vec<Box<[u8]>>,
    stride: usize,
    /// A chunk has 2^`shift` pieces.
    shift: u32,
    /// The first of the free pieces, each of which starts with the number of the next.
    free: u32,
    /// The pieces that were given out at least once.
    used: u32,
}

impl Arena {
    /// Pieces of `stride` bytes (at least 4), in chunks of at most `chunk` bytes, or of one piece.
    pub(super) fn new(stride: usize, chunk: usize) -> Self {
        let stride = stride.max(size_of::<u32>());
        let shift = (chunk / stride).max(1).ilog2();
        Self { chunks: Vec::new(), stride, shift, free: NONE, used: 0 }
    }

    /// A piece with unspecified content; the caller has asked [`Self::growth`] whether it wants to pay for it.
    pub(super) fn take(&mut self) -> u32 {
        if self.free != NONE {
            let at = self.free;
            let next = self.get(at).first_chunk().copied();
            self.free = next.map_or(NONE, u32::from_le_bytes);
            return at;
        }
        if self.used >> self.shift == self.chunk_count() {
            self.chunks.push(vec![0; self.stride << self.shift].into_boxed_slice());
        }
        self.used += 1;
        self.used - 1
    }

    /// Takes a piece back.
    pub(super) fn give_back(&mut self, at: u32) {
        let next = self.free;
        if let Some(link) = self.get_mut(at).first_chunk_mut() {
            *link = next.to_le_bytes();
        }
        self.free = at;
    }

    /// The bytes of a piece that was taken.
    pub(super) fn get(&self, at: u32) -> &[u8] {
        let (chunk, start) = self.place(at);
        &self.chunks[chunk][start..start + self.stride]
    }

    /// Starts to load a piece.
    pub(super) fn touch(&self, at: u32) {
        if let [first, .., last] = self.get(at) {
            black_box((*first, *last));
        }
    }

    /// The same, to write to.
    pub(super) fn get_mut(&mut self, at: u32) -> &mut [u8] {
        let (chunk, start) = self.place(at);
        &mut self.chunks[chunk][start..start + self.stride]
    }

    /// One more than the highest number ever given out.
    pub(super) const fn end(&self) -> u32 {
        self.used
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.chunks.len() * (self.stride << self.shift) + self.chunks.capacity() * size_of::<Box<[u8]>>()
    }

    /// Bytes that the next [`Self::take`] would add.
    pub(super) fn growth(&self) -> usize {
        if self.free != NONE || self.used >> self.shift < self.chunk_count() {
            return 0;
        }
        let list = if self.chunks.len() < self.chunks.capacity() { 0 } else { self.chunks.len().max(4) };
        (self.stride << self.shift) + list * size_of::<Box<[u8]>>()
    }

    fn place(&self, at: u32) -> (usize, usize) {
        let within = at & ((1 << self.shift) - 1);
        ((at >> self.shift) as usize, within as usize * self.stride)
    }

    fn chunk_count(&self) -> u32 {
        u32::try_from(self.chunks.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_reused_before_the_arena_grows() {
        let mut arena = Arena::new(10, 64);
        let first: Vec<u32> = (0..9).map(|_| arena.take()).collect();
        assert_eq!(first, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        let memory = arena.memory();
        arena.give_back(3);
        arena.give_back(7);
        assert_eq!(arena.growth(), 0);
        assert_eq!([arena.take(), arena.take(), arena.take()], [7, 3, 9]);
        assert_eq!(arena.memory(), memory);
    }

    #[test]
    fn growth_says_beforehand_what_taking_will_cost() {
        let mut arena = Arena::new(24, 100);
        for _ in 0..200 {
            let (before, growth) = (arena.memory(), arena.growth());
            let at = arena.take();
            assert_eq!(arena.memory(), before + growth);
            arena.get_mut(at).fill(u8::try_from(at).expect("at most 200"));
        }
        assert!((0..200).all(|at| arena.get(at).iter().all(|byte| u32::from(*byte) == at)), "pieces don't overlap");
    }

    #[test]
    fn a_piece_may_be_larger_than_a_chunk() {
        let mut arena = Arena::new(1000, 64);
        assert_eq!([arena.take(), arena.take()], [0, 1]);
        assert_eq!(arena.get(1).len(), 1000);
    }
}
