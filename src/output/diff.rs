//! Unified diffs of one file before and after an edit, which `patch -p0` takes.
//!
//! ```
//! use peerctl::{config::Document, output::diff::Diff};
//!
//! let old = Document::parse(b"peers mesh\n  peer lb1 10.0.0.1:10000\n".to_vec())?;
//! let new = Document::parse(b"peers mesh\n  peer lb1 10.0.0.1:10001\n".to_vec())?;
//! let diff = Diff::new("lb1.cfg", &old, &new, &|_, _| None);
//! let shown = "--- lb1.cfg\n+++ lb1.cfg\n@@ -1,2 +1,2 @@\n peers mesh\n\
//!              -  peer lb1 10.0.0.1:10000\n+  peer lb1 10.0.0.1:10001\n";
//! assert_eq!(diff.patch(), shown.as_bytes());
//! # Ok::<(), peerctl::config::TooLong>(())
//! ```

mod hunk;
mod label;
mod lines;

use std::fmt::Write as _;

use hunk::Hunk;
pub use label::label;

use crate::{
    config::{Document, LineNo},
    escape,
};

/// How many unchanged lines are shown around a change.
const CONTEXT: u32 = 3;

/// Stands before a hunk in which a secret was replaced. `patch` skips it.
const CANNOT_APPLY: &str = "# A secret is hidden in the next hunk: it can't be applied.\n";

/// Says how a line is shown that holds a secret (without its line end); `None` for a line without.
pub type Hide<'a> = dyn Fn(&Document, LineNo) -> Option<Vec<u8>> + 'a;

/// The difference between two versions of a file.
#[derive(Debug)]
pub struct Diff<'a> {
    label: Vec<u8>,
    old: &'a Document,
    new: &'a Document,
    /// How many lines come, how many go.
    counts: (usize, usize),
    hunks: Vec<Hunk>,
}

impl<'a> Diff<'a> {
    /// Compares two versions. `label` goes into the header (see [`label()`]). Lines for which `hide` has another text are
    /// not used as context; where one is changed, that text is shown and the hunk doesn't apply.
    #[must_use]
    pub fn new(label: impl Into<Vec<u8>>, old: &'a Document, new: &'a Document, hide: &Hide<'_>) -> Self {
        let changes = lines::changes(old, new);
        let counts = changes.iter().fold((0, 0), |(a, r), c| (a + c.new.len(), r + c.old.len()));
        Self { label: label.into(), old, new, counts, hunks: hunk::hunks(old, new, &changes, CONTEXT, hide) }
    }

    /// Whether both versions are the same, byte for byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hunks.is_empty()
    }

    /// How many lines come and how many go.
    #[must_use]
    pub const fn counts(&self) -> (usize, usize) {
        self.counts
    }

    /// How many hunks hide a secret and therefore can't be applied.
    #[must_use]
    pub fn hidden_hunks(&self) -> usize {
        self.hunks.iter().filter(|h| h.hides_secrets).count()
    }

    /// The bytes for a file or a pipe; empty if nothing differs. `patch -p0` makes the new version of them, unless there
    /// are [`hidden_hunks`](Self::hidden_hunks): those it refuses ("Hunk #1 FAILED", exit 1).
    #[must_use]
    pub fn patch(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.is_empty() {
            return out;
        }
        for sign in [b"--- ", b"+++ "] {
            out.extend_from_slice(sign);
            label::push_header(&mut out, &self.label);
            out.push(b'\n');
        }
        for hunk in &self.hunks {
            if hunk.hides_secrets {
                out.extend_from_slice(CANNOT_APPLY.as_bytes());
            }
            out.extend_from_slice(hunk.header().as_bytes());
            for line in &hunk.lines {
                out.push(line.mark.byte());
                out.extend_from_slice(line.bytes(self.old, self.new));
                if !out.ends_with(b"\n") {
                    out.extend_from_slice(b"\n\\ No newline at end of file\n");
                }
            }
        }
        out
    }

    /// The same for a terminal: escaped, and coloured if so wanted. CRs at line ends are shown only where LF and CRLF
    /// meet in one diff.
    #[must_use]
    pub fn for_terminal(&self, color: bool) -> String {
        let patch = self.patch();
        let ends = || self.hunks.iter().flat_map(|h| &h.lines).map(|l| l.bytes(self.old, self.new));
        let hide_cr = ends().all(|line| line.ends_with(b"\r\n"));
        let mut out = String::with_capacity(patch.len() + patch.len() / 8);
        for (number, line) in patch.split_inclusive(|b| *b == b'\n').enumerate() {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = if hide_cr { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
            let code = match line.first() {
                _ if number < 2 => "1",
                Some(b'-') => "31",
                Some(b'+') => "32",
                Some(b'@') => "36",
                Some(b'#' | b'\\') => "33",
                _ => "",
            };
            let shown = escape::line(line);
            // Writing to a string can't fail.
            let _ = match code {
                code if color && !code.is_empty() => writeln!(out, "\x1b[{code}m{shown}\x1b[0m"),
                _ => writeln!(out, "{shown}"),
            };
        }
        out
    }
}
