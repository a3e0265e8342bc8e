//! # A server is missing on an instance
//!
//! ## What it does
//! Looks for servers that exist on some instances only, in a backend that sticks on a table which travels over peers between
//! them. (If another server has its id there, see `server-name-mismatch`.)
//!
//! ## Why is this bad?
//! Entries arrive that name a server which isn't there. HAProxy then balances those clients anew and overwrites the entry, on
//! the other side, too: clients lose their server, and may change it with every instance they come to.
//!
//! ## Example
//! ```haproxy
//! backend shop                        # lb1.cfg
//!   stick-table type ip size 1m expire 30m peers mesh
//!   stick on src
//!   server web1 10.0.1.11:8080
//!   server web2 10.0.1.12:8080
//! ```
//! ```haproxy
//! backend shop                        # lb2.cfg
//!   stick-table type ip size 1m expire 30m peers mesh
//!   stick on src
//!   server web1 10.0.1.11:8080
//! ```
//!
//! ## Use instead
//! The same servers on all instances; one that should get no clients there with `weight 0` or `disabled`.
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4 (2.6, 3.0, 3.2 run here)

use crate::{
    escape,
    lint::{Context, Finding, Group, Row, Rule, Severity, There, servers::finding},
    stick::SrvKey,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "server-missing",
    summary: "a server is missing on an instance that shares the backend's table",
    source: include_str!("missing.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for group in context.groups().iter().filter(|group| !group.alike && group.sharing().count() > 1) {
        for row in &group.rows {
            let missing = missing_on(group, row);
            let Some(first) = missing.first() else { continue };
            let names: Vec<String> = missing.iter().map(|n| context.instance_name(*n).into_owned()).collect();
            let (server, backend) = (escape::name(row.name), escape::name(group.name));
            let message = format!("server `{server}` of backend `{backend}` is missing on {}", names.join(", "));
            let Some(mut finding) = finding(context, group, row, Severity::Warning, message) else { continue };
            if let Some(there) = group.sides.get(*first).and_then(|side| side.there()) {
                finding = finding.label(context.word(*first, there.proxy.place, 1, format!("no `{server}` here")));
            }
            let happens = format!(
                "{} Clients of `{server}` that come to {} get another server, and their entry is overwritten on all sides.",
                group.how_it_sticks(),
                names.join(", ")
            );
            let help = "add the server there, with `weight 0` or `disabled` if it should get no new clients";
            found.push(finding.happens(happens).help(help));
        }
    }
}

/// The instances that share the table of one that has the server, and have neither the server nor one that its entries lead to.
fn missing_on(group: &Group<'_>, row: &Row<'_>) -> Vec<usize> {
    let has = |instance: usize| row.at.get(instance).copied().flatten();
    let Some(server) = group.sharing().find_map(|(n, there)| there.server(has(n)?)) else { return Vec::new() };
    let by_address = group.key() == Some(SrvKey::Addr);
    let is_found = |there: &There<'_>| {
        server.id.is_some_and(|id| there.by_id(id).is_some())
            || (by_address && there.proxy.servers.iter().any(|s| s.address == server.address))
    };
    group.sharing().filter(|(n, there)| has(*n).is_none() && !is_found(there)).map(|(n, _)| n).collect()
}
