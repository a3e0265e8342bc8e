//! # A rule names a table that doesn't exist
//!
//! ## What it does
//! Looks for rules, and `write-to`, whose table isn't there: by name, or because they name none and their own section has no
//! `stick-table`.
//!
//! ## Why is this bad?
//! HAProxy refuses the configuration. A table of a peers section is `SECTION/NAME`; the bare name doesn't do.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//!   table t type ip size 1m expire 30m
//! backend shop
//!   stick on src table t
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend shop
//!   stick on src table mesh/t
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2 (run here)

use super::shared::list;
use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity},
    model::{Instance, Known, TableUse},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-unknown",
    summary: "a rule uses a table that doesn't exist",
    source: include_str!("unknown.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        let tables = instance.tables();
        let mut names: Vec<&[u8]> = tables.iter().map(|table| table.name.as_slice()).collect();
        names.sort_unstable();
        let disabled = |owner: &[u8]| instance.proxies.iter().any(|p| p.disabled && *p.name == *owner);
        let mut seen: Option<(&TableUse, &[u8])> = None;
        for used in instance.table_uses.iter().filter(|used| used.known == Known::Yes && !used.referenced) {
            // One finding for a table on a line.
            let again = seen.is_some_and(|(other, name)| other.place == used.place && name == used.table);
            if again || names.binary_search(&used.table.as_slice()).is_ok() || disabled(&used.owner) {
                continue;
            }
            seen = Some((used, &used.table));
            let name = escape::name(&used.table);
            let (message, help) = if used.named {
                (format!("there is no table `{name}`"), named_help(instance, &used.table))
            } else {
                let message = format!("`{}` has no `stick-table` for this rule", escape::name(&used.owner));
                (message, "add one, or name another table".to_owned())
            };
            found.push(
                Finding::new(Severity::Error, message, context.word(index, used.place, used.word, "unknown"))
                    .happens("HAProxy refuses the configuration.")
                    .help(help),
            );
        }
    }
}

/// What the name may stand for: the same one in a peers section, or in other letters.
fn named_help(instance: &Instance<'_>, name: &[u8]) -> String {
    let close = |table: &[u8]| {
        let base = table.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        table.eq_ignore_ascii_case(name) || base.eq_ignore_ascii_case(name)
    };
    let names: Vec<_> =
        instance.tables().into_iter().filter(|t| close(&t.name)).map(|t| escape::name(&t.name)).collect();
    if names.is_empty() { "declare it, or name another one".to_owned() } else { format!("write {}", list(&names)) }
}
