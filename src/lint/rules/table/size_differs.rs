//! # A table has another size on another instance
//!
//! ## What it does
//! Compares `size` of tables that travel between the instances.
//!
//! ## Why is this bad?
//! The smaller one drops its oldest entries when it is full, or, with `nopurge`, refuses new ones; both without a message.
//! After a fail-over to that instance some clients are strangers.
//!
//! ## Example
//! ```haproxy
//! backend shop                                           # lb1.cfg
//!   stick-table type ip size 1m expire 30m peers mesh
//! ```
//! ```haproxy
//! backend shop                                           # lb2.cfg
//!   stick-table type ip size 100k expire 30m peers mesh
//! ```
//!
//! ## Use instead
//! The same `size` everywhere.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use super::shared::{Shared, at_param, groups, label_all, others};
use crate::{
    grammar::TableParam,
    lint::{Context, Finding, Rule, Severity},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-size-differs",
    summary: "a table's size differs between instances: the smaller one forgets",
    source: include_str!("size_differs.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for group in groups(context) {
        let size = |member: &Shared<'_>| member.table.schema().size;
        let Some((first, others)) = others(&group, size) else { continue };
        let Some(smallest) = group.iter().min_by_key(|member| size(member)) else { continue };
        let label = |member: &Shared<'_>| {
            let text = size(member).map_or_else(String::new, |size| format!("{} entries", size.get()));
            at_param(context, member.index, member.table, TableParam::Size, text)
        };
        let on = smallest.on(context);
        let (severity, happens) = if smallest.table.schema().nopurge {
            (Severity::Warning, format!("Once it is full on {on}, new entries are refused there (`nopurge`)."))
        } else {
            (Severity::Note, format!("Once it is full on {on}, the oldest entries are dropped there."))
        };
        let message = format!("table `{}` has different sizes", first.name());
        found.push(
            label_all(Finding::new(severity, message, label(first)), &others, label)
                .happens(happens)
                .help("give it the same `size` on all instances"),
        );
    }
}
