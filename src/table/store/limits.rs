//! How large a store may become, and what it has counted.

use thiserror::Error;

/// How large a store may become.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The most entries.
    pub entries: usize,
    /// The most bytes, everything that belongs to the entries counted in.
    pub bytes: usize,
    /// What happens then.
    pub full: Full,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 1 << 20, bytes: crate::limits::MEMORY, full: Full::EvictOldest }
    }
}

/// What a full store does with a new entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Full {
    /// Makes room, as HAProxy does: the entry goes that would expire first; in a table without `expire`, the one that was not
    /// updated for the longest time.
    EvictOldest,
    /// Drops it, as HAProxy does with `nopurge`.
    Stop,
}

/// What happened to entries since the store was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Entries that made room for others.
    pub evicted: u64,
    /// Updates that were not taken.
    pub dropped: u64,
    /// Entries whose life ended.
    pub expired: u64,
    /// Entries that a finished resync did not teach again.
    pub swept: u64,
}

/// Why there can be no store for a table.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum StoreError {
    /// An entry would be too large.
    #[error(
        "an entry of this table has more than {most} bytes of values; no table that HAProxy's configuration takes has so many"
    )]
    TooWide {
        /// The most bytes.
        most: usize,
    },
}
