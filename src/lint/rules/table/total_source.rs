//! # A total without its source
//!
//! ## What it does
//! Looks for tables that an aggregator fills (`NAME.agg`) on instances where the table `NAME` isn't there, or doesn't travel through the
//! same section.
//!
//! ## Why is this bad?
//! The aggregator adds up what nodes send it. It never hears of a table that doesn't travel to it, and what this node counts isn't
//! in the total.
//!
//! It is an error where the source is there and doesn't travel through the section, a warning where it is missing: a node may only
//! read totals.
//!
//! ## Example
//! ```haproxy
//! peers agg
//!   peer lb1 10.0.0.1:10000
//!   peer agg1 10.0.0.9:10000
//! backend st_src
//!   stick-table type ip size 1m expire 1m store http_req_rate(10s)
//! backend st_src.agg
//!   stick-table type ip size 1m expire 1m store http_req_rate(10s) peers agg
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers agg
//!   peer lb1 10.0.0.1:10000
//!   peer agg1 10.0.0.9:10000
//! backend st_src
//!   stick-table type ip size 1m expire 1m store http_req_rate(10s) peers agg
//! backend st_src.agg
//!   stick-table type ip size 1m expire 1m store http_req_rate(10s) peers agg
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use super::shared::{at_name, at_param, base_of_total, totals};
use crate::{
    escape,
    grammar::TableParam,
    lint::{Context, Finding, Rule, Severity},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-total-source",
    summary: "an aggregated table has no source, or one that doesn't travel to the aggregator",
    source: include_str!("total_source.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for total in totals(context) {
        let (index, table) = (total.index, total.table);
        let (name, section) = (escape::name(&table.name), escape::name(&total.section.name));
        let missing = "What this node counts isn't in the total.";
        let Some(source) = context.table(index, base_of_total(&table.name)) else {
            let of = escape::name(base_of_total(&table.name));
            let message = format!("table `{name}` is a total, and there is no table `{of}`");
            let finding = Finding::new(Severity::Warning, message, at_name(context, index, table, "a total"));
            found.push(
                finding.happens(missing).help(format!("add `{of}` with the same definition, if this node counts, too")),
            );
            continue;
        };
        if source.peers() == Some(total.section.name.as_slice()) {
            continue;
        }
        let of = escape::name(&source.name);
        let message = format!("table `{name}` is the total of `{of}`, which doesn't travel through `{section}`");
        let label = match source.peers() {
            Some(_) => at_param(context, index, source, TableParam::Peers, "another section"),
            None => at_name(context, index, source, "no `peers`"),
        };
        let finding = Finding::new(Severity::Error, message, label);
        let finding = finding.label(at_name(context, index, table, format!("travels through `{section}`")));
        found.push(
            finding
                .happens(format!("The aggregator never hears of it. {missing}"))
                .help(format!("let it travel there: peerctl table set {of} --peers {section}")),
        );
    }
}
