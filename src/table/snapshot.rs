//! Entries in an order, at one moment.

use super::column::Sort;
use super::entry::EntryRef;
use super::store::Store;

impl Store {
    /// The living entries that `keep` wants, sorted; at most `limit` of them, the first ones. Looks at each entry once; what
    /// is held at a time are references, for about twice `limit` of them.
    #[must_use]
    pub fn sorted(
        &self,
        now_ms: u64,
        sort: &Sort,
        limit: Option<usize>,
        mut keep: impl FnMut(&EntryRef<'_>) -> bool,
    ) -> Vec<EntryRef<'_>> {
        let limit = limit.unwrap_or(usize::MAX);
        let most = limit.saturating_mul(2).max(64);
        let mut found = Vec::new();
        for entry in self.iter(now_ms).filter(|entry| keep(entry)) {
            found.push((sort.column.rank(&entry), entry));
            if found.len() >= most {
                // Half of them are out of the question: so this costs O(1) for each entry.
                found.select_nth_unstable_by(limit, |a, b| sort.compare(a, b));
                found.truncate(limit);
            }
        }
        found.sort_unstable_by(|a, b| sort.compare(a, b));
        found.truncate(limit);
        found.into_iter().map(|(_, entry)| entry).collect()
    }

    /// All living entries, sorted by key.
    #[must_use]
    pub fn sorted_by_key(&self, now_ms: u64) -> Vec<EntryRef<'_>> {
        self.sorted(now_ms, &Sort::BY_KEY, None, |_| true)
    }
}
