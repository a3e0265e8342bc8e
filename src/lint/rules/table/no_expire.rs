//! # Entries never expire
//!
//! ## What it does
//! Looks for tables without `expire`, or with `expire 0`.
//!
//! ## Why is this bad?
//! Entries stay until the table is full; only then the oldest give way. Until it restarts HAProxy keeps the memory, and
//! the personal data. With `nopurge` a full table takes no newcomers at all: they aren't counted, limited or stuck; that is a warning.
//!
//! ## Example
//! ```haproxy
//! backend shop
//!   stick-table type ip size 1m
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend shop
//!   stick-table type ip size 1m expire 30m
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2 (run here: with `size 3` six clients leave the last three, with `nopurge` the first three)

use super::shared::{at_name, at_param, certain};
use crate::{
    escape,
    grammar::TableParam,
    lint::{Context, Finding, Rule, Severity},
    units::Size,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-no-expire",
    summary: "a table has no `expire`: entries stay until it is full",
    source: include_str!("no_expire.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for table in instance.tables().into_iter().filter(|t| certain(t) && t.parsed.accepted()) {
            let schema = table.schema();
            if schema.expire_ms() > 0 {
                continue;
            }
            let name = escape::name(&table.name);
            let label = match schema.expire {
                Some(_) => at_param(context, index, table, TableParam::Expire, "never"),
                None => at_name(context, index, table, "no `expire`"),
            };
            let size = schema.size.map_or(0, Size::get);
            let (severity, happens) = if schema.nopurge {
                (
                    Severity::Warning,
                    format!("After {size} entries newcomers have no entry: they aren't counted, limited or stuck."),
                )
            } else {
                (Severity::Note, format!("It grows to {size} entries; then the oldest give way."))
            };
            found.push(
                Finding::new(severity, format!("entries of table `{name}` never expire"), label)
                    .happens(happens)
                    .help("add `expire`, the same on all instances"),
            );
        }
    }
}
