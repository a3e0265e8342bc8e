//! Parameters of `server` lines that have no effect on peers.

use std::sync::LazyLock;

use super::tsv;

/// One row of `grammar/peers-ignored-params.tsv`: a parameter of `server` lines that has no effect on a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeersIgnoredParam {
    /// The word.
    pub keyword: &'static str,
    /// Whether HAProxy warns of it.
    pub warned: bool,
}

/// All parameters of `server` lines that have no effect on peers, sorted by keyword.
#[must_use]
pub fn peers_ignored_params() -> &'static [PeersIgnoredParam] {
    &IGNORED
}

/// What `keyword` is on a peer, if it has no effect there.
#[must_use]
pub fn peers_ignored_param(keyword: &str) -> Option<PeersIgnoredParam> {
    peers_ignored_params().iter().copied().find(|param| param.keyword == keyword)
}

static IGNORED: LazyLock<Vec<PeersIgnoredParam>> = LazyLock::new(|| {
    let param = |row: tsv::Row| PeersIgnoredParam { keyword: row.text(0), warned: row.flag(1) };
    tsv::rows(include_str!("../../grammar/peers-ignored-params.tsv")).map(param).collect()
});
