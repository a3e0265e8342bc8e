//! Two states of an entry, compared: which one is older, which one tells less.

use super::peer::is_own;
use crate::proto::session::Update;
use crate::proto::update::ServerKey;
use crate::stick::{Definition, Field, FreqCtr, ValueKind};
use crate::table::EntryRef;

/// Lives are compared over clocks and networks: what differs by less is of the same age.
const SAME_MS: u32 = 500;

/// Whether what a peer teaches in a resync is older than what is known. It replaces what the same peer said before; a copy of what it
/// learned from others must be newer to replace what those have said.
pub(super) fn is_older(known: &EntryRef<'_>, same_source: bool, id: u32, life_ms: u32) -> bool {
    match (is_own(id), known.rest_ms()) {
        _ if same_source => false,
        (true, Some(rest)) => rest > life_ms.saturating_add(SAME_MS),
        (true, None) => false,
        (false, Some(rest)) => rest.saturating_add(SAME_MS) >= life_ms,
        (false, None) => true,
    }
}

/// Whether an update isn't what was known or a later state of that: a counter has fallen, or a tag has changed.
pub(super) fn tells_less(definition: &Definition, known: &[u64], update: &Update<'_>) -> bool {
    definition.layout.fields().iter().any(|field| {
        let (known, now) = (field.of(known), field.of(update.values));
        match field.kind {
            ValueKind::Text => false,
            ValueKind::Rate => {
                let events = |slots: &[u64]| {
                    slots.get(1..).unwrap_or_default().iter().fold(0, |sum: u64, n| sum.saturating_add(*n))
                };
                let of = |values: &[u64]| values.chunks(3).map(events).collect::<Vec<_>>();
                of(known).iter().zip(of(now)).any(|(known, now)| now < *known)
            }
            _ if field.is_tag() => known != now,
            _ => known.iter().zip(now).any(|(known, now)| now < known),
        }
    })
}

/// Whether an update is the known state once more, as old as that is by now.
pub(super) fn is_same(
    definition: &Definition,
    values: &[u64],
    known: &EntryRef<'_>,
    life_ms: u32,
    update: &Update<'_>,
) -> bool {
    let same_life = known.rest_ms().is_none_or(|rest| rest.abs_diff(life_ms) <= SAME_MS);
    let same_text = match update.server_key {
        ServerKey::Text(text) => known.server_key() == Some(text),
        ServerKey::Unchanged | ServerKey::Unexplained => true,
    };
    let same_field = |field: &Field| {
        let (known, now) = (field.of(values), field.of(update.values));
        match field.kind {
            ValueKind::Text => true,
            ValueKind::Rate => known.chunks(3).zip(now.chunks(3)).all(|(known, now)| {
                // What was made older became zero when it was over.
                let now = FreqCtr::from_slots(now).aged(field.period_ms.unwrap_or_default(), 0);
                let known = FreqCtr::from_slots(known);
                let same_age = known.elapsed_ms.abs_diff(now.elapsed_ms) <= SAME_MS;
                // What was never counted has any age.
                let counts = (known.current, known.previous);
                counts == (now.current, now.previous) && (same_age || counts == (0, 0))
            }),
            _ => known == now,
        }
    };
    same_life && same_text && definition.layout.fields().iter().all(same_field)
}
