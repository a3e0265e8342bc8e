//! What is known of one peer: the tables of its session, and whether it has told everything.

use std::collections::HashMap;

use crate::stick::Definition;

/// How far it is with a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Course {
    /// There is no session.
    #[default]
    Away,
    /// There is a session, and not everything was taught yet.
    Learning,
    /// The peer has taught everything, considers itself in sync, and goes on with what changes.
    InSync,
    /// The peer has taught what it has, which is not everything, it says.
    Partial,
}

/// A peer.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    pub(super) course: Course,
    /// The tables of this session by their index.
    pub(super) tables: Vec<Announced>,
    /// How the peer defines its tables, in this session or an earlier one.
    pub(super) definitions: HashMap<Box<[u8]>, Definition>,
    /// An update of this session was not kept, or may have been lost.
    pub(super) lost: bool,
    /// It was taught everything in this session, or has said that it has everything: it is no process that comes up cold.
    pub(super) settled: bool,
    /// What was held of keys that it has told less of before it settled: the table and the key.
    pub(super) shadows: HashMap<(usize, Box<[u8]>), Shadow>,
    /// The session before this one: the peer had taught everything, and it ended with no update lost.
    pub(super) left_whole: bool,
    /// It was a peer, and is none any more.
    pub(super) retired: bool,
}

/// A state that a process that may have come up cold has replaced.
#[derive(Clone, Debug)]
pub(super) struct Shadow {
    pub(super) values: Vec<u64>,
    pub(super) server_key: Option<Box<[u8]>>,
}

/// A table as a session announces it.
#[derive(Clone, Debug)]
pub(super) struct Announced {
    /// Which of ours it is; `None` if it isn't taken.
    pub(super) held: Option<usize>,
    pub(super) definition: Definition,
    /// The last id of an own update of the peer in the resync: it says them all once more behind it.
    pub(super) horizon: Option<u32>,
}

/// Ids from here on belong to entries that the sender has learned itself.
const LEARNED: u32 = 1 << 31;

/// Whether the update with that id is about what its sender has counted itself.
pub(super) const fn is_own(id: u32) -> bool {
    id < LEARNED
}

impl Announced {
    /// An update came in a resync.
    pub(super) fn pass(&mut self, id: u32) {
        if is_own(id) && self.horizon.is_none_or(|horizon| is_behind(id, horizon)) {
            self.horizon = Some(id);
        }
    }

    /// Whether an update behind the resync may be one that the resync had already.
    pub(super) fn may_repeat(&self, id: u32) -> bool {
        is_own(id) && self.horizon.is_some_and(|horizon| !is_behind(id, horizon))
    }
}

/// Whether an id comes behind another one; ids wrap.
const fn is_behind(id: u32, other: u32) -> bool {
    id.wrapping_sub(other).cast_signed() > 0
}
