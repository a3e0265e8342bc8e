//! What the running aggregator knows of one peer's connection.

use std::time::{Duration, Instant};

use crate::aggregate::{PeerNumber, Relation, TeachCursor};
use crate::cli::complaints::Complaints;
use crate::cli::ledger::Ledger;
use crate::escape;
use crate::proto::hello::Status;
use crate::record::TableId;
use crate::stick::Definition;

use super::outlet::Outlets;

/// A peer.
#[derive(Debug)]
pub(super) struct Peer {
    /// The name as the file has it, and escaped.
    pub(super) name: Box<[u8]>,
    pub(super) shown: String,
    /// The section it belongs to, and its place there.
    pub(super) section: usize,
    pub(super) number: PeerNumber,
    pub(super) relation: Relation,
    /// There is a session.
    pub(super) up: bool,
    /// Its tables on this session, in the order in which it announced them.
    pub(super) tables: Vec<Announced>,
    /// What it has told on this session.
    pub(super) told_us: ToldUs,
    /// What is sent to it.
    pub(super) outlets: Outlets,
    /// When the lease is sent next.
    pub(super) lease_at: Option<Instant>,
    /// How far it has been taught its own entries, if it wants everything.
    pub(super) lesson: Option<TeachCursor>,
    /// When it had been taught everything, in this session.
    pub(super) taught_at: Option<Instant>,
    /// It asks again too soon, and gets no more than an answer.
    pub(super) too_soon: bool,
    /// More waits for it than it takes at the moment.
    pub(super) is_busy: bool,
    pub(super) ledger: Ledger,
    /// The last answer to a hello of ours.
    pub(super) status: u16,
    /// What is wrong with it.
    pub(super) complaints: Complaints,
    pub(super) counts: Counts,
}

/// How much a peer has told on a session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum ToldUs {
    /// It is at it.
    Little,
    /// All its tables, and what it has, which isn't everything.
    Tables,
    /// Everything.
    All,
}

/// A table that a peer has announced.
#[derive(Debug)]
pub(super) struct Announced {
    pub(super) definition: Definition,
    /// Its number in the state file, if its entries are kept there.
    pub(super) id: Option<TableId>,
    /// Why its entries aren't added up.
    pub(super) rejected: Option<String>,
}

/// What is counted of a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    /// Entries received.
    pub(super) updates: u64,
    pub(super) sessions: u64,
    /// Sessions that another client of our name took over.
    pub(super) takeovers: u64,
    /// Totals sent.
    pub(super) published: u64,
    /// Its own entries, taught back to it.
    pub(super) taught: u64,
}

/// How soon a session may ask for everything again.
const AGAIN: Duration = Duration::from_secs(5);

impl Peer {
    pub(super) fn new(name: &[u8], section: usize, number: PeerNumber, relation: Relation) -> Self {
        Self {
            name: name.into(),
            shown: escape::name(name).into_owned(),
            section,
            number,
            relation,
            up: false,
            tables: Vec::new(),
            told_us: ToldUs::Little,
            outlets: Outlets::default(),
            lease_at: None,
            lesson: None,
            taught_at: None,
            too_soon: false,
            is_busy: false,
            ledger: Ledger::default(),
            status: 0,
            complaints: Complaints::default(),
            counts: Counts::default(),
        }
    }

    /// A session is established.
    pub(super) fn begin(&mut self, now: Instant) {
        (self.up, self.told_us, self.status) = (true, ToldUs::Little, Status::OK.0);
        self.complaints.established(now);
        self.tables.clear();
        (self.outlets, self.ledger) = (Outlets::default(), Ledger::default());
        (self.lease_at, self.lesson, self.taught_at) = (Some(now), None, None);
        (self.too_soon, self.is_busy) = (false, false);
        self.counts.sessions += 1;
    }

    /// It wants everything.
    pub(super) fn wants_all(&mut self, now: Instant) {
        self.too_soon = self.taught_at.is_some_and(|then| now < then + AGAIN);
        if !self.too_soon && self.lesson.is_none() {
            self.lesson = Some(TeachCursor::default());
        }
    }

    /// The table of that name that it has announced last.
    pub(super) fn table(&self, name: &[u8]) -> Option<&Definition> {
        self.tables.iter().rev().map(|table| &table.definition).find(|definition| *definition.name == *name)
    }

    /// Whether it is known which tables it has.
    pub(super) fn has_told_tables(&self) -> bool {
        !self.is_node() || self.told_us >= ToldUs::Tables
    }

    /// Whether it announces what it has, as HAProxy does; another aggregator announces what it sends.
    pub(super) fn is_node(&self) -> bool {
        self.relation == Relation::Node
    }
}
