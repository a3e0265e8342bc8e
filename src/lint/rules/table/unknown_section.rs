//! # A table names an unknown peers section
//!
//! ## What it does
//! Checks that the section behind `peers` on a `stick-table` line exists.
//!
//! ## Why is this bad?
//! HAProxy refuses the file, with a message that has no line number.
//!
//! ## Example
//! ```haproxy
//! backend shop
//!   stick-table type ip size 1m peers mehs
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend shop
//!   stick-table type ip size 1m peers mesh
//! ```
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4

use crate::{
    escape,
    grammar::TableParam,
    lint::{Context, Finding, Rule, Severity},
    model::Known,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-unknown-section",
    summary: "a table names a peers section that doesn't exist",
    source: include_str!("unknown_section.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for table in instance.tables().into_iter().filter(|table| table.known == Known::Yes) {
            let Some(name) = table.peers().filter(|name| instance.section(name).is_none()) else { continue };
            let word = table.parsed.places(TableParam::Peers).last().and_then(|a| table.raw.get(a.value.start));
            let word = word.map_or(0, |raw| usize::from(raw.first));
            let (table_name, name) = (escape::name(&table.name), escape::name(name));
            let known: Vec<String> = instance.peers.iter().map(|s| format!("`{}`", escape::name(&s.name))).collect();
            let help =
                if known.is_empty() { "the files have none".into() } else { format!("there are {}", known.join(", ")) };
            found.push(
                Finding::new(
                    Severity::Error,
                    format!("table `{table_name}` names the peers section `{name}`, which doesn't exist"),
                    context.word(index, table.place, word, "unknown"),
                )
                .happens("HAProxy refuses the configuration.")
                .help(help),
            );
        }
    }
}
