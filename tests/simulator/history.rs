//! What was ever true: each change of an entry has a number of its own, which travels with the entry.

use std::collections::HashMap;

/// The values of an entry: a tag that only depends on the key, a counter that begins anew with each process, another one, and the
/// number of the change.
pub(crate) type Values = [u64; 4];

/// One change of an entry of a HAProxy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Change {
    pub(crate) haproxy: usize,
    pub(crate) key: u32,
    pub(crate) count: u64,
}

/// All changes.
#[derive(Debug, Default)]
pub(crate) struct History {
    changes: Vec<Change>,
    /// The last change and the highest count of each key at each HAProxy.
    peaks: HashMap<(usize, u32), (u64, u64)>,
}

impl History {
    /// Notes a change and gives its number.
    pub(crate) fn note(&mut self, change: Change) -> u64 {
        self.changes.push(change);
        let number = self.changes.len() as u64;
        let peak = self.peaks.entry((change.haproxy, change.key)).or_default();
        *peak = (number, peak.1.max(change.count));
        number
    }

    pub(crate) fn len(&self) -> usize {
        self.changes.len()
    }

    /// The tag of a key.
    pub(crate) fn tag(key: u32) -> u64 {
        u64::from(key.wrapping_mul(0x9e37_79b9) | 1)
    }

    /// Which HAProxy made an entry what it is. What none has ever said is a phantom.
    pub(crate) fn check(&self, key: u32, values: &Values, what: &str) -> usize {
        let [tag, count, _, number] = *values;
        let change = usize::try_from(number).ok().and_then(|number| self.changes.get(number.checked_sub(1)?));
        let is_it = |change: &&Change| change.key == key && change.count == count && tag == Self::tag(key);
        let change = change.filter(is_it).unwrap_or_else(|| {
            panic!("I2 no phantom: {what}: key {key} has {values:?}, but change {number} was {change:?}")
        });
        change.haproxy
    }

    /// The most that a total of a key can ever have been: nothing is counted twice.
    pub(crate) fn check_total(&self, key: u32, values: &Values, haproxies: usize) {
        let peaks = (0..haproxies).filter_map(|haproxy| self.peaks.get(&(haproxy, key)));
        let most = peaks.fold((0, 0), |most, peak| (most.0 + peak.0, most.1 + peak.1));
        let [tag, count, _, number] = *values;
        assert!(
            number <= most.0 && count <= most.1 && (tag == Self::tag(key) || count == 0),
            "I4 exact sums: the total of key {key} is {values:?}, but there were never more than {most:?}"
        );
    }
}
