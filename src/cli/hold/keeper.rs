//! Keeps what peers teach, in memory and on disk, and teaches those that come up cold.

use std::time::Instant;

use super::peer::Peer;
use crate::cli::complaints::Complaints;
use crate::cli::failure::Failure;
use crate::cli::state::StateFile;
use crate::cli::wall::WallClock;
use crate::hold::Standby;
use crate::node::{Handler, LinkState, Next, PeerIndex};
use crate::proto::Session;
use crate::proto::session::Event;
use crate::record::TableId;

/// Entries whose end is looked at in one turn.
const EXPIRE: usize = 20_000;

/// The handler.
#[derive(Debug)]
pub(super) struct Keeper {
    /// Our own name: whose tables those in the file are.
    pub(super) us: Box<[u8]>,
    /// In the order of their numbers; those that are none any more stay.
    pub(super) peers: Vec<Peer>,
    pub(super) standby: Standby,
    /// `None` once it is closed.
    pub(super) state: Option<StateFile>,
    /// For each table its number in the file.
    pub(super) numbers: Vec<Option<TableId>>,
    /// How far a snapshot is: which table, and where in it.
    pub(super) snapshot: (usize, u32),
    pub(super) wall: WallClock,
    pub(super) values: Vec<u64>,
    /// Lines for people.
    pub(super) messages: Vec<String>,
    pub(super) stopping: bool,
    /// It can't go on, for this reason.
    pub(super) failed: Option<Failure>,
    /// Entries that could not be written.
    pub(super) unwritten: u64,
}

impl Keeper {
    pub(super) fn new(us: &[u8], standby: Standby, state: StateFile, wall: WallClock) -> Self {
        let mut keeper = Self {
            us: us.into(),
            peers: Vec::new(),
            standby,
            state: Some(state),
            numbers: Vec::new(),
            snapshot: (0, 0),
            wall,
            values: Vec::new(),
            messages: Vec::new(),
            stopping: false,
            failed: None,
            unwritten: 0,
        };
        keeper.log_tables();
        keeper
    }

    /// Another peer, from now on; `before` is what it was called as before. Its number is that of the node.
    pub(super) fn add_peer(&mut self, shown: String, before: Option<usize>) {
        let counts = before.and_then(|before| self.peers.get(before)).map(|peer| peer.counts);
        self.peers.push(Peer { counts: counts.unwrap_or_default(), ..Peer::new(shown) });
        self.standby.add_peer(before);
    }

    /// A peer isn't one any more.
    pub(super) fn retire(&mut self, peer: usize) {
        if let Some(at) = self.peers.get_mut(peer) {
            at.retired = true;
            at.complaints = Complaints::default();
        }
        self.standby.retire(peer);
    }

    /// Those that are peers now, with their numbers.
    pub(super) fn current(&self) -> impl Iterator<Item = (usize, &Peer)> {
        self.peers.iter().enumerate().filter(|(_, peer)| !peer.retired)
    }

    /// What is to be done now and then.
    pub(super) fn tick(&mut self, now: Instant) {
        self.wall.look();
        let now_ms = self.wall.ms(now);
        self.standby.tidy(now_ms, EXPIRE);
        self.messages.extend(self.peers.iter_mut().filter_map(|peer| peer.complaints.due(now)));
        let entries = self.standby.tables().iter().map(|held| held.store().len()).sum();
        let time = self.wall.at(now);
        let Some(state) = &mut self.state else { return };
        state.hand_over();
        self.messages.extend(state.look(now));
        if state.begin_snapshot(now, entries, time) {
            self.snapshot = (0, 0);
        }
        self.write_pieces(now);
    }

    /// Whether acknowledgements wait for the disk.
    pub(super) fn owes(&self) -> bool {
        self.peers.iter().any(|peer| !peer.ledger.is_empty())
    }
}

impl Handler for Keeper {
    fn event(&mut self, peer: PeerIndex, now: Instant, event: Event<'_>) {
        match event {
            Event::Update(update) => self.update(peer.0, now, &update),
            Event::Established { .. } => {
                self.standby.begin(peer.0);
                if let Some(at) = self.peers.get_mut(peer.0) {
                    at.begin(now);
                }
            }
            Event::Table(table) => self.table(peer.0, now, table),
            Event::ResyncEnded { complete } => self.learned(peer.0, now, complete),
            Event::ResyncRequested => {
                let settled = self.standby.recall(peer.0, self.wall.ms(now));
                self.log_all(now, &settled);
                if let Some(at) = self.peers.get_mut(peer.0) {
                    at.wants_all(now);
                }
            }
            Event::ResyncConfirmed => {
                if let Some(at) = self.peers.get_mut(peer.0) {
                    at.confirms(now);
                }
            }
            Event::Acked { .. } | Event::Closed(_) => {}
        }
    }

    fn ready(&mut self, peer: PeerIndex, now: Instant, session: &mut Session) -> Next {
        let Some(at) = self.peers.get_mut(peer.0) else { return Next::Stop };
        let messages = session.counters().messages;
        if messages != at.messages {
            (at.messages, at.heard) = (messages, Some(now));
        }
        if let Some(state) = &mut self.state {
            let mark = state.hand_over();
            if let Some(mark) = mark {
                at.ledger.mark(&[mark]);
            }
            at.ledger.due(&[state.durable()], |table, id| session.acknowledge(table, id));
        }
        if let Some(next) = self.teach(peer.0, now, session) {
            return next;
        }
        let Some(at) = self.peers.get_mut(peer.0) else { return Next::Stop };
        match at.ask {
            Some(then) if then <= now && !session.is_learning() => {
                at.ask = None;
                self.standby.ask(peer.0);
                session.request_resync();
                Next::Wait
            }
            Some(then) if then > now => Next::At(then),
            _ => Next::Wait,
        }
    }

    fn link(&mut self, peer: PeerIndex, now: Instant, state: &LinkState<'_>) {
        match state {
            LinkState::Closed { why, .. } => self.closed(peer.0, now, why),
            LinkState::Contested { count } => {
                if let Some(at) = self.peers.get_mut(peer.0) {
                    at.counts.takeovers = *count;
                }
            }
            LinkState::Established(_)
            | LinkState::Dialling(_)
            | LinkState::Connected { .. }
            | LinkState::Secured(_)
            | LinkState::Answered { .. } => {}
        }
    }

    fn refused(&mut self, _now: Instant, refusal: &crate::node::Refusal) {
        if refusal.is_first {
            self.messages.push(refusal.to_string());
        }
    }
}
