//! # Ids agree by position only
//!
//! ## What it does
//! Looks for backends that stick on a table which travels over peers, whose servers have the same ids on all instances, but not
//! because they are written down.
//!
//! ## Why is this bad?
//! HAProxy numbers servers by their position. One line more or less in one file, or another order, and all ids behind it
//! differ; HAProxy says nothing. Written down, ids stay.
//!
//! ## Example
//! ```haproxy
//! backend shop
//!   stick-table type ip size 1m expire 30m peers mesh
//!   stick on src
//!   server web1 10.0.1.11:8080
//!   server web2 10.0.1.12:8080
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend shop
//!   stick-table type ip size 1m expire 30m peers mesh
//!   stick on src
//!   server web1 10.0.1.11:8080 id 1
//!   server web2 10.0.1.12:8080 id 2
//! ```
//! A note is mended by `--fix` only if it is asked for: `peerctl check-ids --fix --select server-id-implicit lb1.cfg lb2.cfg`.
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4 (2.6, 3.0, 3.2 run here)

use crate::{
    escape,
    lint::{Context, Finding, Group, Rule, Severity, There},
    model::{Proxy, ServerLine, numbering::Extent, server_id::ExplicitId},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "server-id-implicit",
    summary: "the ids of a backend that sticks over peers agree by position only",
    source: include_str!("id_implicit.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for group in context.groups().iter().filter(|group| group.needs_ids() && agree(group)) {
        let count = group.there().map(|(_, there)| there.proxy.overview.automatic).max().unwrap_or(0);
        if count == 0 {
            continue;
        }
        let mut labels = group.there().filter_map(|(instance, there)| {
            let line = open_lines(there.proxy).next()?;
            let server = there.server(line.first as usize)?;
            Some(context.word(instance, server.place, 1, "the first one without an id"))
        });
        let Some(first) = labels.next() else { continue };
        let servers = if count == 1 { "server" } else { "servers" };
        let message = format!("backend `{}` has {count} {servers} with ids by position only", escape::name(group.name));
        let mut finding = labels.fold(Finding::new(Severity::Note, message, first), Finding::label);
        finding.fixable = is_fixable(group);
        let happens =
            format!("{} A line more or less on one instance, or another order, changes ids.", group.how_it_sticks());
        let help = if finding.fixable {
            "write the ids down; `--fix --select server-id-implicit` does it for all of them"
        } else {
            "write the ids down; where a `server-template` makes the servers, only its first one can have an id"
        };
        found.push(finding.happens(happens).help(help).backend(group.name));
    }
}

/// Whether the ids can be written down. Where all sides are alike and no template is there, they can.
fn is_fixable(group: &Group<'_>) -> bool {
    let plain = |(_, there): (usize, &There<'_>)| !there.proxy.overview.discovered && !there.proxy.overview.doubtful;
    (group.alike && group.there().all(plain))
        || group.agree(0, Extent::All).is_ok_and(|agreement| !agreement.pins.is_empty())
}

/// Whether all servers that several instances have, have one id.
fn agree(group: &Group<'_>) -> bool {
    group.alike
        || group.rows.iter().all(|row| {
            let ids: Vec<_> = group.servers(row).into_iter().flatten().map(|server| server.id).collect();
            ids.windows(2).all(|pair| matches!(pair, [a, b] if a == b))
        })
}

/// The lines of servers without an id.
fn open_lines<'p>(proxy: &'p Proxy<'_>) -> impl Iterator<Item = &'p ServerLine> {
    proxy.lines.iter().filter(|line| line.explicit == ExplicitId::Automatic)
}
