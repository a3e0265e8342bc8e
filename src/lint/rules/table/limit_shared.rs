//! # A limit on values that overwrite each other
//!
//! ## What it does
//! Looks for `deny`, `reject`, `tarpit` and `silent-drop` that depend on a counter or rate of a table that travels between
//! several HAProxy instances. Tags (`gpt`), `conn_cur` and tables that an aggregator fills are left out.
//!
//! ## Why is this bad?
//! Peers don't add up. A value that arrives replaces the own one, so what both sides counted at the same time counts once.
//! Run here, two nodes and one client on both of them, over the loopback: of 478 requests in 5 s the nodes counted 313 to 425; with
//! pipelined requests, of 322,000 to 383,000 they counted 108,000 to 185,000, no more than one node had seen. Real networks are slower than the
//! loopback. A client that uses n nodes gets up to n times the limit.
//!
//! It is right where only one instance takes traffic at a time: then allow the finding at the place.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! frontend web
//!   stick-table type ip size 1m expire 1m store http_req_rate(10s) peers mesh
//!   http-request track-sc0 src
//!   http-request deny if { sc_http_req_rate(0) gt 100 }
//! ```
//!
//! ## Use instead
//! A table for each instance whose values `peerctl aggregate` adds up into a second one (`NAME.agg`), on which the limit acts; or a limit that is right for one
//! instance, in a table without `peers`.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2 (run here)

use super::shared::{Shared, at_param, travelling};
use crate::{
    grammar::{DataKind, DataType, TableParam},
    lint::{Context, Finding, Rule, Severity},
    model::{How, Known, TableUse},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-limit-shared",
    summary: "a limit on counters or rates that several instances overwrite",
    source: include_str!("limit_shared.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for shared in travelling(context) {
        let aggregated = shared.instance.tables_of(shared.section).any(|table| table.name.ends_with(b".agg"));
        if shared.table.schema().recv_only || aggregated {
            continue;
        }
        let limits: Vec<(DataType, &TableUse)> = shared
            .instance
            .uses_of(&shared.table.name)
            .filter_map(|used| Some((counted(&shared, used)?, used)))
            .collect();
        let Some((column, _)) = limits.first() else { continue };
        let others = context.remotes(shared.instance, shared.section).count();
        let label = at_param(context, shared.index, shared.table, TableParam::Peers, "shared");
        let message =
            format!("a limit on `{column}` of table `{}`, which {} instances overwrite", shared.name(), others + 1);
        let finding = limits.iter().fold(Finding::new(Severity::Warning, message, label), |finding, (_, used)| {
            finding.label(context.word(shared.index, used.place, used.word, "decides here"))
        });
        found.push(
            finding
                .happens(format!(
                    "Values replace each other and are never added up: where several instances take traffic, a client on all of them gets up to {} times the limit.",
                    others + 1
                ))
                .help("add them up with `peerctl aggregate`, or allow this where only one instance takes traffic"),
        );
    }
}

/// The column that a limit depends on, if it is stored and counts something that travels.
fn counted(shared: &Shared<'_>, used: &TableUse) -> Option<DataType> {
    let How::Sample(sample) = used.how else { return None };
    let column = sample.column().filter(|_| used.limits && used.known == Known::Yes)?;
    let info = column.info()?;
    let counts = !info.local && matches!(info.kind, DataKind::Uint | DataKind::Ulonglong | DataKind::Rate);
    let tag = matches!(column, DataType::GPT0 | DataType::GPT | DataType::SERVER_ID);
    (counts && !tag && stored(shared, column)).then_some(column)
}

/// Whether the table stores a column; `gpc0` may be read from the array `gpc`, too.
fn stored(shared: &Shared<'_>, column: DataType) -> bool {
    let schema = shared.table.schema();
    let array = match column {
        DataType::GPC0 | DataType::GPC1 => DataType::GPC,
        DataType::GPC0_RATE | DataType::GPC1_RATE => DataType::GPC_RATE,
        other => other,
    };
    schema.column(column).or_else(|| schema.column(array)).is_some()
}
