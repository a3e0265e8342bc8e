//! # An allowance names no rule
//!
//! ## What it does
//! Looks for comments `# peerctl: allow CODE` that name no rule.
//!
//! ## Why is this bad?
//! They allow nothing: most likely a code is misspelt, and what should be allowed is still reported.
//!
//! ## Example
//! ```haproxy
//! backend shop
//!   # peerctl: allow server-gap
//!   server web9 10.0.1.19:8080 id 9
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend shop
//!   # peerctl: allow server-id-gap
//!   server web9 10.0.1.19:8080 id 9
//! ```
//! `peerctl explain` lists the codes. Several stand behind each other with commas; what follows them is free text. A comment
//! holds for its own line and the next one, above a section for all of it.
//!
//! ## Seen on
//! Nothing of HAProxy's: to HAProxy it is a comment.

use crate::{
    escape,
    lint::{Finding, Label, Rule, Severity},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "allow-unknown",
    summary: "`# peerctl: allow` names no rule",
    source: include_str!("allow_unknown.rs"),
    // It is known when findings are taken out.
    check: |_, _| {},
};

/// The finding about `code`, which is empty where none follows.
pub(in crate::lint) fn finding(code: &[u8], label: Label) -> Finding {
    let message = match escape::name(code) {
        none if none.is_empty() => "`peerctl: allow` names no rule".to_owned(),
        code => format!("`peerctl: allow` names `{code}`, which is no rule"),
    };
    Finding { rule: &RULE, ..Finding::new(Severity::Note, message, label) }
        .help("write `# peerctl: allow CODE`; `peerctl explain` lists the codes")
}
