//! What one source has of a table.

use std::collections::HashMap;

use crate::aggregate::merge::Plan;
use crate::aggregate::mismatch::{Mismatch, check, difference};
use crate::stick::Definition;
use crate::table::{EntryRef, Full, Limits, ServerKey, Store, Update};

use super::lose::REMEMBERED_MS;
use super::slices::What;
use super::{Context, Totals};

/// What one source has of a table.
#[derive(Debug, Default)]
pub(in crate::aggregate) struct Input {
    pub(in crate::aggregate) state: InputState,
    pub(in crate::aggregate) store: Option<Store>,
    /// By the number of the key: what counters had counted before they started again, by the layout of the source.
    pub(in crate::aggregate) kept: HashMap<u32, Vec<u64>>,
    /// Updates taken.
    pub(in crate::aggregate) updates: u64,
    /// When the last one came.
    pub(in crate::aggregate) newest_ms: Option<u64>,
    /// The source that seems to have the same table.
    pub(in crate::aggregate) alike: Option<usize>,
}

/// Whether a source's table is part of the total.
#[derive(Clone, PartialEq, Debug, Default)]
pub(in crate::aggregate) enum InputState {
    /// The source hasn't announced it.
    #[default]
    Unseen,
    /// It is.
    Accepted,
    /// It isn't: the table is another one.
    Rejected(Box<(Definition, Mismatch)>),
}

/// The limit is kept by who evicts, so that it learns which entries go.
pub(super) const UNLIMITED: Limits = Limits { entries: usize::MAX, bytes: usize::MAX, full: Full::Stop };

impl Input {
    /// Keeps what counters had counted that start again; returns whether one has.
    pub(super) fn keep(&mut self, at: u32, plan: &Plan, old: &[u64], new: &[u64]) -> bool {
        let mut new_kept = Vec::new();
        if let Some(kept) = self.kept.get_mut(&at) {
            plan.keep(old, new, kept)
        } else if plan.keep(old, new, &mut new_kept) {
            self.kept.insert(at, new_kept);
            true
        } else {
            false
        }
    }

    /// Whether others must have the same table: it was announced, and counts still.
    fn has_say(&self, is_up: bool) -> bool {
        self.state == InputState::Accepted && (is_up || self.store.as_ref().is_some_and(|store| !store.is_empty()))
    }
}

impl Totals {
    /// A source announces its table.
    ///
    /// # Errors
    /// If it is another one than that of the other sources: what the source had taught before is forgotten.
    pub(in crate::aggregate) fn announce(
        &mut self,
        source: usize,
        found: &Definition,
        cx: &Context,
    ) -> Result<(), Mismatch> {
        let wanted = difference(&self.source, found).and_then(|()| check(found));
        let wanted = wanted.and_then(|()| self.open(source, found, cx));
        let input = &mut self.inputs[source];
        match wanted {
            Ok(()) => input.state = InputState::Accepted,
            Err(mismatch) => {
                input.state = InputState::Rejected(Box::new((found.clone(), mismatch.clone())));
                self.inputs[source].store = None;
                self.drop_source(source, cx);
                return Err(mismatch);
            }
        }
        Ok(())
    }

    /// What is kept of the counters of an entry of a source.
    pub(in crate::aggregate) fn kept_of<'a>(&self, input: &'a Input, key: &[u8]) -> Option<&'a [u64]> {
        let at = if input.kept.is_empty() { None } else { self.keys.find(key) };
        input.kept.get(&at?).map(|kept| &**kept)
    }

    /// Whether the table may be another one from now on: no other source has a say.
    pub(in crate::aggregate) fn is_free_for(&self, source: usize, cx: &Context) -> bool {
        let others = self.inputs.iter().enumerate().filter(|(other, _)| *other != source);
        !others.into_iter().any(|(other, input)| input.has_say(cx.up & 1 << other != 0))
    }

    /// Makes the store of a source, or makes it anew if entries live longer or shorter than they did.
    pub(in crate::aggregate) fn open(
        &mut self,
        source: usize,
        definition: &Definition,
        cx: &Context,
    ) -> Result<(), Mismatch> {
        let now_ms = cx.now_ms;
        let life_ms = if definition.expire_ms == 0 { REMEMBERED_MS } else { definition.expire_ms.into() };
        self.longest_ms = self.longest_ms.max(life_ms);
        let known = self.inputs[source].store.as_ref().map(|store| store.definition().expire_ms);
        if known == Some(definition.expire_ms) {
            return Ok(());
        }
        let mut store = Store::new(definition.clone(), UNLIMITED).map_err(|_| Mismatch::TooWide)?;
        // What is lost isn't copied.
        self.finish_sweep(source, cx);
        let input = &mut self.inputs[source];
        for entry in input.store.iter().flat_map(|store| store.iter(now_ms)) {
            copy(&entry, &mut store, now_ms);
        }
        // If a resync is under way, what was copied wasn't part of it.
        store.begin_generation();
        if input.store.replace(store).is_some() {
            // Entries whose life had just ended aren't there any more, and nothing has told of them.
            self.begin(source, What::Missing, cx);
        }
        Ok(())
    }
}

/// Copies an entry to a store of the same layout, as it is now.
fn copy(entry: &EntryRef<'_>, to: &mut Store, now_ms: u64) {
    let mut values = Vec::new();
    entry.values(&mut values);
    to.definition().layout.age(&mut values, entry.age_ms());
    let server_key = entry.server_key().map_or(ServerKey::Unchanged, ServerKey::Known);
    let (key, update_id) = (entry.key(), entry.update_id());
    to.apply(now_ms, &Update { key, values: &values, server_key, update_id, life_ms: entry.rest_ms(), resync: true });
}
