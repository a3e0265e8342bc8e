//! placeholder
use crate::grammar::Version;
/// d
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    explicit: Option<Option<u32>>,
    count: u32,
    known: bool,
}
impl Declaration {
    /// n
    #[must_use]
    pub fn new(explicit: Option<Option<u32>>, count: u32, known: bool) -> Self {
        Self { explicit, count, known }
    }
    /// e
    #[must_use]
    pub fn is_explicit(&self) -> bool {
        self.explicit.is_some()
    }
}
/// p
#[must_use]
pub fn parse_id(v: &[u8], _ver: Option<Version>) -> Option<u32> {
    std::str::from_utf8(v).ok()?.parse().ok()
}
/// a
#[must_use]
pub fn assign(d: &[Declaration]) -> Vec<Option<u32>> {
    let mut out = vec![];
    let used: std::collections::BTreeSet<u32> = d.iter().filter_map(|d| d.explicit.flatten()).collect();
    let mut used = used;
    let mut n = 1;
    for x in d {
        for i in 0..x.count {
            if i == 0
                && let Some(e) = x.explicit
            {
                out.push(e);
            } else {
                while used.contains(&n) {
                    n += 1;
                }
                used.insert(n);
                out.push(x.known.then_some(n));
            }
            n += 1;
        }
    }
    out
}
