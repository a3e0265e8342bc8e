//! # HAProxy refuses a table's definition
//!
//! ## What it does
//! Reads `stick-table` and `table` lines as HAProxy does: parameters, their values, data types and their arguments, what the
//! version knows, and `write-to` a table of another type.
//!
//! ## Why is this bad?
//! HAProxy refuses the configuration. What it accepts in spite of a mistake is a warning: a second unit in a time (`1h30m` is one hour), a data
//! type named twice, a length that is no length.
//!
//! ## Example
//! ```haproxy
//! backend shop
//!   stick-table type string size 1m len 64 expire 1h30m
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend shop
//!   stick-table type string len 64 size 1m expire 90m
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2 (run here)

use super::shared::{at_name, at_param, at_word, certain};
use crate::{
    escape,
    grammar::TableParam,
    lint::{Context, Finding, Rule, Severity},
    model::{Instance, StickTable},
    stick::{self, Problem, ProblemKind},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-refused",
    summary: "HAProxy refuses the definition of a table, or reads it in another way",
    source: include_str!("refused.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        let earlier = instance.proxies.iter().flat_map(|proxy| &proxy.earlier_tables);
        for table in instance.tables().into_iter().chain(earlier).filter(|table| certain(table)) {
            for problem in table.parsed.problems.iter().filter(|problem| is_reported(table, problem)) {
                let label = match problem.word {
                    Some(word) => at_word(context, index, table, word, ""),
                    None => at_name(context, index, table, ""),
                };
                let (severity, happens) = match problem.severity() {
                    stick::Severity::Error => (Severity::Error, "HAProxy refuses the configuration."),
                    stick::Severity::Warning => (Severity::Warning, "HAProxy accepts it all the same."),
                };
                let text = escape::name(problem.to_string().as_bytes()).into_owned();
                let message = format!("table `{}`: {}", escape::name(&table.name), first_clause(&text).0);
                let finding = Finding::new(severity, message, label).happens(happens);
                found.push(match first_clause(&text).1 {
                    Some(help) => finding.help(help),
                    None => finding,
                });
            }
            found.extend(write_to(context, index, instance, table));
        }
    }
}

/// Whether a problem is worth a finding here: not what has a rule of its own, nor the number behind a misplaced `len`.
fn is_reported(table: &StickTable, problem: &Problem) -> bool {
    let follows = |other: &Problem| {
        other.kind == ProblemKind::MisplacedLen
            && problem.word.is_some()
            && other.word.map(|word| word + 1) == problem.word
    };
    match problem.kind {
        ProblemKind::ZeroPeriod { .. } => false,
        ProblemKind::UnknownParam { .. } => !table.parsed.problems.iter().any(follows),
        _ => true,
    }
}

/// What is wrong, and what to do, of a message that says both.
fn first_clause(text: &str) -> (&str, Option<&str>) {
    text.split_once("; ").map_or((text, None), |(what, then)| (what, Some(then)))
}

/// `write-to` needs the same type and length.
fn write_to(context: &Context<'_>, index: usize, instance: &Instance<'_>, table: &StickTable) -> Option<Finding> {
    let target = instance.table(table.schema().write_to.as_ref()?).filter(|target| certain(target))?;
    let key = |table: &StickTable| (table.schema().key_type, table.schema().len);
    if key(table) == key(target) {
        return None;
    }
    let (name, other) = (escape::name(&table.name), escape::name(&target.name));
    let message = format!("table `{name}` writes to `{other}`, which has other keys");
    let label = at_param(context, index, table, TableParam::WriteTo, "other keys");
    Some(
        Finding::new(Severity::Error, message, label)
            .label(at_param(context, index, target, TableParam::Type, "here"))
            .happens("HAProxy refuses the configuration.")
            .help("give both the same `type` and `len`"),
    )
}
