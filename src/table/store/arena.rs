//! Pieces of memory of one size, in chunks: growing copies nothing and doubles nothing.

use std::hint::black_box;

use super::memory::{HUGE, Memory};

/// Stands for no piece.
const NONE: u32 = u32::MAX;

/// The number of small chunks. What needs more than those is worth huge pages.
const SMALL: usize = 64;

/// Bytes of a large chunk, at most: of the address space, for the kernel gives memory only where something is written.
const LARGE: usize = 32 << 20;

/// Pieces of the same number of bytes, named by numbers from 0 that are given out again once they are free.
#[derive(Debug)]
pub(super) struct Arena {
    /// [`SMALL`] chunks of 2^`shift` pieces, then chunks of 2^`large_shift`.
    chunks: Vec<Memory>,
    stride: usize,
    shift: u32,
    large_shift: u32,
    /// The first piece of a large chunk.
    first_large: u32,
    /// The first of the free pieces, each of which starts with the number of the next.
    free: u32,
    /// The pieces that were given out at least once.
    used: u32,
}

impl Arena {
    /// Pieces of `stride` bytes (at least 4), in chunks of at most `chunk` bytes, later of [`LARGE`] ones, or of one piece.
    pub(super) fn new(stride: usize, chunk: usize) -> Self {
        let stride = stride.max(size_of::<u32>());
        let [shift, large_shift] = [chunk, LARGE].map(|chunk| (chunk / stride).max(1).ilog2());
        let first_large = u32::try_from(SMALL << shift).unwrap_or(NONE);
        Self { chunks: Vec::new(), stride, shift, large_shift, first_large, free: NONE, used: 0 }
    }

    /// A piece with unspecified content; the caller has asked [`Self::growth`] whether it wants to pay for it.
    pub(super) fn take(&mut self) -> u32 {
        if self.free != NONE {
            let at = self.free;
            let next = self.get(at).first_chunk().copied();
            self.free = next.map_or(NONE, u32::from_le_bytes);
            return at;
        }
        let (chunk, _) = self.place(self.used);
        if chunk == self.chunks.len() {
            self.chunks.push(Memory::zeroed(self.len_of(chunk)));
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
        let (last, within) = self.place(self.used);
        let whole = (0..last.min(self.chunks.len())).map(|chunk| self.len_of(chunk));
        whole.sum::<usize>() + self.written(last, within) + self.chunks.capacity() * size_of::<Memory>()
    }

    /// Bytes that the next [`Self::take`] would add.
    pub(super) fn growth(&self) -> usize {
        if self.free != NONE {
            return 0;
        }
        let (chunk, within) = self.place(self.used);
        let more = self.written(chunk, within + self.stride) - self.written(chunk, within);
        let is_new = chunk == self.chunks.len() && chunk == self.chunks.capacity();
        more + if is_new { chunk.max(4) * size_of::<Memory>() } else { 0 }
    }

    /// Bytes of a chunk that take memory if so many of them were written: all of a small one, huge pages of a large one.
    fn written(&self, chunk: usize, bytes: usize) -> usize {
        match (chunk < SMALL, bytes) {
            (_, 0) => 0,
            (true, _) => self.len_of(chunk),
            (false, _) => bytes.next_multiple_of(HUGE).min(self.len_of(chunk)),
        }
    }

    const fn len_of(&self, chunk: usize) -> usize {
        self.stride << if chunk < SMALL { self.shift } else { self.large_shift }
    }

    /// The chunk of a piece and where in it the piece starts.
    fn place(&self, at: u32) -> (usize, usize) {
        let (first, at, shift) = match at.checked_sub(self.first_large) {
            None => (0, at, self.shift),
            Some(at) => (SMALL, at, self.large_shift),
        };
        let within = at & ((1 << shift) - 1);
        (first + (at >> shift) as usize, within as usize * self.stride)
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
    fn a_large_arena_costs_what_is_written() {
        let mut arena = Arena::new(60, 1 << 16);
        let mut memory = arena.memory();
        for at in 0..1_000_000_u32 {
            memory += arena.growth();
            assert_eq!(arena.take(), at);
            arena.get_mut(at).copy_from_slice(&[u8::try_from(at % 251).expect("small"); 60]);
        }
        assert_eq!(arena.memory(), memory);
        assert!((60_000_000..66_000_000).contains(&memory), "{memory}");
        assert!((0..1_000_000).all(|at| arena.get(at).iter().all(|byte| u32::from(*byte) == at % 251)), "no overlap");
    }

    #[test]
    fn a_piece_may_be_larger_than_a_chunk() {
        let mut arena = Arena::new(1000, 64);
        assert_eq!([arena.take(), arena.take()], [0, 1]);
        assert_eq!(arena.get(1).len(), 1000);
    }
}
