//! As few lines as possible that say ids, so that all servers get the ids they should.

use super::{super::proxy::Proxy, Extent};
use crate::model::server_id::ExplicitId;

/// A server in the order of the file.
#[derive(Clone, Copy)]
struct Slot {
    /// The id it should have.
    wanted: u64,
    /// Its line.
    line: usize,
    /// What its line can do for it.
    how: How,
}

/// What decides about a server's id.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// Its line says an id, the right one or another.
    Written(bool),
    /// Its line could say one.
    Open,
    /// Its line can't: it is a server of a template behind the first one.
    Position,
}

/// The lines that must say another id than they do, with the id; none if nothing has to change. `wanted` has the id of each
/// server. `None` = it can't be done, because servers of a template can't be told theirs.
///
/// A server without an id gets the smallest free number from a counter on; the counter stands behind the last such server's id,
/// moved on by one for each server in between. So a server at place `k` may stay without one behind such a server at place `j`
/// if its number is not below `wanted[j] + (k - j)`, and all numbers from there to its own belong to servers of this backend
/// (which then must be written down: a server without an id that comes later has a higher one). Of all chains of such servers
/// the longest leaves the fewest lines to write.
pub(super) fn lines(proxy: &Proxy<'_>, wanted: &[u32], extent: Extent) -> Option<Vec<(usize, u32)>> {
    let slots = slots(proxy, wanted);
    let numbers = Numbers::new(wanted);
    let chain = match extent {
        Extent::All => every_position(&slots, &numbers)?,
        Extent::Few if slots.len() > MOST => greedy(&slots, &numbers)?,
        Extent::Few => longest(&slots, &numbers)?,
    };
    let mut chain = chain.into_iter().peekable();
    let mut changed = Vec::new();
    for (place, slot) in slots.iter().enumerate() {
        let stays = chain.next_if_eq(&place).is_some() || slot.how == How::Written(true);
        if !stays {
            changed.push((slot.line, u32::try_from(slot.wanted).ok()?));
        }
    }
    Some(changed)
}

/// The longest chain takes time that grows with the square of the number of servers; for more than this, one that is good
/// enough is taken.
const MOST: usize = 4_000;

fn slots(proxy: &Proxy<'_>, wanted: &[u32]) -> Vec<Slot> {
    let mut slots = Vec::with_capacity(wanted.len());
    let mut wanted = wanted.iter();
    for (number, line) in proxy.lines.iter().enumerate() {
        for (place, id) in (0..line.count).zip(&mut wanted) {
            let how = match line.explicit {
                _ if place > 0 => How::Position,
                ExplicitId::Given(given) => How::Written(given == *id),
                _ => How::Open,
            };
            slots.push(Slot { wanted: u64::from(*id), line: number, how });
        }
    }
    slots
}

/// The numbers that servers of the backend are to have.
struct Numbers(Vec<u64>);

impl Numbers {
    fn new(wanted: &[u32]) -> Self {
        let mut numbers: Vec<u64> = wanted.iter().map(|id| u64::from(*id)).collect();
        numbers.sort_unstable();
        Self(numbers)
    }

    /// Whether a counter at `next` gives out `id`, if all numbers but `id` are reserved.
    fn lead_to(&self, next: u64, id: u64) -> bool {
        let below = |number: u64| self.0.partition_point(|n| *n < number) as u64;
        next == id || (next < id && below(id) - below(next) == id - next)
    }
}

/// The counter in front of slot `place` if the last server without an id is `last`.
fn counter(slots: &[Slot], last: Option<usize>, place: usize) -> u64 {
    match last.and_then(|last| slots.get(last).map(|slot| (last, slot))) {
        Some((last, slot)) => slot.wanted + (place - last) as u64,
        None => place as u64 + 1,
    }
}

/// The slots that get their id by position, if as many as possible do.
fn longest(slots: &[Slot], numbers: &Numbers) -> Option<Vec<usize>> {
    // For each slot as the end of a chain: the length of the longest one, and the slot before.
    let mut chains: Vec<Option<(usize, Option<usize>)>> = Vec::with_capacity(slots.len());
    for (place, slot) in slots.iter().enumerate() {
        let mut best: Option<(usize, Option<usize>)> = None;
        if !matches!(slot.how, How::Written(_)) {
            let mut skipped_position = false;
            for last in (0..place).rev() {
                if let Some(Some((length, _))) = chains.get(last)
                    && best.is_none_or(|(most, _)| length + 1 > most)
                    && numbers.lead_to(counter(slots, Some(last), place), slot.wanted)
                {
                    best = Some((length + 1, Some(last)));
                }
                if slots.get(last).is_some_and(|s| s.how == How::Position) {
                    skipped_position = true;
                    break;
                }
            }
            if best.is_none() && !skipped_position && numbers.lead_to(counter(slots, None, place), slot.wanted) {
                best = Some((1, None));
            }
        }
        chains.push(best);
    }
    // Behind the last slot of the chain no slot may depend on its position.
    let from = slots.iter().rposition(|slot| slot.how == How::Position).unwrap_or(0);
    let is_bound = slots.iter().any(|slot| slot.how == How::Position);
    let ends = chains.iter().enumerate().skip(from).filter_map(|(place, chain)| Some((chain.as_ref()?.0, place)));
    let end = ends.max_by_key(|(length, place)| (*length, std::cmp::Reverse(*place)));
    if end.is_none() && is_bound {
        return None;
    }
    let mut chain: Vec<usize> = std::iter::successors(end.map(|(_, place)| place), |place| {
        chains.get(*place).copied().flatten().and_then(|(_, before)| before)
    })
    .collect();
    chain.reverse();
    Some(chain)
}

/// The same, taking each slot that can.
fn greedy(slots: &[Slot], numbers: &Numbers) -> Option<Vec<usize>> {
    let takes = |slot: &Slot| !matches!(slot.how, How::Written(_));
    chain_of(slots, numbers, takes)
}

/// Only the slots that can't but.
fn every_position(slots: &[Slot], numbers: &Numbers) -> Option<Vec<usize>> {
    chain_of(slots, numbers, |slot| slot.how == How::Position)
}

fn chain_of(slots: &[Slot], numbers: &Numbers, takes: impl Fn(&Slot) -> bool) -> Option<Vec<usize>> {
    let mut chain: Vec<usize> = Vec::new();
    for (place, slot) in slots.iter().enumerate().filter(|(_, slot)| takes(slot)) {
        if numbers.lead_to(counter(slots, chain.last().copied(), place), slot.wanted) {
            chain.push(place);
        } else if slot.how == How::Position {
            return None;
        }
    }
    Some(chain)
}
