//! Peers come and go, and teach all they have.

use super::{Aggregator, PeerNumber};

/// The longest wait before a source that hadn't everything is asked again, in milliseconds.
const LONGEST_WAIT_MS: u64 = 64_000;

/// Two sources that seem to replicate a table to each other as well, so that totals count twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mesh {
    /// The name of the table.
    pub table: Box<[u8]>,
    /// The names of both.
    pub peers: [Box<[u8]>; 2],
}

impl Aggregator {
    /// The session with a peer is established. A source is asked for everything.
    pub fn link_up(&mut self, peer: PeerNumber, now_ms: u64) {
        let now_ms = self.at(now_ms);
        let is_open = self.is_open;
        let Some(state) = self.peers.get_mut(peer.0) else { return };
        let was_up = std::mem::replace(&mut state.is_up, true);
        self.up |= 1 << peer.0;
        state.since_ms = Some(now_ms);
        (state.is_learning, state.is_synced, state.partial, state.is_dropped) = (false, false, 0, false);
        (state.is_sweeping, state.owes_look) = (false, false);
        state.ask_ms = state.is_source().then_some(now_ms);
        state.routes.clear();
        state.has.clear();
        let is_destination = state.is_destination();
        let cx = self.context();
        for totals in &mut self.totals {
            if is_destination {
                totals.empty(peer.0);
                if is_open {
                    totals.fill(peer.0);
                }
            }
            if !was_up {
                totals.link_changed(peer.0, &cx);
            }
        }
        self.decide();
    }

    /// The session with a peer is over, in order if nothing it had sent was lost.
    pub fn link_down(&mut self, peer: PeerNumber, in_order: bool, now_ms: u64) {
        let now_ms = self.at(now_ms);
        let Some(state) = self.peers.get_mut(peer.0) else { return };
        if !std::mem::replace(&mut state.is_up, false) {
            return;
        }
        self.up &= !(1 << peer.0);
        state.since_ms = Some(now_ms);
        state.ended_well = in_order && state.is_synced;
        (state.is_learning, state.is_synced, state.ask_ms, state.says) = (false, false, None, None);
        let cx = self.context();
        for totals in &mut self.totals {
            totals.empty(peer.0);
            totals.link_changed(peer.0, &cx);
        }
        self.decide();
    }

    /// Whether a source is to be asked for everything now; if so, it counts as asked.
    pub fn wants_resync(&mut self, peer: PeerNumber, now_ms: u64) -> bool {
        let now_ms = self.at(now_ms);
        let Some(state) = self.peers.get_mut(peer.0) else { return false };
        if !state.is_up || state.is_learning || state.ask_ms.is_none_or(|ask| ask > now_ms) {
            return false;
        }
        // What it had lost by the last one is still there.
        if self.totals.iter().any(|totals| totals.is_sweeping(peer.0)) {
            return false;
        }
        state.is_learning = true;
        state.ask_ms = None;
        for totals in &mut self.totals {
            totals.begin_generation(peer.0);
        }
        true
    }

    /// A source is to be asked for everything at the next opportunity.
    pub fn ask(&mut self, peer: PeerNumber, now_ms: u64) {
        let now_ms = self.at(now_ms);
        if let Some(state) = self.peers.get_mut(peer.0).filter(|state| state.is_up && state.is_source()) {
            state.ask_ms = Some(now_ms);
        }
    }

    /// A resync of a source has ended; `complete` if the source has everything itself. What it didn't teach again it has lost.
    /// The source is in sync when what it has lost was looked for, which [`Self::tick`] goes on with.
    pub fn resync_ended(&mut self, peer: PeerNumber, complete: bool, now_ms: u64) {
        let now_ms = self.at(now_ms);
        let cx = self.context();
        let Some(state) = self.peers.get_mut(peer.0) else { return };
        if !state.is_learning || state.is_sweeping {
            return;
        }
        if !complete {
            state.is_learning = false;
            let wait = (1_000 << state.partial.min(6)).min(LONGEST_WAIT_MS);
            state.partial += 1;
            state.ask_ms = Some(now_ms + wait);
            return;
        }
        state.is_sweeping = true;
        for totals in &mut self.totals {
            totals.sweep(peer.0, &cx);
        }
        self.end_sweeps();
    }

    /// Two sources that seem to replicate a table to each other as well; told once each time it is found anew.
    pub fn next_mesh(&mut self) -> Option<Mesh> {
        let (table, one, other) = self.meshes.pop()?;
        let name = |at: usize| self.options.peers.get(at).map(|peer| peer.name.clone());
        Some(Mesh { table, peers: [name(one)?, name(other)?] })
    }

    /// Sources of which all is known that they have lost are in sync.
    pub(super) fn end_sweeps(&mut self) {
        let (now_ms, refresh_ms) = (self.now_ms, self.options.refresh_ms);
        let (cx, mut has_news) = (self.context(), false);
        for (at, state) in self.peers.iter_mut().enumerate().filter(|(_, state)| state.is_sweeping) {
            if self.totals.iter().any(|totals| totals.is_sweeping(at)) {
                continue;
            }
            state.is_sweeping = false;
            // Its session may be over.
            if std::mem::replace(&mut state.is_learning, false) {
                has_news = true;
                for totals in &mut self.totals {
                    if let Some(other) = totals.look_alike(at, &cx) {
                        self.meshes.push((totals.source.name.clone(), at, other));
                    }
                }
                (state.partial, state.is_synced, state.was_synced) = (0, true, true);
                // It may have been asked for again in the meantime.
                state.ask_ms = state.ask_ms.or(refresh_ms.map(|refresh| now_ms + refresh));
            }
        }
        if has_news {
            self.decide();
        }
        self.ask_about_echoes();
    }
}
