//! # Rules write to a table that only receives
//!
//! ## What it does
//! Looks for rules that track, stick or count in a `recv-only` table, or in a table `NAME.agg`, which an aggregator fills.
//!
//! ## Why is this bad?
//! What the rules count and what arrives replace each other, so that the totals are wrong. `recv-only` doesn't keep an own
//! entry from being sent, either.
//!
//! With `conn_cur` it is an error: run here on 3.2 with two nodes that track one client, a node with 2 connections showed 3, and after all of them were closed
//! both stayed at 1.
//!
//! ## Example
//! ```haproxy
//! peers agg
//!   peer lb1 10.0.0.1:10000
//!   peer agg1 10.0.0.9:10000
//!   table st_src type ip size 1m expire 1m store http_req_rate(10s)
//!   table st_src.agg type ip size 1m expire 1m store http_req_rate(10s)
//! frontend web
//!   http-request track-sc0 src table agg/st_src.agg
//! ```
//!
//! ## Use instead
//! ```haproxy
//! frontend web
//!   http-request track-sc0 src table agg/st_src
//!   http-request deny if { src_http_req_rate(agg/st_src.agg) gt 300 }
//! ```
//!
//! ## Seen on
//! 3.2 (`recv-only` exists since 3.2)

use super::shared::{at_name, at_param, certain};
use crate::{
    escape,
    grammar::{DataType, TableParam},
    lint::{Context, Finding, Rule, Severity},
    model::{How, Known},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-output-written",
    summary: "rules write to a `recv-only` or aggregated table",
    source: include_str!("output_written.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for table in instance.tables().into_iter().filter(|table| certain(table)) {
            let schema = table.schema();
            let aggregated = table.name.ends_with(b".agg") && context.travels_through(instance, table).is_some();
            if !schema.recv_only && !aggregated {
                continue;
            }
            let writes = |how: How| match how {
                How::Track(_) | How::Stick | How::WriteTo => true,
                How::Sample(sample) => sample.writes(),
                How::Bandwidth => false,
            };
            let mut uses = instance.uses_of(&table.name).filter(|used| used.known == Known::Yes && writes(used.how));
            let Some(first) = uses.next() else { continue };
            let gauge = schema.recv_only && schema.column(DataType::CONN_CUR).is_some();
            let severity = if gauge { Severity::Error } else { Severity::Warning };
            let what = if schema.recv_only { "`recv-only`" } else { "filled by an aggregator" };
            let message = format!("rules write to table `{}`, which is {what}", escape::name(&table.name));
            let finding = Finding::new(severity, message, context.word(index, first.place, first.word, "writes"));
            let finding =
                uses.fold(finding, |finding, used| finding.label(context.word(index, used.place, used.word, "writes")));
            let finding = finding.label(if schema.recv_only {
                at_param(context, index, table, TableParam::RecvOnly, "only receives")
            } else {
                at_name(context, index, table, "an aggregator's output")
            });
            let happens = if gauge {
                "What is counted here and what arrives replace each other: `conn_cur` is wrong, and may never get back to zero."
            } else {
                "What is counted here and what arrives replace each other: the totals are wrong, and own entries are sent, too."
            };
            found
                .push(finding.happens(happens).help("track a table of your own, and only read this one in conditions"));
        }
    }
}
