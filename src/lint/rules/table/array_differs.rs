//! # An array has another size on another instance
//!
//! ## What it does
//! Compares the number of elements of `gpc(N)`, `gpt(N)` and `gpc_rate(N,…)` in tables that travel between the instances.
//!
//! ## Why is this bad?
//! Only the elements that both sides have are replicated; the others stay local, without a message.
//!
//! ## Example
//! ```haproxy
//! backend api                                                    # lb1.cfg
//!   stick-table type ip size 1m expire 10m store gpc(3) peers mesh
//! ```
//! ```haproxy
//! backend api                                                    # lb2.cfg
//!   stick-table type ip size 1m expire 10m store gpc(2) peers mesh
//! ```
//!
//! ## Use instead
//! The same number everywhere.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use super::shared::{Shared, at_column, groups, label_all, others};
use crate::{
    grammar::DataType,
    lint::{Context, Finding, Rule, Severity},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-array-differs",
    summary: "an array has another size on another instance: only common elements replicate",
    source: include_str!("array_differs.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for group in groups(context) {
        for column in [DataType::GPT, DataType::GPC, DataType::GPC_RATE] {
            let having: Vec<Shared<'_>> =
                group.iter().copied().filter(|member| count(member, column).is_some()).collect();
            let Some((first, others)) = others(&having, |member| count(member, column)) else { continue };
            let label = |member: &Shared<'_>| {
                let text = count(member, column).map_or_else(String::new, |count| format!("{count} elements"));
                at_column(context, member.index, member.table, column, text)
            };
            let least = having.iter().filter_map(|member| count(member, column)).min().unwrap_or(0);
            let message = format!("array `{column}` of table `{}` has different sizes", first.name());
            found.push(
                label_all(Finding::new(Severity::Warning, message, label(first)), &others, label)
                    .happens(format!(
                        "Elements from index {least} on stay local where they exist; the first {least} are replicated."
                    ))
                    .help("give it the same number of elements on all instances, and reload them"),
            );
        }
    }
}

fn count(member: &Shared<'_>, column: DataType) -> Option<u32> {
    member.table.schema().column(column)?.count
}
