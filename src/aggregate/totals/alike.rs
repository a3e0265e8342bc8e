//! Whether two sources seem to have one table: nodes that replicate among each other as well, so that all counts twice.
//!
//! A node teaches in a resync what others have taught it, and nothing says of an entry where it was counted. But a copy tells on
//! itself: it has the same counts, the same windows of its rates, and was last used at the same moment as the other. Of keys
//! that are quiet on both, this is true of nearly all where nodes are a mesh, and of nearly none where each counts what it sees.

use crate::aggregate::keys::bits;
use crate::stick::{Layout, ValueKind};
use crate::table::EntryRef;

use super::{Context, Totals};

/// Places of keys that are looked at after a resync, and entries of sources: no other peer waits long for that.
const LOOKED_AT: usize = 4096;
const COMPARED: usize = 16_384;

/// The fewest keys that say something.
const ENOUGH: u32 = 8;

/// How far apart the times of a copy are from those of what it is a copy of, at most.
const NEAR_MS: u64 = 250;

/// How long a key must not have been used.
const QUIET_MS: u64 = 1_000;

impl Totals {
    /// Compares entries of a source, which has just taught all it has, with those of others; returns the one that seems to have
    /// the same table, if that is new.
    pub(in crate::aggregate) fn look_alike(&mut self, source: usize, cx: &Context) -> Option<usize> {
        // Without an end of its life nothing tells when an entry was used.
        if self.source.expire_ms == 0 {
            return None;
        }
        let (mut own, mut seen, mut values) = (0, vec![(0_u32, 0_u32); self.inputs.len()], Vec::new());
        let mut compared = 0;
        let places = self.keys.list.len();
        let first = usize::try_from(cx.now_ms).unwrap_or(0).checked_rem(places).unwrap_or(0);
        for at in (first..places).chain(0..first).take(LOOKED_AT) {
            if compared >= COMPARED {
                break;
            }
            let Some(key) = self.keys.list.get(at).filter(|key| key.is_alive()) else { continue };
            let others = bits(key.sources & !(1 << source));
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            let quiet = |source| self.entry(source, at, cx.now_ms).filter(|entry| entry.idle_ms() >= QUIET_MS);
            let Some(entry) = quiet(source) else { continue };
            entry.values(&mut values);
            if !self.source.layout.counts(&values) {
                continue;
            }
            own += 1;
            compared += others.clone().count();
            for other in others {
                if let (Some(theirs), Some((both, alike))) = (quiet(other), seen.get_mut(other)) {
                    *both += 1;
                    *alike += u32::from(is_copy(&self.source.layout, &entry, &theirs));
                }
            }
        }
        if own < ENOUGH {
            return None;
        }
        let most = seen.into_iter().enumerate().max_by_key(|(_, (_, alike))| *alike);
        let found = most.filter(|(_, (both, alike))| *alike >= ENOUGH && alike * 10 >= both * 9 && both * 2 >= own);
        let found = found.map(|(other, _)| other);
        let input = self.inputs.get_mut(source)?;
        let known = std::mem::replace(&mut input.alike, found);
        found.filter(|found| known != Some(*found))
    }
}

/// Whether all numbers are the same, and all times nearly so.
fn is_copy(layout: &Layout, one: &EntryRef<'_>, other: &EntryRef<'_>) -> bool {
    let are_near = one.idle_ms().abs_diff(other.idle_ms()) <= NEAR_MS;
    are_near
        && layout.fields().iter().all(|field| match field.kind {
            ValueKind::Rate => (0..field.values()).all(|n| {
                let [(a, a_ms), (b, b_ms)] = [one, other].map(|entry| {
                    let counter = entry.counter(field, n);
                    (counter, i64::from(counter.elapsed_ms.cast_signed()).saturating_add_unsigned(entry.age_ms()))
                });
                let is_over = (a.current, a.previous) == (0, 0);
                (a.current, a.previous) == (b.current, b.previous) && (is_over || a_ms.abs_diff(b_ms) <= NEAR_MS)
            }),
            ValueKind::Text => true,
            _ => (0..field.values()).all(|n| one.value(field, n) == other.value(field, n)),
        })
}
