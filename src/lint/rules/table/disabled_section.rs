//! # A table names a disabled section
//!
//! ## What it does
//! Looks for peers sections that say `disabled` and are named by tables.
//!
//! ## Why is this bad?
//! HAProxy opens no session for such a section and says nothing about it: the tables work, each for itself.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   disabled
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! backend shop
//!   stick-table type ip size 1m expire 30m peers mesh
//! ```
//!
//! ## Use instead
//! Take `disabled` out, or `peers mesh` if the table is not meant to travel.
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4

use super::shared::at_param;
use crate::{
    escape,
    grammar::TableParam,
    lint::{Context, Finding, Rule, Severity},
    model::Known,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-disabled-section",
    summary: "tables name a peers section that is disabled",
    source: include_str!("disabled_section.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for section in instance.peers.iter().filter(|s| s.disabled && s.known == Known::Yes) {
            let tables: Vec<_> = instance.tables_of(section).collect();
            if tables.is_empty() {
                continue;
            }
            let (name, count) = (escape::name(&section.name), tables.len());
            let noun = if count == 1 { "table" } else { "tables" };
            let message = format!("peers section `{name}` is disabled, {count} {noun} should travel through it");
            let finding = Finding::new(Severity::Warning, message, context.word(index, section.place, 1, "disabled"));
            let finding = tables.into_iter().fold(finding, |finding, table| {
                finding.label(at_param(context, index, table, TableParam::Peers, "travels nowhere"))
            });
            found.push(
                finding
                    .happens("HAProxy opens no session for it, without a message; each instance keeps its entries to itself.")
                    .help("take `disabled` out, or `peers` from the tables"),
            );
        }
    }
}
