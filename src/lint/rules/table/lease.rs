//! # Nothing says in time that totals can't be trusted
//!
//! ## What it does
//! Looks at peers sections through which an aggregator's tables (`NAME.agg`) travel, and at their table `lease`: whether it is there,
//! has keys for names, and forgets fast enough.
//!
//! ## Why is this bad?
//! The aggregator refreshes its own name in the lease table every half second, as long as it hears from all nodes. Rules that
//! ask for it fall back to local limits when it is gone. Without the table, or with a long `expire`, totals that nobody keeps up to
//! date go on to deny, or not to deny.
//!
//! ## Example
//! ```haproxy
//! peers agg
//!   peer lb1 10.0.0.1:10000
//!   peer agg1 10.0.0.9:10000
//!   table st_src type ip size 1m expire 1m store http_req_rate(10s)
//!   table st_src.agg type ip size 1m expire 1m store http_req_rate(10s)
//!   table lease type string len 31 size 16 expire 1m store gpc0
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers agg
//!   peer lb1 10.0.0.1:10000
//!   peer agg1 10.0.0.9:10000
//!   table st_src type ip size 1m expire 1m store http_req_rate(10s)
//!   table st_src.agg type ip size 1m expire 1m store http_req_rate(10s)
//!   table lease type string len 31 size 16 expire 1500ms store gpc0
//! frontend web
//!   http-request track-sc0 src table agg/st_src
//!   http-request deny if { src_http_req_rate(agg/st_src) gt 100 }
//!   http-request deny if { src_http_req_rate(agg/st_src.agg) gt 300 } { str(agg1),in_table(agg/lease) }
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2: the entry is gone about two seconds after it was last refreshed

use super::shared::{at_name, at_param, certain, totals};
use crate::{
    escape,
    grammar::{KeyType, TableParam},
    lint::{Context, Finding, Rule, Severity},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-lease",
    summary: "the table by which rules know that totals can be trusted is missing, or forgets too late",
    source: include_str!("lease.rs"),
    check,
};

/// How long an entry may stay that is refreshed every half second.
const LONGEST_MS: u32 = 1_500;

/// How it is written.
const LINE: &str = "`table lease type string len 31 size 16 expire 1500ms store gpc0`";

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    let mut seen = Vec::new();
    for total in totals(context) {
        let (index, section) = (total.index, total.section);
        if seen.contains(&(index, section.place)) {
            continue;
        }
        seen.push((index, section.place));
        let name = escape::name(&section.name);
        let Some(lease) = context.table(index, &[section.name.as_slice(), b"/lease"].concat()) else {
            let message = format!("section `{name}` has totals and no lease table");
            let finding =
                Finding::new(Severity::Warning, message, context.word(index, section.place, 1, "no `table lease`"));
            found.push(
                finding
                    .label(at_name(context, index, total.table, "a total"))
                    .happens("When the aggregator is gone, rules can't know: its last totals go on to count.")
                    .help(format!("add {LINE}, and ask for it in rules: str(agg1),in_table({name}/lease)")),
            );
            continue;
        };
        let schema = lease.schema();
        if !certain(lease) {
            continue;
        }
        if schema.key_type.is_some_and(|key| key != KeyType::STRING) {
            let label = at_param(context, index, lease, TableParam::Type, "not `string`");
            let message = format!("the keys of the lease table `{name}/lease` are no names");
            let finding = Finding::new(Severity::Error, message, label);
            found.push(finding.happens("The aggregator's name never gets there.").help(format!("write {LINE}")));
        } else if !(1..=LONGEST_MS).contains(&schema.expire_ms()) {
            let label = at_param(context, index, lease, TableParam::Expire, "at most 1500ms");
            let message = format!("the lease table `{name}/lease` forgets too late");
            let finding = Finding::new(Severity::Warning, message, label);
            found.push(
                finding
                    .happens("When the aggregator is gone, its last totals count for so long.")
                    .help(format!("write {LINE}")),
            );
        }
    }
}
