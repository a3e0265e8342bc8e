//! What must be true: all the time, and in the end.

use std::collections::BTreeMap;

use super::{COUNTED, OWN, TOTAL, World};
use crate::cli::recorder as disk;
use crate::haproxy::{Haproxy, Kind, LONGER, TYPES, Table, is_behind};
use crate::history::Values;
use crate::ours::{Program, What};
use crate::table::EntryRef;

/// What lives for less time is not compared, in milliseconds.
const MARGIN: u64 = 1_500;

/// Nothing lives for less time than where it was counted, by more than that, in milliseconds.
const SAME_LIFE: u64 = 2_000;

/// The values of an entry of a store, by the data types that are simulated.
fn values(entry: &EntryRef<'_>, definition: &crate::stick::Definition) -> Values {
    let mut slots = Vec::new();
    entry.values(&mut slots);
    let names = ["gpt0", "gpc0", "conn_cnt", "bytes_in_cnt"];
    std::array::from_fn(|at| {
        let field = crate::grammar::DataType::by_name(names[at].as_bytes()).and_then(|of| definition.layout.field(of));
        field.map_or(0, |field| slots[field.slot])
    })
}

impl World {
    /// Everything that a node has acknowledged is on its disk, be it killed or not: of one HAProxy, or of all.
    pub(super) fn check_durable(&mut self, at: usize, of: Option<usize>) {
        let ours = &self.ours[at];
        let runs = of.is_some();
        let is_hold = matches!(ours.what, What::Hold);
        // Of tables that differ only one kind is kept; an aggregator acknowledges the others all the same.
        if !matches!(ours.what, What::Watch) && self.redefined.contains(&true) {
            return;
        }
        let mut contents = None;
        for haproxy in self.haproxies.iter().filter(|haproxy| haproxy.is_up && of.is_none_or(|of| of == haproxy.number))
        {
            let peer = &haproxy.peers[at];
            for (number, acked) in &peer.acked {
                let table = &haproxy.tables[*number];
                if table.shape.kind != Kind::Own {
                    continue;
                }
                for (key, entry) in table.entries(self.now + MARGIN) {
                    let own = !entry.is_learned && !is_behind(entry.id, table.newest);
                    if !own || is_behind(entry.id, *acked) || *acked == table.begun {
                        continue;
                    }
                    let contents = contents.get_or_insert_with(|| disk::contents(&ours.path(), runs));
                    let source = if is_hold { &*ours.name } else { &*haproxy.name };
                    let place = (source.to_owned(), table.shape.name.to_owned(), key.to_string());
                    let found = contents.get(&place).copied();
                    self.counts.durable += 1;
                    assert!(
                        found.is_some_and(|found| found >= entry.values[3]),
                        "I1 durable ack: {} has acknowledged {acked} of {} of {}, but for key {key} its disk has {found:?}, not {:?}",
                        ours.name,
                        table.shape.name,
                        haproxy.name,
                        entry
                    );
                }
            }
        }
    }

    /// What a standby has acknowledged to a HAProxy that is about to die: its next process is owed that.
    pub(super) fn note_owed(&mut self, at: usize) {
        let now = self.now + MARGIN;
        let is_hold = |peer: &usize| matches!(self.ours[*peer].what, What::Hold);
        let Some(peer) = (0..self.ours.len()).find(is_hold) else { return };
        let haproxy = &mut self.haproxies[at];
        for (number, acked) in &haproxy.peers[peer].acked {
            let table = &haproxy.tables[*number];
            let owed = table.entries(now).filter(|(_, entry)| {
                let own = !entry.is_learned && !is_behind(entry.id, table.newest);
                own && !is_behind(entry.id, *acked) && *acked != table.begun
            });
            haproxy.owed.extend(owed.map(|(key, entry)| (key, entry.values[1])));
        }
    }

    /// A HAProxy that has just been taught everything by a standby has everything that the standby has of it.
    pub(super) fn look_at_lessons(&mut self, at: usize) {
        let Some(peer) = self.haproxies[at].taught.take() else { return };
        let owed = std::mem::take(&mut self.haproxies[at].owed);
        let Some(hold) = self.ours[peer].program.as_ref().and_then(Program::hold) else { return };
        if self.redefined[at] {
            return;
        }
        let haproxy = &self.haproxies[at];
        let (count, number) = (self.haproxies.len(), haproxy.number);
        let Some(table) = haproxy.tables.iter().find(|table| table.shape.name == OWN) else { return };
        // A table that one instance has in another way now is forgotten as it was.
        let owed = if self.redefined.contains(&true) { BTreeMap::new() } else { owed };
        for (key, count) in owed {
            // What has expired is owed to nobody.
            let held = hold.with(OWN.as_bytes(), &key.to_be_bytes(), |entry, _| entry.rest_ms());
            let has = table.get(key, self.now).map(|has| has.values[1]);
            let lives = held.flatten().is_none_or(|rest| u64::from(rest) > MARGIN) && held.is_some();
            assert!(
                !lives || has.is_some_and(|has| has >= count),
                "I1 durable ack: {} had counted {count} of key {key}, which was acknowledged, and was given back {has:?}",
                haproxy.name
            );
            self.counts.given_back += 1;
        }
        for (definition, entry) in hold.entries() {
            let key = u32::from_be_bytes(entry.key().try_into().expect("4 bytes"));
            let lives = entry.rest_ms().is_none_or(|rest| u64::from(rest) > MARGIN);
            if key as usize % count != number || !lives || !is_like(definition, table) {
                continue;
            }
            let (held, has) = (values(&entry, definition), table.get(key, self.now));
            // What it has counted meanwhile it may have told, before that gave way to what it was taught; it tells it again.
            if has.is_some_and(|has| !is_behind(has.id, table.newest)) {
                continue;
            }
            assert!(
                has.is_some_and(|has| has.values[3] >= held[3]),
                "I3 convergence: {} was taught everything, but key {key} is {has:?}, not {held:?}",
                haproxy.name
            );
            self.counts.taught += 1;
        }
    }

    /// Whether all have the same.
    pub(super) fn converged(&mut self) -> Result<(), String> {
        for haproxy in &self.haproxies {
            for (peer, ours) in haproxy.peers.iter().zip(&self.ours) {
                let at = haproxy.number;
                let session = ours.sessions.iter().any(|driven| driven.peer == Some(at) && driven.is_established);
                if !session || haproxy.session(at_of(haproxy, &peer.name)).is_none() {
                    return Err(format!("{} has no session with {}", ours.name, haproxy.name));
                }
            }
        }
        let mut compared = 0;
        for at in 0..self.ours.len() {
            compared += match self.ours[at].program.as_ref().expect("it runs") {
                Program::Hold(_) | Program::Watch(_) => self.same_entries(at)?,
                Program::Totals(totals) if !totals.is_open() => return Err("totals aren't published".into()),
                Program::Totals(_) => self.same_totals(at)?,
            };
        }
        self.counts.compared += compared;
        Ok(())
    }

    /// Whether a standby or a watch has what the instances of HAProxy have; gives the number of entries.
    fn same_entries(&self, at: usize) -> Result<usize, String> {
        let ours = &self.ours[at];
        let program = ours.program.as_ref().expect("it runs");
        let mut compared = 0;
        for haproxy in &self.haproxies {
            let tables = haproxy.peers[at].tables.iter().map(|table| &haproxy.tables[*table]);
            for table in tables {
                for (key, entry) in table.entries(self.now + MARGIN) {
                    let is_hold = matches!(program, Program::Hold(_));
                    // What others have counted may be newer where they are; what was learned isn't told to others.
                    let counted_here = key as usize % self.haproxies.len() == haproxy.number;
                    // A standby that was killed may have taught what wasn't on its disk, and so wasn't acknowledged.
                    let unsure = entry.is_learned && self.counts.killed[1] > 0;
                    if is_hold && (!counted_here || unsure) || !is_hold && entry.is_learned {
                        continue;
                    }
                    let look = |found: &EntryRef<'_>, definition: &crate::stick::Definition| {
                        (values(found, definition), found.rest_ms())
                    };
                    let (name, key_bytes) = (table.shape.name.as_bytes(), key.to_be_bytes());
                    let found = match program {
                        Program::Hold(hold) => hold.with(name, &key_bytes, look),
                        Program::Watch(watch) => watch.with(haproxy.number, name, &key_bytes, look),
                        Program::Totals(_) => None,
                    };
                    let place = || format!("key {key} of {} of {} at {}", table.shape.name, haproxy.name, ours.name);
                    let Some((found, rest)) = found else {
                        return Err(format!("{}: not {entry:?}, but none", place()));
                    };
                    self.history.check(key, &found, &ours.name);
                    if found[3] != entry.values[3] {
                        return Err(format!("{}: {found:?}, not {entry:?}", place()));
                    }
                    let left = entry.deadline.saturating_sub(self.now);
                    // What a HAProxy says once more behind a resync comes without its age: copies of it may live longer.
                    let most = u64::from(table.shape.expire + LONGER);
                    let life = rest.map_or(entry.deadline == u64::MAX, |rest| {
                        (left.saturating_sub(SAME_LIFE)..=most).contains(&rest.into())
                    });
                    if !life {
                        return Err(format!("{}: lives for {rest:?}, not {left}", place()));
                    }
                    compared += 1;
                }
            }
        }
        Ok(compared)
    }

    /// Whether all instances of HAProxy have the totals that adding up gives; gives the number of totals.
    fn same_totals(&self, at: usize) -> Result<usize, String> {
        let table =
            |haproxy: &Haproxy, name| haproxy.tables.iter().position(|table| table.shape.name == name).expect("there");
        let mut compared = 0;
        for key in 0..self.keys {
            let sources =
                || self.haproxies.iter().filter_map(|haproxy| haproxy.tables[table(haproxy, COUNTED)].stored(key));
            if sources().any(|entry| entry.deadline.abs_diff(self.now) <= MARGIN) {
                continue;
            }
            let living = || sources().filter(|entry| entry.deadline > self.now);
            let sum = living().fold([0; 4], |sum: Values, entry| std::array::from_fn(|at| sum[at] + entry.values[at]));
            for haproxy in &self.haproxies {
                let total = haproxy.tables[table(haproxy, TOTAL)].get(key, self.now).map(|total| total.values);
                let is_it = match total {
                    Some(total) => (total[1], total[3]) == (sum[1], sum[3]),
                    None => living().next().is_none(),
                };
                // A total of a process of ours that has ended, or of other definitions, of which nobody knows any more, lives to
                // its end.
                let has_orphans = self.counts.killed[1] > 0 || self.redefined.contains(&true);
                let is_orphan = living().next().is_none() && has_orphans;
                if !is_it && !is_orphan {
                    return Err(format!(
                        "I4 exact sums: the total of key {key} at {} is {total:?}, not {sum:?} as {} should have it: {:?}",
                        haproxy.name,
                        self.ours[at].name,
                        sources().collect::<Vec<_>>()
                    ));
                }
                compared += 1;
            }
        }
        Ok(compared)
    }

    /// All end in order, and what they have written is whole.
    pub(super) fn end(&mut self) {
        for at in 0..self.ours.len() {
            let sockets = self.ours[at].stop(&mut self.wire);
            for socket in sockets {
                self.wire.close(socket, self.now);
            }
            if self.random.one_in(8) {
                disk::check(&self.ours[at].path());
            }
            self.check_durable(at, None);
        }
        assert!(self.history.len() == self.counts.changes, "all changes were noted");
    }
}

fn at_of(haproxy: &Haproxy, name: &str) -> usize {
    haproxy.peers.iter().position(|peer| peer.name == name).expect("it is a peer")
}

/// Whether a standby holds a table as this HAProxy has it.
fn is_like(definition: &crate::stick::Definition, table: &Table) -> bool {
    let slots = TYPES.iter().filter(|number| table.shape.types & 1 << **number != 0).count();
    *definition.name == *table.shape.name.as_bytes() && definition.layout.slots() == slots
}
