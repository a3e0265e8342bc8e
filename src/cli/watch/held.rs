//! One table of one peer.

use crate::stick::Definition;
use crate::table::{Full, Limits, Store, StoreError};

/// How much is kept of one table: about five million entries with a counter or two. The oldest make room, as in HAProxy.
const LIMITS: Limits = Limits { entries: usize::MAX, bytes: 512 << 20, full: Full::EvictOldest };

/// A table of a peer and its entries.
#[derive(Debug)]
pub(super) struct Held {
    /// The peer's number.
    pub(super) peer: usize,
    pub(super) store: Store,
    /// Whether the peer has it now.
    pub(super) announced: bool,
}

impl Held {
    pub(super) fn new(peer: usize, definition: &Definition) -> Result<Self, StoreError> {
        Ok(Self { peer, store: Store::new(definition.clone(), LIMITS)?, announced: true })
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.store.definition().name
    }
}
