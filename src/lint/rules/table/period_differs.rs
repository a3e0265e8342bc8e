//! # A rate has another period on another instance
//!
//! ## What it does
//! Compares the periods of the rates in tables that travel between the instances.
//!
//! ## Why is this bad?
//! HAProxy doesn't compare them. It copies the raw counter, and each side reads it with its own period: what one instance
//! counted in a minute is a rate of ten seconds on the other. Limits act at wrong values, without a message.
//!
//! ## Example
//! ```haproxy
//! backend api                                                    # lb1.cfg
//!   stick-table type ip size 1m expire 10m store http_req_rate(10s) peers mesh
//! ```
//! ```haproxy
//! backend api                                                    # lb2.cfg
//!   stick-table type ip size 1m expire 10m store http_req_rate(1m) peers mesh
//! ```
//!
//! ## Use instead
//! The same period everywhere.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use super::shared::{Shared, at_column, groups, label_all, others};
use crate::{
    grammar::DataType,
    lint::{Context, Finding, Rule, Severity},
    units::Delay,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-period-differs",
    summary: "a rate has another period on another instance: its values are wrong",
    source: include_str!("period_differs.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for group in groups(context) {
        for column in DataType::all().map(|info| info.data_type) {
            let having: Vec<Shared<'_>> =
                group.iter().copied().filter(|member| period(member, column).is_some()).collect();
            let Some((first, others)) = others(&having, |member| period(member, column)) else { continue };
            let label = |member: &Shared<'_>| {
                let text = period(member, column).map_or_else(String::new, |period| format!("per {period}"));
                at_column(context, member.index, member.table, column, text)
            };
            let all = [&first].into_iter().chain(&others);
            let periods: Vec<String> = all.filter_map(|member| Some(period(member, column)?.to_string())).collect();
            let message =
                format!("`{column}` of table `{}` has different periods: {}", first.name(), periods.join(", "));
            found.push(
                label_all(Finding::new(Severity::Error, message, label(first)), &others, label)
                    .happens("The raw counter is copied and read with the own period: rates that came from the other side are wrong.")
                    .help("give it the same period on all instances, and reload them"),
            );
        }
    }
}

fn period(member: &Shared<'_>, column: DataType) -> Option<Delay> {
    member.table.schema().column(column)?.period
}
