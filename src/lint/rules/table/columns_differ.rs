//! # A table stores other data on another instance
//!
//! ## What it does
//! Compares the data types that a table stores on the instances between which it travels. `conn_cur` is left out: it never
//! travels.
//!
//! ## Why is this bad?
//! Only data types that both sides store are replicated. The others stay local, or zero, without a message. `gpc0` and
//! `gpc(1)` are different types.
//!
//! A `stick` rule adds `server_id` and `server_key` to its table. Where only one instance has such a rule, that is a warning.
//!
//! ## Example
//! ```haproxy
//! backend api                                                                # lb1.cfg
//!   stick-table type ip size 1m expire 1m store gpc0,http_req_rate(10s) peers mesh
//! ```
//! ```haproxy
//! backend api                                                                # lb2.cfg
//!   stick-table type ip size 1m expire 1m store http_req_rate(10s) peers mesh
//! ```
//!
//! ## Use instead
//! The same `store` everywhere; the order doesn't matter.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use super::shared::{Shared, at_param, groups, label_all, list, others};
use crate::{
    grammar::{DataType, TableParam},
    lint::{Context, Finding, Rule, Severity},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-columns-differ",
    summary: "a table stores other data types on another instance: only common ones replicate",
    source: include_str!("columns_differ.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for group in groups(context) {
        let Some((first, others)) = others(&group, columns) else { continue };
        let mut members = vec![first];
        members.extend(&others);
        let mut lost: Vec<DataType> = members.iter().flat_map(|member| columns(member)).collect();
        lost.sort_unstable();
        lost.dedup();
        lost.retain(|column| !members.iter().all(|member| columns(member).contains(column)));
        let implicit = lost.iter().all(|column| {
            members.iter().all(|member| member.table.schema().column(*column).is_none_or(|column| column.implicit))
        });
        let label = |member: &Shared<'_>| {
            let missing: Vec<_> = lost.iter().filter(|column| !columns(member).contains(column)).collect();
            let text = if missing.is_empty() { String::new() } else { format!("without {}", list(&missing)) };
            at_param(context, member.index, member.table, TableParam::Store, text)
        };
        let severity = if implicit { Severity::Warning } else { Severity::Error };
        let message = format!("table `{}` doesn't store {} everywhere", first.name(), list(&lost));
        let help = if implicit {
            "a `stick` rule on one side adds `server_id` and `server_key`; add the rule, or the columns, on the others"
        } else {
            "give it the same `store` on all instances, and reload them"
        };
        found.push(
            label_all(Finding::new(severity, message, label(first)), &others, label)
                .happens(format!(
                    "{} stay local, or zero, without a message; what all store is replicated.",
                    list(&lost)
                ))
                .help(help),
        );
    }
}

/// The types that travel, in the order of their numbers.
fn columns(member: &Shared<'_>) -> Vec<DataType> {
    let columns = member.table.schema().store.iter().map(|column| column.data_type);
    columns.filter(|column| column.info().is_none_or(|info| !info.local)).collect()
}
