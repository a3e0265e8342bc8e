//! # Entries expire before a rate's period is over
//!
//! ## What it does
//! Compares `expire` of a table with the periods of its rates.
//!
//! ## Why is this bad?
//! An entry that isn't touched for `expire` goes away, and its rates with it. A client that pauses a little longer starts
//! at zero, so that it gets more through in a period than the limit says.
//!
//! ## Example
//! ```haproxy
//! backend st_src
//!   stick-table type ip size 1m expire 5s store http_req_rate(1m)
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend st_src
//!   stick-table type ip size 1m expire 1m store http_req_rate(1m)
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2 (run here: with `expire 2s` and a period of 10 s, 20 requests, 3 s of silence and one more are a rate of 1)

use super::shared::{at_column, at_param, certain, list};
use crate::{
    escape,
    grammar::TableParam,
    lint::{Context, Finding, Rule, Severity},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-expire-short",
    summary: "`expire` is shorter than a rate's period: pauses reset the rate",
    source: include_str!("expire_short.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for table in instance.tables().into_iter().filter(|table| certain(table)) {
            let Some(expire) = table.schema().expire.filter(|expire| expire.ms() > 0) else { continue };
            let longer: Vec<_> = table.schema().store.iter().filter(|c| c.period.is_some_and(|p| p > expire)).collect();
            let Some(longest) = longer.iter().max_by_key(|column| column.period) else { continue };
            let name = escape::name(&table.name);
            let finding = Finding::new(
                Severity::Warning,
                format!("entries of table `{name}` expire after {expire}, within the period of {}", list(&longer)),
                at_param(context, index, table, TableParam::Expire, expire.to_string()),
            );
            let finding = longer.iter().fold(finding, |finding, column| {
                let period = column.period.map_or_else(String::new, |period| format!("per {period}"));
                finding.label(at_column(context, index, table, column.data_type, period))
            });
            let period = longest.period.map_or_else(String::new, |period| period.to_string());
            found.push(
                finding
                    .happens(format!("A client that pauses for {expire} starts at zero again."))
                    .help(format!("give it `expire {period}` or more, on all instances")),
            );
        }
    }
}
