//! # A table expires differently on another instance
//!
//! ## What it does
//! Compares `expire` of tables that travel between the instances.
//!
//! ## Why is this bad?
//! It isn't replicated: a live update takes the receiver's own `expire`. In a resync, after a start, the sender's remaining
//! time counts (3.0 and later cut it to the receiver's own `expire`, 2.6 doesn't). So an entry lives for different times
//! depending on where and how it arrived.
//!
//! Where one side has no `expire` it is worse: from 3.2 on its entries are lost in a resync, so it can't fill an instance
//! that starts.
//!
//! ## Example
//! ```haproxy
//! backend shop                                           # lb1.cfg
//!   stick-table type ip size 1m expire 30m peers mesh
//! ```
//! ```haproxy
//! backend shop                                           # lb2.cfg
//!   stick-table type ip size 1m peers mesh
//! ```
//!
//! ## Use instead
//! The same `expire` everywhere.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2; lost in a resync: 3.2, 3.5-dev5

use super::shared::{Shared, at_param, groups, label_all, others};
use crate::{
    grammar::{TableParam, Version},
    lint::{Context, Finding, Rule, Severity},
    units::Delay,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-expire-differs",
    summary: "a table's `expire` differs between instances",
    source: include_str!("expire_differs.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    let loses = context.release.version >= Version::new(3, 2);
    for group in groups(context) {
        let Some((first, others)) = others(&group, |member| member.table.schema().expire_ms()) else { continue };
        let never = [&first].into_iter().chain(&others).any(|member| member.table.schema().expire_ms() == 0);
        let label =
            |member: &Shared<'_>| at_param(context, member.index, member.table, TableParam::Expire, words(member));
        let (severity, happens) = match (never, loses) {
            (true, true) => (
                Severity::Error,
                "What the side without `expire` teaches to an instance that starts is lost there; live updates get the receiver's own time.",
            ),
            (true, false) => (
                Severity::Warning,
                "Entries that the side without `expire` teaches may stay for ever on the other; live updates get the receiver's own time.",
            ),
            (false, _) => (
                Severity::Warning,
                "A live update gets the receiver's own time, a resync brings the sender's: entries live for different times.",
            ),
        };
        let message = format!("table `{}` has different `expire`", first.name());
        found.push(
            label_all(Finding::new(severity, message, label(first)), &others, label)
                .happens(happens)
                .help("give it the same `expire` on all instances, and reload them"),
        );
    }
}

fn words(member: &Shared<'_>) -> String {
    match member.table.schema().expire.filter(|delay| delay.ms() > 0) {
        Some(delay) => Delay::to_string(&delay),
        None => "never".to_owned(),
    }
}
