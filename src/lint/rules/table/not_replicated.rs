//! # A table doesn't travel although a peers section exists
//!
//! ## What it does
//! Looks for tables that rules use and that have no `peers`, in configurations that have a working peers section. Tables
//! that are `write-to` another one are left out, and those that another instance shares: `table-not-shared` is about them.
//!
//! ## Why is this bad?
//! After a fail-over the other instance knows none of its entries: clients lose their server, counters start at zero.
//!
//! It is a warning where a `stick` rule uses the table, else a note: counters may be local on purpose.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! backend shop
//!   stick-table type ip size 1m expire 30m
//!   stick on src
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend shop
//!   stick-table type ip size 1m expire 30m peers mesh
//!   stick on src
//! ```
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4

use super::shared::{at_name, certain};
use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity},
    model::{How, Known},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-not-replicated",
    summary: "a table in use has no `peers` although there is a peers section",
    source: include_str!("not_replicated.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        let section = instance.peers.iter().find(|section| {
            let works = !section.disabled && instance.is_effective(section) != Some(false);
            works && section.known == Known::Yes && context.remotes(instance, section).next().is_some()
        });
        let Some(section) = section else { continue };
        for table in instance.tables().into_iter().filter(|table| table.peers().is_none() && certain(table)) {
            let shared_elsewhere = context.each().any(|(_, other)| {
                other.table(&table.name).is_some_and(|twin| context.travels_through(other, twin).is_some())
            });
            let mut uses = instance.uses_of(&table.name).peekable();
            if table.schema().write_to.is_some() || shared_elsewhere || uses.peek().is_none() {
                continue;
            }
            let sticks = uses.any(|found| found.how == How::Stick);
            let (severity, happens) = if sticks {
                (
                    Severity::Warning,
                    "After a fail-over clients are strangers to the other instance and get another server.",
                )
            } else {
                (Severity::Note, "Each instance counts for itself, and starts at zero after a restart.")
            };
            let (name, section_name) = (escape::name(&table.name), escape::name(&section.name));
            let label = at_name(context, index, table, "no `peers`");
            found.push(
                Finding::new(
                    severity,
                    format!("table `{name}` doesn't travel, though there is a peers section"),
                    label,
                )
                .label(context.word(index, section.place, 1, "this one"))
                .happens(happens)
                .help(format!("to share it: peerctl table set {name} --peers {section_name}")),
            );
        }
    }
}
