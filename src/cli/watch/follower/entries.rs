//! What peers teach: tables and their entries.

use std::time::Instant;

use super::super::held::{Entries, Held};
use super::super::peer::SessionTable;
use super::{Follower, Message};
use crate::cli::failure::Failure;
use crate::cli::target::Meant;
use crate::escape;
use crate::output::entries::lines::State;
use crate::proto::session::{RemoteTable, Update};
use crate::table::{Applied, ServerKey};

impl Follower {
    /// A table is announced, or announced anew in another way.
    pub(super) fn table(&mut self, peer: usize, now: Instant, table: &RemoteTable) {
        let name = &table.definition.name;
        let meant = self.choice.meant(name);
        let Some(at) = self.peers.get_mut(peer) else { return };
        // `t1` is `/t1` only if there is no `t1`.
        let bare = name.strip_prefix(b"/").unwrap_or_default();
        let wanted = match meant {
            Meant::No => false,
            Meant::Unless => !at.tables.iter().any(|other| *other.name == *bare),
            Meant::Yes => {
                for other in &mut at.tables {
                    if other.name.strip_prefix(b"/") == Some(&**name) && self.choice.meant(&other.name) == Meant::Unless
                    {
                        let left = other.held.take().and_then(|number| self.tables.get_mut(number));
                        if let Some(held) = left {
                            held.announced = false;
                        }
                    }
                }
                true
            }
        };
        let number = if wanted { self.hold(peer, now, table) } else { None };
        let Some(at) = self.peers.get_mut(peer) else { return };
        let none = || SessionTable { name: Box::default(), held: None };
        at.tables.resize_with(table.index.max(at.tables.len()), none);
        at.tables.push(SessionTable { name: name.clone(), held: number });
    }

    /// Makes a place for a table, or finds that of a table that is the same as before.
    pub(super) fn hold(&mut self, peer: usize, now: Instant, table: &RemoteTable) -> Option<usize> {
        let definition = &table.definition;
        let (now_ms, time) = (self.wall.ms(now), self.wall.at(now));
        let known = self.tables.iter().position(|held| held.peer == peer && *held.name() == *definition.name);
        let number = known.unwrap_or(self.tables.len());
        let before = self.tables.get_mut(number);
        if let Some(held) = before.filter(|held| held.store.definition() == definition) {
            held.announced = true;
            return Some(number);
        }
        let meant = match self.filter.as_ref().map(|filter| filter.compile(definition)) {
            None => Entries::All,
            Some(Ok(filter)) => Entries::Those(filter),
            Some(Err(error)) => {
                self.misfit = Some((escape::name(&definition.name).into_owned(), error));
                Entries::None
            }
        };
        let held = match Held::new(peer, definition, meant) {
            Ok(held) => held,
            Err(error) => {
                let text = format!("table {}: {error}", escape::name(&definition.name));
                self.messages.push(Message { text, shown: false });
                return None;
            }
        };
        let name = self.peers.get(peer).map(|at| at.name.clone()).unwrap_or_default();
        for outlet in &mut self.outlets {
            if let Some(old) = self.tables.get(number) {
                outlet.retire_all(number, old, now_ms, time);
            }
            outlet.table(number, &name, definition, time);
        }
        match self.tables.get_mut(number) {
            Some(place) => *place = held,
            None => self.tables.push(held),
        }
        Some(number)
    }

    #[inline]
    pub(super) fn update(&mut self, peer: usize, now: Instant, update: &Update<'_>) {
        let Some(at) = self.peers.get_mut(peer) else { return };
        at.updates += 1;
        if !update.resync {
            at.ledger.note(update.table.index, update.id);
        }
        let Some(number) = at.tables.get(update.table.index).and_then(|table| table.held) else { return };
        if (number, now) != (self.waiting_for, self.waiting_since) || self.waiting.is_full() {
            self.settle();
            (self.waiting_for, self.waiting_since) = (number, now);
        }
        self.waiting.push(&update.into());
    }

    /// Deals with the entries that came: each goes into its store and is passed on.
    pub(super) fn settle(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let (number, now) = (self.waiting_for, self.waiting_since);
        let (now_ms, time) = (self.wall.ms(now), self.wall.at(now));
        let Some(held) = self.tables.get_mut(number) else { return self.waiting.clear() };
        let (expire_ms, has_text) = {
            let definition = held.store.definition();
            (definition.expire_ms, definition.layout.has_text())
        };
        self.waiting.apply(&mut held.store, now_ms, |store, update, applied| {
            if self.left == Some(0) {
                return;
            }
            // After a resync HAProxy says once more what it said during it.
            if applied == Applied::Same && !update.resync {
                return;
            }
            self.dropped += u64::from(applied == Applied::Dropped);
            let is_meant = match &held.meant {
                Entries::All => true,
                Entries::Those(filter) => store.get(update.key, now_ms).is_some_and(|entry| filter.matches(&entry)),
                Entries::None => false,
            };
            if let Some(left) = self.left.as_mut().filter(|_| is_meant) {
                *left -= 1;
            }
            let server_key = match update.server_key {
                ServerKey::Known(text) => Some(text),
                // Nothing new is said of it: it is what it was.
                ServerKey::Unchanged if has_text => store.get(update.key, now_ms).and_then(|entry| entry.server_key()),
                ServerKey::Unchanged => None,
            };
            let state = State {
                time,
                key: update.key,
                expire_ms: (expire_ms > 0).then(|| update.life_ms.unwrap_or(expire_ms)),
                resync: update.resync,
                update_id: Some(update.update_id),
                values: update.values,
                server_key,
            };
            for outlet in &mut self.outlets {
                outlet.entry(number, &state, is_meant);
            }
        });
    }

    /// Forgets what a finished resync did not teach again: the peer has lost it.
    pub(super) fn sweep(&mut self, peer: usize, now: Instant) {
        let (now_ms, time) = (self.wall.ms(now), self.wall.at(now));
        let Some(at) = self.peers.get(peer) else { return };
        for (number, held) in self.tables.iter_mut().enumerate().filter(|(_, held)| held.peer == peer) {
            held.announced = at.tables.iter().any(|table| table.held == Some(number));
            held.store.sweep_older_with(now_ms, |entry| {
                self.outlets.iter_mut().for_each(|outlet| outlet.retire(number, &entry, time));
            });
        }
    }

    /// When all peers have said what they have, a table that nobody has is a wrong name.
    pub(super) fn check_tables(&mut self) {
        if !self.has_all() {
            return;
        }
        let announced = self.peers.iter().flat_map(|peer| peer.tables.iter().map(|table| &*table.name));
        if let Err(failure) = self.choice.choose(announced) {
            self.failed.get_or_insert(failure);
        }
        let fits = self.tables.iter().any(|held| !matches!(held.meant, Entries::None));
        if let Some((table, error)) = self.misfit.take().filter(|_| !fits) {
            let message = format!("--where: {error}");
            let help =
                format!("that is about table `{table}`; choose another one with --table, or write it differently");
            self.failed.get_or_insert(Failure::misuse(message, help));
        }
    }
}
