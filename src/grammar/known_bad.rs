//! Releases with known bugs on peers.

use std::sync::LazyLock;

use super::{
    tsv,
    version::{Release, Version},
};

/// One row of `grammar/known-bad-versions.tsv`: a bug that a remote can trigger through a peers connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownBug {
    /// The commit that fixes it.
    pub fix: &'static str,
    /// The day of that commit: `2026-04-07`.
    pub date: &'static str,
    /// A column that a replicated table must have for it to be reached; `None` if any will do.
    pub needs: Option<&'static str>,
    /// What happens, as a sentence without its full stop.
    pub what: &'static str,
    /// For each branch the last release that is older than the fix.
    lacking: Vec<(Version, u32)>,
}

impl KnownBug {
    /// Whether this release is older than the fix. A release of which only the branch is known is given the benefit of the
    /// doubt, and so is one that is later than what is known.
    #[must_use]
    pub fn is_in(&self, release: Release) -> bool {
        let Some(patch) = release.patch.filter(|_| release.dev.is_none()) else { return false };
        self.lacking.iter().any(|(branch, last)| *branch == release.version && patch <= *last)
    }
}

/// All known bugs, the oldest fix first.
#[must_use]
pub fn known_bugs() -> &'static [KnownBug] {
    &BUGS
}

static BUGS: LazyLock<Vec<KnownBug>> = LazyLock::new(|| {
    let release = |text: &str| {
        let release = Release::parse(text).expect("a column of releases holds releases");
        (release.version, release.patch.expect("a release has a patch"))
    };
    let bug = |row: tsv::Row| KnownBug {
        fix: row.text(0),
        date: row.text(1),
        lacking: row.text(2).split(' ').map(release).collect(),
        needs: Some(row.text(3)).filter(|column| *column != "-"),
        what: row.text(4),
    };
    tsv::rows(include_str!("../../grammar/known-bad-versions.tsv")).map(bug).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    fn bugs(release: &str) -> Vec<&'static str> {
        let release = Release::parse(release).expect("a version");
        known_bugs().iter().filter(|bug| bug.is_in(release)).map(|bug| bug.fix).collect()
    }

    #[test]
    fn only_releases_older_than_the_fix_have_the_bug() {
        assert_eq!(bugs("2.6.12-1+deb12u3"), ["1696cfaa1", "06673291d", "3db607707"]);
        assert_eq!(bugs("3.2.15"), ["06673291d", "3db607707"]);
        assert_eq!(bugs("3.4.0"), ["3db607707"]);
        assert!(bugs("3.2.26-1").is_empty());
    }

    #[test]
    fn a_branch_alone_is_not_accused() {
        assert!(bugs("2.6").is_empty());
        assert!(bugs("3.4-dev3").is_empty());
    }
}
