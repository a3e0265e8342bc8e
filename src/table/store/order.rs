//! Which entries go first: by their deadlines, or in a table without `expire` by their last updates.

use super::arena::Arena;
use super::record;

/// Lists of entries by the time of their deadlines, linked through the records themselves.
///
/// Time is cut into buckets; a ring of lists covers the longest life of an entry. An entry whose life is renewed stays in its
/// list until that list's time comes, and moves on then: so an update costs nothing here, and an entry is never in a list
/// later than its deadline.
#[derive(Debug)]
pub(super) struct Order {
    /// The lists of the ring, then the list of those whose bucket has passed; empty until the first entry comes.
    lists: Vec<List>,
    /// The number of lists in the ring.
    ring: u32,
    /// Milliseconds of a bucket; `None` = nothing ever expires, and the ring is one list.
    width_ms: Option<u64>,
    /// The first bucket, counted from time 0, that has not been looked at.
    first: u64,
    /// No list of a bucket before this one has an entry, except those that have passed.
    lowest: u64,
}

/// The ends of a list: numbers of entries, or [`NONE`].
#[derive(Clone, Copy, Debug)]
struct List {
    first: u32,
    last: u32,
}

/// Marks a link that leads to a list, not to an entry: the other bits are the list's place.
const TO_LIST: u32 = 1 << 31;
const NONE: u32 = u32::MAX;

/// The most lists of a ring.
const MAX_RING: u32 = 2048;

impl Order {
    /// The most entries whose numbers leave room for the mark.
    pub(super) const MAX_ENTRIES: u32 = TO_LIST - 1;

    /// For entries that live at most `expire_ms`; 0 = for ever.
    pub(super) fn new(expire_ms: u32) -> Self {
        // The bucket of now, that of the latest deadline, and one for the bucket that is just being passed.
        let ring = if expire_ms == 0 { 1 } else { expire_ms.saturating_add(3).min(MAX_RING) };
        let width_ms = (expire_ms > 0).then(|| u64::from(expire_ms.div_ceil(ring - 3)));
        Self { lists: Vec::new(), ring, width_ms, first: 0, lowest: 0 }
    }

    /// Puts an entry in that is in no list, with the deadline it has (or, if nothing expires, behind all others).
    pub(super) fn push(&mut self, records: &mut Arena, at: u32, deadline_ms: u64) {
        if self.lists.is_empty() {
            self.lists = vec![List { first: NONE, last: NONE }; self.ring as usize + 1];
        }
        let bucket = self.bucket(deadline_ms);
        self.lowest = self.lowest.min(bucket);
        self.append(records, self.place(bucket), at);
    }

    /// Whether an entry has to move when its deadline changes.
    pub(super) fn moves(&self, old_ms: u64, new_ms: u64) -> bool {
        self.bucket(new_ms) < self.bucket(old_ms)
    }

    /// Takes an entry out of its list.
    pub(super) fn unlink(&mut self, records: &mut Arena, at: u32) {
        let (previous, next) = record::links(records.get(at));
        if previous & TO_LIST == 0 {
            record::set_next(records.get_mut(previous), next);
        } else {
            self.list(previous).first = if next & TO_LIST == 0 { next } else { NONE };
        }
        if next & TO_LIST == 0 {
            record::set_previous(records.get_mut(next), previous);
        } else {
            self.list(next).last = if previous & TO_LIST == 0 { previous } else { NONE };
        }
    }

    /// The next entry whose deadline isn't later than `now_ms`, still in its list, looking at no more than `budget` entries,
    /// which it counts down. Entries are looked at when the bucket of their deadline has passed.
    pub(super) fn next_expired(&mut self, records: &mut Arena, now_ms: u64, budget: &mut usize) -> Option<u32> {
        let now = now_ms / self.width_ms?;
        let passed = self.ring as usize;
        loop {
            let at = self.lists.get(passed)?.first;
            if at == NONE {
                if self.first >= now {
                    return None;
                }
                // A ring that nobody looked at for longer than its whole length has each list once.
                self.first = self.first.max(now.saturating_sub(u64::from(self.ring)));
                self.pass(records);
                continue;
            }
            if *budget == 0 {
                return None;
            }
            *budget -= 1;
            let deadline = record::deadline(records.get(at));
            if deadline <= now_ms {
                return Some(at);
            }
            self.unlink(records, at);
            self.push(records, at, deadline);
        }
    }

    /// The entry that goes first, still in its list: one of those that expire first, as exactly as buckets are; if nothing
    /// expires, the one that was not updated for the longest time, nearly.
    pub(super) fn oldest(&mut self, records: &mut Arena, now_ms: u64) -> Option<u32> {
        let Some(width) = self.width_ms else { return self.second_chance(records) };
        let mut unlimited = usize::MAX;
        if let Some(at) = self.next_expired(records, now_ms, &mut unlimited) {
            return Some(at);
        }
        self.lowest = self.lowest.max(self.first);
        let end = self.first + u64::from(self.ring);
        while self.lowest < end {
            let at = self.lists.get(self.place(self.lowest) as usize)?.first;
            if at == NONE {
                self.lowest += 1;
                continue;
            }
            let deadline = record::deadline(records.get(at));
            if deadline / width <= self.lowest {
                return Some(at);
            }
            self.unlink(records, at);
            self.append(records, self.place(deadline / width), at);
        }
        None
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.lists.capacity() * size_of::<List>()
    }

    /// Bytes that the first entry adds.
    pub(super) fn growth(&self) -> usize {
        if self.lists.is_empty() { (self.ring as usize + 1) * size_of::<List>() } else { 0 }
    }

    /// The first entry of the only list that was not updated since it was put there; updated ones go to its end.
    fn second_chance(&mut self, records: &mut Arena) -> Option<u32> {
        loop {
            let at = self.lists.first()?.first;
            if at == NONE {
                return None;
            }
            if !record::take_renewed(records.get_mut(at)) {
                return Some(at);
            }
            self.unlink(records, at);
            self.append(records, 0, at);
        }
    }

    /// Moves the list of the first bucket to those that have passed, of which there are none.
    fn pass(&mut self, records: &mut Arena) {
        let (from, to) = (self.place(self.first), self.ring);
        self.first += 1;
        let list = std::mem::replace(self.list(from), List { first: NONE, last: NONE });
        if list.first != NONE {
            record::set_previous(records.get_mut(list.first), TO_LIST | to);
            record::set_next(records.get_mut(list.last), TO_LIST | to);
        }
        *self.list(to) = list;
    }

    fn append(&mut self, records: &mut Arena, place: u32, at: u32) {
        let list = self.list(place);
        let last = std::mem::replace(&mut list.last, at);
        if last == NONE {
            list.first = at;
        } else {
            record::set_next(records.get_mut(last), at);
        }
        let previous = if last == NONE { TO_LIST | place } else { last };
        record::set_links(records.get_mut(at), previous, TO_LIST | place);
    }

    fn bucket(&self, deadline_ms: u64) -> u64 {
        self.width_ms.map_or(0, |width| deadline_ms / width)
    }

    fn place(&self, bucket: u64) -> u32 {
        u32::try_from(bucket % u64::from(self.ring)).unwrap_or(0)
    }

    fn list(&mut self, link: u32) -> &mut List {
        &mut self.lists[(link & !TO_LIST) as usize]
    }
}
