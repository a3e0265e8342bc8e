//! # `conn_cur` doesn't travel
//!
//! ## What it does
//! Looks for `conn_cur` in tables that travel over peers and aren't `recv-only`.
//!
//! ## Why is this bad?
//! It is the one data type that HAProxy never replicates: each instance counts its own connections. A limit on it lets
//! through so many on each instance, and that is a warning.
//!
//! ## Example
//! ```haproxy
//! frontend web
//!   stick-table type ip size 1m expire 1m store conn_cur peers mesh
//!   tcp-request connection track-sc0 src
//!   tcp-request connection reject if { sc0_conn_cur gt 10 }
//! ```
//!
//! ## Use instead
//! A limit that is right for one instance, in a table without `peers`; or the total of all nodes in a `recv-only` table that an
//! aggregator fills (`peerctl aggregate`, HAProxy 3.2 and later).
//!
//! ## Seen on
//! 2.6, 3.0, 3.2 (run here: 2 connections on one node, 3 on the other; each shows its own number)

use super::shared::{at_column, travelling};
use crate::{
    grammar::DataType,
    lint::{Context, Finding, Rule, Severity},
    model::{How, TableUse},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-conn-cur",
    summary: "`conn_cur` in a table that travels: each instance counts for itself",
    source: include_str!("conn_cur.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for shared in travelling(context) {
        let schema = shared.table.schema();
        if schema.column(DataType::CONN_CUR).is_none() || schema.recv_only {
            continue;
        }
        let of_column =
            |found: &&TableUse| matches!(found.how, How::Sample(sample) if sample.column() == Some(DataType::CONN_CUR));
        let limits: Vec<_> =
            shared.instance.uses_of(&shared.table.name).filter(of_column).filter(|found| found.limits).collect();
        let (severity, happens) = if limits.is_empty() {
            (Severity::Note, "Each instance counts its own connections; other data types of the table are replicated.")
        } else {
            (
                Severity::Warning,
                "Each instance counts its own connections, and the limit holds for each instance alone.",
            )
        };
        let label = at_column(context, shared.index, shared.table, DataType::CONN_CUR, "stays local");
        let finding =
            Finding::new(severity, format!("`conn_cur` of table `{}` isn't replicated", shared.name()), label);
        let finding = limits.into_iter().fold(finding, |finding, used| {
            finding.label(context.word(shared.index, used.place, used.word, "a limit on it"))
        });
        found.push(
            finding
                .happens(happens)
                .help("set the limit for one instance, or fill a `recv-only` table with totals: peerctl aggregate"),
        );
    }
}
