//! One table of one peer.

use crate::limits;
use crate::stick::Definition;
use crate::table::{Contents, Filter, Full, Limits, Store, StoreError};

/// How much is kept of one table: about five million entries with a counter or two. The oldest make room, as in HAProxy.
const LIMITS: Limits = Limits { entries: usize::MAX, bytes: limits::MEMORY, full: Full::EvictOldest };

/// A table of a peer and its entries.
#[derive(Debug)]
pub(super) struct Held {
    /// The peer's number.
    pub(super) peer: usize,
    pub(super) store: Store,
    /// Whether the peer has it now.
    pub(super) announced: bool,
    /// Which entries are meant.
    pub(super) meant: Entries,
}

/// Which entries of a table are meant.
#[derive(Debug)]
pub(super) enum Entries {
    All,
    Those(Filter),
    /// The expression asks for something that the table doesn't have.
    None,
}

impl Entries {
    pub(super) fn has(&self, entry: &impl Contents) -> bool {
        match self {
            Self::All => true,
            Self::Those(filter) => filter.matches(entry),
            Self::None => false,
        }
    }
}

impl Held {
    pub(super) fn new(peer: usize, definition: &Definition, meant: Entries) -> Result<Self, StoreError> {
        Ok(Self { peer, store: Store::new(definition.clone(), LIMITS)?, announced: true, meant })
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.store.definition().name
    }
}
