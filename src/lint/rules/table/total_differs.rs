//! # A total and its source have different definitions
//!
//! ## What it does
//! Compares an aggregator's table (`NAME.agg`) with the table whose values it adds up (`NAME`): keys, columns, periods, sizes of arrays,
//! and `expire`.
//!
//! ## Why is this bad?
//! The aggregator writes totals as the source stores them. HAProxy drops what doesn't fit its own table, without a message.
//!
//! Another `expire` is a warning: totals live for another time than what they are the sum of.
//!
//! ## Example
//! ```haproxy
//! peers agg
//!   peer lb1 10.0.0.1:10000
//!   peer agg1 10.0.0.9:10000
//!   table st_src type ip size 1m expire 1m store http_req_rate(10s)
//!   table st_src.agg type ip size 1m expire 1m store http_req_rate(1m)
//! ```
//!
//! ## Use instead
//! The same words in both lines; `peerctl add … --aggregate` writes them.
//! ```haproxy
//! peers agg
//!   peer lb1 10.0.0.1:10000
//!   peer agg1 10.0.0.9:10000
//!   table st_src type ip size 1m expire 1m store http_req_rate(10s)
//!   table st_src.agg type ip size 1m expire 1m store http_req_rate(10s)
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use super::shared::{at_column, at_name, at_param, key_words, totals};
use crate::{
    escape,
    grammar::TableParam,
    lint::{Context, Finding, Rule, Severity},
    stick::Column,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-total-differs",
    summary: "an aggregated table has another definition than its source",
    source: include_str!("total_differs.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for total in totals(context) {
        let Some(source) = total.source else { continue };
        let (index, table) = (total.index, total.table);
        let (name, of) = (escape::name(&table.name), escape::name(&source.name));
        let message = |what: &str| format!("table `{name}` has {what} than its source `{of}`");
        let lost = "The aggregator writes what the source stores; what doesn't fit is dropped, without a message.";
        if key_words(table) != key_words(source) {
            let label = at_param(context, index, table, TableParam::Type, key_words(table));
            let finding = Finding::new(Severity::Error, message("other keys"), label);
            let finding = finding.label(at_param(context, index, source, TableParam::Type, key_words(source)));
            found.push(finding.happens(lost).help("give both the same key type and length"));
            continue;
        }
        let written = |column: &&Column| !column.implicit;
        let of_source = |column: &&Column| source.schema().store.iter().filter(written).any(|own| own == *column);
        let of_total = |column: &&Column| table.schema().store.iter().filter(written).any(|own| own == *column);
        let more = table.schema().store.iter().filter(written).find(|column| !of_source(column));
        let less = source.schema().store.iter().filter(written).find(|column| !of_total(column));
        if more.is_some() || less.is_some() {
            let at_total = match more {
                Some(column) => at_column(context, index, table, column.data_type, format!("`{column}`")),
                None => at_param(context, index, table, TableParam::Store, "less is stored"),
            };
            let at_source = match less {
                Some(column) => at_column(context, index, source, column.data_type, format!("`{column}`")),
                None => at_param(context, index, source, TableParam::Store, "less is stored"),
            };
            let finding = Finding::new(Severity::Error, message("other columns"), at_total).label(at_source);
            found.push(finding.happens(lost).help("give both the same `store`"));
        } else if table.schema().expire_ms() != source.schema().expire_ms() {
            let finding = Finding::new(
                Severity::Warning,
                message("another `expire`"),
                at_param(context, index, table, TableParam::Expire, "the total's"),
            );
            let label = match source.schema().expire {
                Some(_) => at_param(context, index, source, TableParam::Expire, "the source's"),
                None => at_name(context, index, source, "never expires"),
            };
            found.push(
                finding
                    .label(label)
                    .happens("Totals go before what they are the sum of, or stay when it is gone.")
                    .help("give both the same `expire`"),
            );
        }
    }
}
