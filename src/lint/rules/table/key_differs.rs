//! # A table has other keys on another instance
//!
//! ## What it does
//! Compares the key type and its length of tables that travel between the instances.
//!
//! ## Why is this bad?
//! HAProxy ignores a table whose type or key length differs from its own, in both directions and without a message. The
//! session stays established and other tables go on.
//!
//! `type string` holds 31 characters, `type string len 32` holds 32: these two don't match either.
//!
//! ## Example
//! ```haproxy
//! backend shop                                           # lb1.cfg
//!   stick-table type string size 1m expire 30m peers mesh
//! ```
//! ```haproxy
//! backend shop                                           # lb2.cfg
//!   stick-table type string len 32 size 1m expire 30m peers mesh
//! ```
//!
//! ## Use instead
//! The same `type` and `len` everywhere. Change all instances together: an instance that loads another type starts with an
//! empty table.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use super::shared::{Shared, at_param, groups, key_words, label_all, others};
use crate::{
    grammar::{KeyType, TableParam},
    lint::{Context, Finding, Rule, Severity},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-key-differs",
    summary: "a table's key type or length differs between instances: it doesn't replicate",
    source: include_str!("key_differs.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for group in groups(context) {
        let Some((first, others)) = others(&group, key) else { continue };
        let label = |member: &Shared<'_>| {
            at_param(context, member.index, member.table, TableParam::Type, key_words(member.table))
        };
        let kinds: Vec<String> = [&first].into_iter().chain(&others).map(|member| key_words(member.table)).collect();
        let message = format!("table `{}` has different keys: {}", first.name(), kinds.join(", "));
        let mut help = "give it the same `type` and `len` on all instances, and reload them".to_owned();
        if is_default_against_32(first, &others) {
            help += "; `type string` alone means `len 31`";
        }
        let finding = Finding::new(Severity::Error, message, label(first));
        found.push(
            label_all(finding, &others, label)
                .happens(
                    "Each side ignores the other's table without a message: no entry is replicated, other tables are.",
                )
                .help(help),
        );
    }
}

/// What has to be equal.
fn key(member: &Shared<'_>) -> (Option<KeyType>, Option<u32>) {
    (member.table.schema().key_type, member.table.schema().len)
}

fn is_default_against_32(first: &Shared<'_>, others: &[&Shared<'_>]) -> bool {
    let lens: Vec<_> = [&first].into_iter().chain(others).map(|member| key(member)).collect();
    let string = |len| (Some(KeyType::STRING), Some(len));
    lens.contains(&string(31)) && lens.contains(&string(32))
}
