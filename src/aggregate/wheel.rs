//! Which keys something has to be done with, and when.

use super::keys::{Key, NONE};

/// Lists of keys, one for each millisecond of the next four seconds, linked through the keys themselves. A key that is due
/// later is put into the last list, and put in again when that one's time comes.
#[derive(Debug)]
pub(super) struct Wheel {
    heads: Box<[u32]>,
    /// A bit for each list that has keys.
    occupied: Box<[u64]>,
    /// The time of the first list that wasn't looked at.
    first_ms: u64,
}

const LISTS: u64 = 4096;

/// The latest a key can be due, in milliseconds from now: half of what 32 bits tell apart, and some room.
const LATEST: u64 = 1 << 30;

impl Wheel {
    pub(super) fn new(now_ms: u64) -> Self {
        let lists = usize::try_from(LISTS).unwrap_or(0);
        Self {
            heads: vec![NONE; lists].into_boxed_slice(),
            occupied: vec![0; lists / 64].into_boxed_slice(),
            first_ms: now_ms,
        }
    }

    /// Makes a key due at that time, unless it is due earlier.
    pub(super) fn set(&mut self, keys: &mut [Key], at: u32, now_ms: u64, due_ms: u64) {
        let due_ms = due_ms.min(now_ms + LATEST);
        let Some(key) = keys.get_mut(at as usize) else { return };
        if !key.is_due {
            key.due = low(due_ms);
            self.link(keys, at, due_ms);
            return;
        }
        if key.due.wrapping_sub(low(due_ms)).cast_signed() <= 0 {
            return;
        }
        key.due = low(due_ms);
        if list_of(due_ms) != key.list && due_ms < self.time(key.list) {
            self.unlink(keys, at);
            self.link(keys, at, due_ms);
        }
    }

    /// Makes a key never due.
    pub(super) fn clear(&mut self, keys: &mut [Key], at: u32) {
        if keys.get(at as usize).is_some_and(|key| key.is_due) {
            self.unlink(keys, at);
        }
    }

    /// The next key that is due, no longer in a list, looking at no more than `budget` keys, which it counts down.
    pub(super) fn next(&mut self, keys: &mut [Key], now_ms: u64, budget: &mut usize) -> Option<u32> {
        while let Some(time) = self.next_ms().filter(|time| *time <= now_ms) {
            self.first_ms = time;
            let list = list_of(time);
            while let Some(at) = self.heads.get(usize::from(list)).copied().filter(|at| *at != NONE) {
                if *budget == 0 {
                    return None;
                }
                *budget -= 1;
                self.unlink(keys, at);
                let Some(key) = keys.get(at as usize) else { continue };
                let rest = key.due.wrapping_sub(low(now_ms)).cast_signed();
                match u64::try_from(rest) {
                    Ok(rest) if rest > 0 => self.link(keys, at, now_ms + rest),
                    _ => return Some(at),
                }
            }
            self.first_ms += 1;
        }
        self.first_ms = self.first_ms.max(now_ms);
        None
    }

    /// When [`Self::next`] has something to do; `None` if no key is due.
    pub(super) fn next_ms(&self) -> Option<u64> {
        let start = usize::from(list_of(self.first_ms));
        let words = self.occupied.len();
        // The word of the first list twice: its upper part first, its lower part last.
        (0..=words).find_map(|n| {
            let at = (start / 64 + n) % words;
            let mask = if n == 0 {
                u64::MAX << (start % 64)
            } else if n == words {
                !(u64::MAX << (start % 64))
            } else {
                u64::MAX
            };
            let bit = (self.occupied.get(at)? & mask).trailing_zeros();
            (bit < u64::BITS).then(|| self.time(u16::try_from(at * 64 + bit as usize).unwrap_or(0)))
        })
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.heads.len() * size_of::<u32>() + self.occupied.len() * size_of::<u64>()
    }

    fn link(&mut self, keys: &mut [Key], at: u32, due_ms: u64) {
        let list = list_of(due_ms.clamp(self.first_ms, self.first_ms + LISTS - 1));
        let Some(head) = self.heads.get_mut(usize::from(list)) else { return };
        let next = std::mem::replace(head, at);
        if let Some(next) = keys.get_mut(next as usize) {
            next.previous = at;
        }
        if let Some(key) = keys.get_mut(at as usize) {
            (key.previous, key.next, key.list, key.is_due) = (NONE, next, list, true);
        }
        if let Some(word) = self.occupied.get_mut(usize::from(list) / 64) {
            *word |= 1 << (list % 64);
        }
    }

    fn unlink(&mut self, keys: &mut [Key], at: u32) {
        let Some(key) = keys.get_mut(at as usize) else { return };
        key.is_due = false;
        let (previous, next, list) = (key.previous, key.next, key.list);
        if let Some(next) = keys.get_mut(next as usize) {
            next.previous = previous;
        }
        if let Some(previous) = keys.get_mut(previous as usize) {
            previous.next = next;
            return;
        }
        if let Some(head) = self.heads.get_mut(usize::from(list)) {
            *head = next;
        }
        if let Some(word) = self.occupied.get_mut(usize::from(list) / 64).filter(|_| next == NONE) {
            *word &= !(1 << (list % 64));
        }
    }

    /// The time of a list.
    fn time(&self, list: u16) -> u64 {
        self.first_ms + (u64::from(list) + LISTS - self.first_ms % LISTS) % LISTS
    }
}

/// The list of a time.
fn list_of(time_ms: u64) -> u16 {
    u16::try_from(time_ms % LISTS).unwrap_or(0)
}

/// The low bits of a time.
pub(super) fn low(time_ms: u64) -> u32 {
    u32::try_from(time_ms & u64::from(u32::MAX)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::keys::Keys;
    use proptest::prelude::*;

    proptest! {
        /// Keys are due in the millisecond they were made due for, whatever the steps of the clock, also where 32 bits wrap.
        #[test]
        fn a_key_comes_when_it_is_due(
            start in prop_oneof![Just(0_u64), Just(u64::from(u32::MAX) - 3_000)],
            steps in prop::collection::vec((0..20_u32, 0..12_000_u64, prop_oneof![0..40_u64, 0..9_000_u64], any::<bool>()), 1..200),
        ) {
            let (mut keys, mut wheel, mut now) = (Keys::default(), Wheel::new(start), start);
            let mut model = [None::<u64>; 20];
            (0..20_u32).for_each(|n| { keys.find_or_insert(&n.to_be_bytes(), 0); });
            for (at, delay, step, clear) in steps {
                let place = &mut model[at as usize];
                if clear && delay < 2_000 {
                    wheel.clear(&mut keys.list, at);
                    *place = None;
                } else {
                    wheel.set(&mut keys.list, at, now, now + delay);
                    *place = Some(place.map_or(now + delay, |due| due.min(now + delay)));
                }
                let next = model.iter().flatten().min();
                prop_assert!(wheel.next_ms().is_none_or(|time| next.is_some_and(|next| time <= *next.max(&now))));
                prop_assert_eq!(wheel.next_ms().is_none(), next.is_none());
                now += step;
                while let Some(at) = wheel.next(&mut keys.list, now, &mut 1_000) {
                    let due = model[at as usize].take();
                    prop_assert!(due.is_some_and(|due| due <= now), "{due:?} at {now}");
                }
                prop_assert!(model.iter().flatten().all(|due| *due > now), "{model:?} at {now}");
            }
        }
    }
}
