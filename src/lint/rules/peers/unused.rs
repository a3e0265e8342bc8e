//! # No table uses the section
//!
//! ## What it does
//! Looks for peers sections without a `table` line that no `stick-table … peers NAME` names.
//!
//! ## Why is this bad?
//! The processes hold connections and exchange nothing. Mostly the words `peers NAME` are missing on a `stick-table` line:
//! the table works, each instance for itself, and nobody is told.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! backend shop
//!   stick-table type ip size 1m expire 30m
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend shop
//!   stick-table type ip size 1m expire 30m peers mesh
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity},
    model::Known,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-unused",
    summary: "no table travels through the section",
    source: include_str!("unused.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        let unused = |section: &&_| instance.tables_of(section).next().is_none();
        for section in instance.peers.iter().filter(|s| !s.disabled && s.known == Known::Yes).filter(unused) {
            let name = escape::name(&section.name);
            found.push(
                Finding::new(
                    Severity::Warning,
                    format!("no table uses peers section `{name}`"),
                    context.word(index, section.place, 1, "nothing travels through it"),
                )
                .happens("The peers hold connections and exchange nothing.")
                .help(format!(
                    "write `peers {name}` on the `stick-table` lines that shall be replicated, or remove the section"
                )),
            );
        }
    }
}
