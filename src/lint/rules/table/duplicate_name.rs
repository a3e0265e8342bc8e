//! # Two tables have one name
//!
//! ## What it does
//! Looks for tables of the same name: two `table` lines of a peers section, two `stick-table` lines of a proxy, or of a frontend
//! and a backend that are called the same.
//!
//! ## Why is this bad?
//! HAProxy refuses the configuration. Up to 2.8 it lets two `table` lines of a peers section pass in silence: both exist, rules use the first, and
//! they have one name on the wire.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   peer lb1 10.0.0.1:10000
//!   table t type ip size 1m expire 30m
//!   table t type ip size 1m expire 1h
//! ```
//!
//! ## Use instead
//! One of them, or two names.
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4

use std::collections::BTreeMap;

use super::shared::{at_name, certain};
use crate::{
    escape,
    grammar::Version,
    lint::{Context, Finding, Rule, Severity},
    model::StickTable,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-duplicate-name",
    summary: "two tables have the same name",
    source: include_str!("duplicate_name.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    let silent = context.release.version < Version::new(3, 0);
    for (index, instance) in context.each() {
        let mut by_name: BTreeMap<&[u8], Vec<&StickTable>> = BTreeMap::new();
        let earlier = instance.proxies.iter().flat_map(|proxy| &proxy.earlier_tables);
        for table in instance.tables().into_iter().chain(earlier).filter(|table| certain(table)) {
            by_name.entry(&table.name).or_default().push(table);
        }
        for (name, mut tables) in by_name {
            tables.sort_by_key(|table| table.place);
            let Some(([first], [second, ..])) = tables.split_at_checked(1) else { continue };
            let happens = if silent && first.section.is_some() && second.section.is_some() {
                "HAProxy takes it in silence: rules use the first one, and peers see one name twice. 3.0 and later refuse it."
            } else {
                "HAProxy refuses the configuration."
            };
            found.push(
                Finding::new(
                    Severity::Error,
                    format!("table `{}` is declared twice", escape::name(name)),
                    at_name(context, index, second, "again"),
                )
                .label(at_name(context, index, first, "first here"))
                .happens(happens)
                .help("take one of them out, or give it another name"),
            );
        }
    }
}
