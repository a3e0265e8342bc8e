//! # A table names servers differently on another instance
//!
//! ## What it does
//! Compares `srvkey` of tables that travel between the instances and store `server_key`.
//!
//! ## Why is this bad?
//! One side sends names and the other addresses, which nobody finds. HAProxy falls back to `server_id`: clients land on
//! whichever server has that id.
//!
//! It is an error unless all servers of the backends that stick on the table have the same ids.
//!
//! ## Example
//! ```haproxy
//! backend shop                                           # lb1.cfg
//!   stick-table type ip size 1m expire 30m srvkey addr peers mesh
//!   stick on src
//! ```
//! ```haproxy
//! backend shop                                           # lb2.cfg
//!   stick-table type ip size 1m expire 30m peers mesh
//!   stick on src
//! ```
//!
//! ## Use instead
//! The same `srvkey` everywhere; `name` is what a table without it has.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use std::collections::BTreeMap;

use super::shared::{Shared, at_param, groups, label_all, others};
use crate::{
    grammar::{DataType, TableParam},
    lint::{Context, Finding, Rule, Severity},
    model::How,
    stick::SrvKey,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-srvkey-differs",
    summary: "a table's `srvkey` differs between instances: servers are found by id only",
    source: include_str!("srvkey_differs.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for group in groups(context) {
        let having: Vec<Shared<'_>> =
            group.into_iter().filter(|m| m.table.schema().column(DataType::SERVER_KEY).is_some()).collect();
        let Some((first, others)) = others(&having, srvkey) else { continue };
        let agree = others.iter().all(|member| ids(member) == ids(first)) && ids(first).values().all(Option::is_some);
        let label = |member: &Shared<'_>| {
            at_param(context, member.index, member.table, TableParam::Srvkey, format!("srvkey {}", srvkey(member)))
        };
        let (severity, happens) = if agree {
            (Severity::Warning, "The key that arrives is never found; the ids decide. They agree today.")
        } else {
            (
                Severity::Error,
                "The key that arrives is never found; the ids decide, and they differ: clients land on other servers.",
            )
        };
        let message = format!("table `{}` has different `srvkey`", first.name());
        found.push(
            label_all(Finding::new(severity, message, label(first)), &others, label)
                .happens(happens)
                .help("give it the same `srvkey` on all instances, and reload them"),
        );
    }
}

fn srvkey(member: &Shared<'_>) -> SrvKey {
    member.table.schema().srvkey.unwrap_or(SrvKey::Name)
}

/// The ids of all servers of the proxies that stick on the table, by proxy and name.
fn ids<'a>(member: &Shared<'a>) -> BTreeMap<(&'a [u8], &'a [u8]), Option<u32>> {
    let uses = member.instance.uses_of(&member.table.name).filter(|found| found.how == How::Stick);
    let owners: Vec<&[u8]> = uses.map(|found| found.owner.as_slice()).collect();
    let proxies = member.instance.proxies.iter().filter(|proxy| owners.contains(&&*proxy.name));
    proxies.flat_map(|p| p.servers.iter().map(|server| ((&*p.name, &*server.name), server.id))).collect()
}
