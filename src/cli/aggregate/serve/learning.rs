//! What peers teach the running aggregator.

use std::time::Instant;

use super::outlet::lease_definition;
use super::peer::{Announced, ToldUs};
use super::runner::Runner;
use crate::aggregate::{self, Change, Mesh};
use crate::cli::ledger::Ledger;
use crate::escape;
use crate::node::LinkError;
use crate::proto::session::{Closed, RemoteTable, Update};

impl Runner {
    pub(super) fn table(&mut self, peer: usize, now: Instant, table: &RemoteTable) {
        let now_ms = self.wall.ms(now);
        let Some(at) = self.peers.get_mut(peer) else { return };
        let Some(aggregator) = self.aggregators.get_mut(at.section) else { return };
        let definition = &table.definition;
        at.outlets.redefined(&definition.name);
        let (mut id, mut rejected) = (None, None);
        let name = escape::name(&definition.name);
        match aggregator.table(at.number, table.index, definition, now_ms) {
            aggregate::Announced::Accepted => {
                if let Some(state) = &mut self.state {
                    match state.table(&at.name, definition, aggregator.keeps(&definition.name)) {
                        Ok(number) => id = Some(number),
                        Err(why) => self.messages.push(format!("table {name}: it isn't kept on disk: {why}")),
                    }
                }
            }
            aggregate::Announced::Rejected(why) => {
                self.messages.push(format!("{}: table {name} is not added up: {why}", at.shown));
                rejected = Some(why.to_string());
            }
            aggregate::Announced::Echo | aggregate::Announced::NotOurs => {}
        }
        at.tables.push(Announced { definition: definition.clone(), id, rejected });
    }

    /// Tells of nodes that seem to be peers of each other.
    pub(super) fn tell_meshes(&mut self) {
        for aggregator in &mut self.aggregators {
            while let Some(Mesh { table, peers }) = aggregator.next_mesh() {
                let [one, other] = peers.each_ref().map(|name| escape::name(name));
                self.messages.push(format!(
                    "{one}: table {} has the entries of {other}, to the moment of their last use: these nodes seem to replicate it to \
                     each other, too, and then totals count twice; in its peers section a node lists itself and aggregators only",
                    escape::name(&table)
                ));
            }
        }
    }

    /// Notes in the state file what has happened to entries that no peer has taught.
    pub(super) fn note_changes(&mut self, now: Instant) {
        let Some(state) = &mut self.state else { return };
        let (now_ms, time) = (self.wall.ms(now), self.wall.at(now));
        for aggregator in &mut self.aggregators {
            aggregator.changes(now_ms, |change| match change {
                Change::Kept(saved) => state.kept(time, &saved),
                Change::Lost { peer, definition, key } => state.gone(peer, &definition.name, time, key),
            });
        }
    }

    #[inline]
    pub(super) fn update(&mut self, peer: usize, now: Instant, update: &Update<'_>) {
        let now_ms = self.wall.ms(now);
        let Some(at) = self.peers.get_mut(peer) else { return };
        at.counts.updates += 1;
        if !update.resync {
            at.ledger.note(update.table.index, update.id);
        }
        let Some(aggregator) = self.aggregators.get_mut(at.section) else { return };
        let taken = aggregator.update(at.number, update.table.index, &update.into(), now_ms).is_some();
        let id = at.tables.get(update.table.index).and_then(|announced| announced.id).filter(|_| taken);
        if let (Some(state), Some(id)) = (&mut self.state, id) {
            state.update(id, update.table.definition.expire_ms, self.wall.at(now), update);
        }
    }

    pub(super) fn learned(&mut self, peer: usize, now: Instant, complete: bool) {
        let now_ms = self.wall.ms(now);
        let Some(at) = self.peers.get_mut(peer) else { return };
        let Some(aggregator) = self.aggregators.get_mut(at.section) else { return };
        aggregator.resync_ended(at.number, complete, now_ms);
        let told = if complete { ToldUs::All } else { ToldUs::Tables };
        let first = at.told_us == ToldUs::Little;
        if told > at.told_us {
            at.told_us = told;
            let what = if complete { "in sync" } else { "it doesn't have everything itself (resync partial)" };
            self.messages.push(format!("{}: {what}", at.shown));
        }
        if !(first && at.is_node()) {
            return;
        }
        let (naming, lease) = (&aggregator.options().naming, &aggregator.options().lease);
        let added_up =
            |announced: &&Announced| announced.rejected.is_none() && lease.as_ref() != Some(&announced.definition.name);
        for announced in at.tables.iter().filter(added_up) {
            let total = naming.total_of(&announced.definition.name).filter(|total| at.table(total).is_none());
            if let Some(total) = total {
                self.messages.push(format!(
                    "{}: it has no table `{}`, so nobody reads the totals there; add it to its peers section as `{}`",
                    at.shown,
                    escape::name(&total),
                    announced.definition
                ));
            }
        }
        let lease = lease.as_ref().filter(|lease| at.table(lease).is_none());
        if let Some(lease) = lease {
            self.messages.push(format!(
                "{}: it has no table `{}`, so it can't see whether the totals can be trusted; add it as `{}`",
                at.shown,
                escape::name(lease),
                lease_definition(lease)
            ));
        }
    }

    pub(super) fn closed(&mut self, peer: usize, now: Instant, why: &LinkError) {
        let now_ms = self.wall.ms(now);
        let Some(at) = self.peers.get_mut(peer) else { return };
        let was_up = std::mem::replace(&mut at.up, false);
        if let (true, Some(aggregator)) = (was_up, self.aggregators.get_mut(at.section)) {
            // What was sent before an end in order has arrived.
            let in_order = matches!(why, LinkError::Session(Closed::Eof { within: 0 }));
            aggregator.link_down(at.number, in_order, now_ms);
        }
        at.lesson = None;
        // Nobody waits for these acknowledgements any more.
        at.ledger = Ledger::default();
        if self.stopping {
            return;
        }
        if let LinkError::Session(Closed::Refused(status)) = why {
            at.status = status.0;
        }
        if let LinkError::TakenOver { times, .. } = why {
            at.counts.takeovers += *times as u64;
        }
        self.messages.extend(at.complaints.closed(now, why, &at.shown));
    }
}
