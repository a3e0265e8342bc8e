//! What the running aggregator sends to peers: totals, the lease, and a cold node's own entries.

use std::time::{Duration, Instant};

use super::outlet::lease_definition;
use super::peer::Peer;
use super::runner::Runner;
use crate::aggregate::{Relation, TeachCursor};
use crate::node::{Next, OUTPUT_LOW};
use crate::proto::Session;
use crate::proto::session::Push;

/// The most entries sent to one peer in one turn, so that others have theirs.
const TURN: usize = 1024;

/// How often the lease is sent.
const LEASE: Duration = Duration::from_millis(500);

impl Runner {
    /// Teaches a peer its own entries, if it wants everything; says when to come back.
    pub(super) fn teach(&mut self, peer: usize, now: Instant, session: &mut Session) -> Option<Next> {
        let now_ms = self.wall.ms(now);
        let at = self.peers.get_mut(peer)?;
        let mut cursor: TeachCursor = at.lesson.filter(|_| at.relation != Relation::Up)?;
        let aggregator = self.aggregators.get_mut(at.section)?;
        let Peer { outlets, counts, tables, .. } = at;
        let all = aggregator.teach_back(at.number, &mut cursor, now_ms, TURN, |id, definition, push| {
            let theirs = tables.iter().rev().map(|table| &table.definition).find(|there| there.name == definition.name);
            // It may not have announced anything yet: it is the definition that it had.
            let sent = outlets.push(session, (Some(id), definition), Some(theirs.unwrap_or(definition)), push);
            counts.taught += u64::from(sent);
            session.pending_output() < OUTPUT_LOW
        });
        if !all {
            at.lesson = Some(cursor);
            return Some(if session.pending_output() < OUTPUT_LOW { Next::Again } else { Next::Wait });
        }
        let whole = aggregator.may_finish(at.number);
        session.end_resync(whole);
        (at.lesson, at.taught_at) = (None, Some(now));
        None
    }

    /// A level above that wanted all totals has them. They are all that there is as long as all sources are fresh.
    pub(super) fn told_all(&mut self, peer: usize, now: Instant, session: &mut Session) {
        let now_ms = self.wall.ms(now);
        let Some(at) = self.peers.get_mut(peer).filter(|at| at.relation == Relation::Up) else { return };
        let Some(aggregator) = self.aggregators.get_mut(at.section) else { return };
        if at.lesson.take().is_some() {
            session.end_resync(aggregator.lease(now_ms).is_valid && !self.dry_run);
            at.taught_at = Some(now);
        }
    }

    /// Sends a peer what waits for it; says whether more does.
    pub(super) fn publish(&mut self, peer: usize, now: Instant, session: &mut Session) -> bool {
        let now_ms = self.wall.ms(now);
        let Some(at) = self.peers.get_mut(peer) else { return false };
        let Some(aggregator) = self.aggregators.get_mut(at.section) else { return false };
        // What a node has is known when it has told everything.
        let is_node = at.is_node();
        if !at.has_told_tables() {
            return false;
        }
        if session.pending_output() >= OUTPUT_LOW {
            return true;
        }
        let before = at.counts.published;
        let Peer { outlets, counts, tables, .. } = at;
        let more = aggregator.publish(at.number, now_ms, TURN, |id, definition, push| {
            let theirs = tables.iter().rev().map(|table| &table.definition).find(|there| there.name == definition.name);
            let theirs = if is_node { theirs } else { Some(definition) };
            counts.published += u64::from(outlets.push(session, (Some(id), definition), theirs, push));
            session.pending_output() < OUTPUT_LOW
        });
        at.is_busy = more;
        let sent = at.counts.published - before;
        if let Some(pulse) = self.pulses.get_mut(at.section) {
            pulse.note(now, sent);
        }
        more
    }

    /// Says how many sources are fresh: to nodes as long as all are, to the other aggregator always. Says when to say it again.
    pub(super) fn lease(&mut self, peer: usize, now: Instant, session: &mut Session) -> Option<Instant> {
        let now_ms = self.wall.ms(now);
        let at = self.peers.get_mut(peer)?;
        let due = at.lease_at?;
        if due > now {
            return Some(due);
        }
        at.lease_at = Some(now + LEASE);
        let aggregator = self.aggregators.get_mut(at.section)?;
        let name = aggregator.options().lease.clone()?;
        let lease = aggregator.lease(now_ms);
        let ours = lease_definition(&name);
        let theirs = match at.relation {
            Relation::Node if lease.is_valid => at.table(&name).cloned(),
            Relation::Standby => Some(ours.clone()),
            Relation::Node | Relation::Up | Relation::Down => None,
        };
        if let Some(theirs) = theirs {
            self.values.clear();
            self.values.push(lease.fresh as u64);
            let push = Push { key: &self.us, values: &self.values, server_key: None, life_ms: None };
            at.outlets.push(session, (None, &ours), Some(&theirs), &push);
        }
        at.lease_at
    }
}
