//! # An allowance allows nothing
//!
//! ## What it does
//! Looks for comments `# peerctl: allow CODE` whose rule finds nothing where they stand. Where the rule isn't run at all, because
//! of `--select`, `--ignore` or `check-ids`, nothing is said.
//!
//! ## Why is this bad?
//! What was allowed is gone. The comment would hide the next mistake of that kind.
//!
//! ## Example
//! ```haproxy
//! # peerctl: allow peers-unused
//! peers mesh
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//!
//! backend shop
//!   stick-table type ip size 1m expire 30m peers mesh
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers mesh
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//!
//! backend shop
//!   stick-table type ip size 1m expire 30m peers mesh
//! ```
//!
//! ## Seen on
//! Nothing of HAProxy's: to HAProxy it is a comment.

use crate::lint::{Finding, Label, Rule, Severity};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "allow-unused",
    summary: "`# peerctl: allow` allows nothing",
    source: include_str!("allow_unused.rs"),
    // It is known when findings are taken out.
    check: |_, _| {},
};

/// The finding about an allowance of the rule `code`.
pub(in crate::lint) fn finding(code: &str, label: Label) -> Finding {
    Finding { rule: &RULE, ..Finding::new(Severity::Note, format!("`peerctl: allow {code}` allows nothing"), label) }
        .help("take it out: the rule finds nothing here")
}
