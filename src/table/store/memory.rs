//! Zeroed memory in one piece.
//!
//! What is large comes from the kernel as huge pages where it has them: then a first insertion waits for few pages, and a search
//! for few translations of addresses.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

/// Bytes, zero at first.
#[derive(Debug)]
pub(super) enum Memory {
    Heap(Box<[u8]>),
    Mapped(MmapMut),
}

/// A huge page.
pub(super) const HUGE: usize = 2 << 20;

impl Memory {
    /// So many bytes.
    pub(super) fn zeroed(len: usize) -> Self {
        if len < HUGE {
            return Self::Heap(vec![0; len].into());
        }
        match MmapMut::map_anon(len) {
            Ok(map) => {
                // Without huge pages it is memory like any other.
                #[cfg(target_os = "linux")]
                let _no_huge_pages = map.advise(memmap2::Advice::HugePage);
                Self::Mapped(map)
            }
            // The allocator knows how to fail.
            Err(_) => Self::Heap(vec![0; len].into()),
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::Heap(Box::default())
    }
}

impl Deref for Memory {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

impl DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}
