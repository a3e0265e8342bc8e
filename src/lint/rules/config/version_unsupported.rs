//! # A version that the rules don't know
//!
//! ## What it does
//! Looks whether the version whose rules are asked for (`--haproxy-version`, else what `haproxy -v` says) lies outside of
//! 2.6 to 3.4.
//!
//! ## Why is this bad?
//! What the rules say was seen on versions in between. Another version may number servers, read words or treat peers in
//! another way: findings may be wrong there, and some may be missing.
//!
//! ## Example
//! ```sh
//! peerctl check --haproxy-version 2.2 lb1.cfg lb2.cfg
//! ```
//!
//! ## Use instead
//! ```sh
//! peerctl check --haproxy-version 3.2 lb1.cfg lb2.cfg
//! ```
//!
//! ## Seen on
//! Nothing of HAProxy's: this rule is about the rules themselves.

use crate::{
    config::LineNo,
    grammar::Version,
    lint::{Context, Finding, Label, Rule, Severity},
    model::Place,
    span::Span,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "version-unsupported",
    summary: "the rules were not tried on this version of HAProxy",
    source: include_str!("version_unsupported.rs"),
    check,
};

const OLDEST: Version = Version::new(2, 6);
const NEWEST: Version = Version::new(3, 4);

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    let version = context.release.version;
    if (OLDEST..=NEWEST).contains(&version) || context.instances.is_empty() {
        return;
    }
    let start = Place { file: 0, line: LineNo(0) };
    let label = Label { instance: 0, place: start, span: Span::at(0), text: String::new() };
    let message = format!("HAProxy {version} is outside of {OLDEST} to {NEWEST}, on which the rules were tried");
    let happens = if version < OLDEST {
        format!("The configuration is judged as one for {OLDEST}.")
    } else {
        "What later versions changed isn't known here; words that are new there are taken as right.".to_owned()
    };
    found.push(Finding::new(Severity::Note, message, label).happens(happens));
}
