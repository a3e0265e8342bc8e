//! # A table that no rule uses
//!
//! ## What it does
//! Looks for tables that no rule of the instance tracks, sticks on or reads, and to which no other table writes.
//!
//! ## Why is this bad?
//! It stays empty, unless Lua, the runtime socket or another instance fills it. Often a rule names another table than was meant:
//! without a name it is that of the section with the rule.
//!
//! ## Example
//! ```haproxy
//! backend st_src
//!   stick-table type ip size 1m expire 1m store http_req_rate(10s)
//! frontend web
//!   stick-table type ip size 1m expire 1m store http_req_rate(10s)
//!   http-request track-sc0 src
//! ```
//!
//! ## Use instead
//! ```haproxy
//! frontend web
//!   http-request track-sc0 src table st_src
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use super::shared::at_name;
use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity},
};

pub(in crate::lint) static RULE: Rule =
    Rule { code: "table-unused", summary: "no rule uses the table", source: include_str!("unused.rs"), check };

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        let mut used: Vec<&[u8]> = instance.table_uses.iter().map(|used| used.table.as_slice()).collect();
        used.sort_unstable();
        for table in instance.tables() {
            // A name that comes from the environment may be any table's.
            let hidden = instance.table_uses.iter().any(|used| used.referenced);
            if hidden || used.binary_search(&table.name.as_slice()).is_ok() {
                continue;
            }
            found.push(
                Finding::new(
                    Severity::Note,
                    format!("no rule uses table `{}`", escape::name(&table.name)),
                    at_name(context, index, table, "never named"),
                )
                .happens("It stays empty, unless Lua, the runtime socket or a peer fills it.")
                .help("name it in a rule, as in `track-sc0 src table NAME`, or take it out"),
            );
        }
    }
}
