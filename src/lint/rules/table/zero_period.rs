//! # A rate with a period of 0
//!
//! ## What it does
//! Looks for `store x_rate(0)`.
//!
//! ## Why is this bad?
//! HAProxy accepts it, `haproxy -c` says nothing, and the process dies (SIGFPE, a division by zero) as soon as the rate is read: by
//! `show table`, or by a rule with the first request.
//!
//! ## Example
//! ```haproxy
//! backend st_src
//!   stick-table type ip size 1m expire 1m store http_req_rate(0)
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend st_src
//!   stick-table type ip size 1m expire 1m store http_req_rate(10s)
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2 (run here)

use super::shared::{at_name, at_word};
use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity},
    model::Known,
    stick::ProblemKind,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-zero-period",
    summary: "a rate with a period of 0: HAProxy dies when it is read",
    source: include_str!("zero_period.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for table in instance.tables().into_iter().filter(|table| table.known == Known::Yes) {
            for problem in &table.parsed.problems {
                let ProblemKind::ZeroPeriod { data_type } = &problem.kind else { continue };
                let label = match problem.word {
                    Some(word) => at_word(context, index, table, word, "a period of 0"),
                    None => at_name(context, index, table, "a period of 0"),
                };
                let message = format!("`{data_type}` of table `{}` has a period of 0", escape::name(&table.name));
                found.push(
                    Finding::new(Severity::Error, message, label)
                        .happens("HAProxy accepts it and dies (SIGFPE) as soon as the rate is read, by a rule or by `show table`.")
                        .help(format!("give it a period: {data_type}(10s)")),
                );
            }
        }
    }
}
