//! What is known of one peer.

use std::time::Instant;

use crate::cli::ledger::Ledger;

/// A peer that is followed.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: Box<[u8]>,
    /// The name, escaped.
    pub(super) shown: String,
    pub(super) phase: Phase,
    /// Since when it is in that phase.
    pub(super) since: Instant,
    /// Since when there has been no session.
    pub(super) without: Instant,
    /// What was received before this resync.
    pub(super) before: u64,
    /// When it was heard last, heartbeats counted in.
    pub(super) heard: Option<Instant>,
    /// Messages of this session.
    pub(super) messages: u64,
    /// The tables of this session, by their index.
    pub(super) tables: Vec<SessionTable>,
    pub(super) ledger: Ledger,
    /// A resync is to be asked for: now, or then.
    pub(super) ask: Ask,
    /// How often a resync ended partial in a row.
    pub(super) partials: u32,
    /// Entries received.
    pub(super) updates: u64,
    /// Sessions so far.
    pub(super) sessions: u64,
    /// A resync was finished, in any session.
    pub(super) finished: bool,
    /// What was told about its last failure.
    pub(super) told: Option<String>,
    /// Sessions that another client of our name took over.
    pub(super) takeovers: u64,
    /// The status of the last handshake; 0 = none.
    pub(super) status: u16,
}

/// How far it is with a peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// It is being called.
    Calling,
    /// A resync is on its way.
    Learning,
    /// Everything was learned, and what changes comes.
    InSync,
    /// The peer didn't have everything itself.
    Partial,
    /// There is no session.
    Down { why: String, next_try: Option<Instant> },
}

/// When to ask for a resync.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    Never,
    Now,
    At(Instant),
}

/// A table as it was announced in this session.
#[derive(Debug)]
pub(super) struct SessionTable {
    pub(super) name: Box<[u8]>,
    /// The number of ours; `None` if the table isn't wanted.
    pub(super) held: Option<usize>,
}

impl Peer {
    pub(super) fn new(name: Box<[u8]>, shown: String, now: Instant) -> Self {
        Self {
            name,
            shown,
            phase: Phase::Calling,
            since: now,
            without: now,
            before: 0,
            heard: None,
            messages: 0,
            tables: Vec::new(),
            ledger: Ledger::default(),
            ask: Ask::Never,
            partials: 0,
            updates: 0,
            sessions: 0,
            finished: false,
            told: None,
            takeovers: 0,
            status: 0,
        }
    }

    pub(super) fn enter(&mut self, phase: Phase, now: Instant) {
        if self.phase != phase {
            (self.phase, self.since) = (phase, now);
        }
    }

    pub(super) const fn has_session(&self) -> bool {
        matches!(self.phase, Phase::Learning | Phase::InSync | Phase::Partial)
    }
}
