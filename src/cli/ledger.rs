//! What is to be acknowledged to a peer, and when it may be.

use std::collections::VecDeque;

/// Positions of the outlets, in their order.
pub(in crate::cli) type Marks = Vec<u64>;

/// The update ids of one session that aren't acknowledged.
#[derive(Debug, Default)]
pub(in crate::cli) struct Ledger {
    /// For each table of the session the last id.
    open: Vec<Option<u32>>,
    any_open: bool,
    /// Ids that may be acknowledged when all outlets have come that far.
    waiting: VecDeque<(Marks, Vec<(usize, u32)>)>,
}

/// The most that wait one by one; later ones wait together.
const MOST: usize = 64;

impl Ledger {
    /// An update of the session's table `table` was taken.
    pub(in crate::cli) fn note(&mut self, table: usize, id: u32) {
        if self.open.len() <= table {
            self.open.resize(table + 1, None);
        }
        if let Some(open) = self.open.get_mut(table) {
            *open = Some(id);
            self.any_open = true;
        }
    }

    /// Everything that was noted is in the outlets up to these positions.
    pub(in crate::cli) fn mark(&mut self, marks: &[u64]) {
        if !std::mem::take(&mut self.any_open) {
            return;
        }
        let noted = |(table, id): (usize, &mut Option<u32>)| Some((table, id.take()?));
        let ids = self.open.iter_mut().enumerate().filter_map(noted).collect();
        if self.waiting.len() >= MOST
            && let Some((last, all)) = self.waiting.back_mut()
        {
            all.extend::<Vec<_>>(ids);
            *last = marks.to_vec();
        } else {
            self.waiting.push_back((marks.to_vec(), ids));
        }
    }

    /// What may be acknowledged now that the outlets have written so much for good.
    pub(in crate::cli) fn due(&mut self, durable: &[u64], mut acknowledge: impl FnMut(usize, u32)) {
        let done = |marks: &Marks| marks.iter().zip(durable).all(|(mark, durable)| mark <= durable);
        while let Some((_, ids)) = self.waiting.pop_front_if(|(marks, _)| done(marks)) {
            for (table, id) in ids {
                acknowledge(table, id);
            }
        }
    }

    /// Whether something waits.
    pub(in crate::cli) fn is_empty(&self) -> bool {
        !self.any_open && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(ledger: &mut Ledger, durable: &[u64]) -> Vec<(usize, u32)> {
        let mut all = Vec::new();
        ledger.due(durable, |table, id| all.push((table, id)));
        all
    }

    #[test]
    fn an_id_is_due_when_all_outlets_have_written_it() {
        let mut ledger = Ledger::default();
        ledger.note(1, 7);
        ledger.note(1, 8);
        ledger.note(0, 3);
        assert_eq!(due(&mut ledger, &[u64::MAX; 2]), [], "nobody has said where that is");
        ledger.mark(&[100, 50]);
        assert_eq!(due(&mut ledger, &[100, 49]), []);
        ledger.note(1, 9);
        ledger.mark(&[150, 50]);
        assert_eq!(due(&mut ledger, &[100, 50]), [(0, 3), (1, 8)]);
        assert!(!ledger.is_empty());
        assert_eq!(due(&mut ledger, &[150, 50]), [(1, 9)]);
        assert!(ledger.is_empty());
    }

    #[test]
    fn what_waits_has_a_bound_and_nothing_is_due_too_early() {
        let mut ledger = Ledger::default();
        for position in 0..1000 {
            ledger.note(0, position);
            ledger.mark(&[u64::from(position)]);
        }
        assert_eq!(ledger.waiting.len(), MOST);
        assert_eq!(due(&mut ledger, &[998]).last().map(|(_, id)| *id), Some(62));
        assert_eq!(due(&mut ledger, &[999]).last(), Some(&(0, 999)));
    }

    #[test]
    fn without_outlets_everything_is_due() {
        let mut ledger = Ledger::default();
        ledger.note(2, 5);
        ledger.mark(&[]);
        assert_eq!(due(&mut ledger, &[]), [(2, 5)]);
    }
}
