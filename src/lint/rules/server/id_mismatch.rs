//! # A server has different ids
//!
//! ## What it does
//! Compares the ids that servers of the same backend and name get on all instances: those written down, and those HAProxy
//! gives by position. An error where the table that the backend sticks on travels over peers, else a warning.
//!
//! ## Why is this bad?
//! A stick entry names its server twice: by `server_key` (its name, or its address with `srvkey addr`) and by `server_id`.
//! HAProxy looks for the key first. While the key is found on all sides, clients stay on their server, and only the column
//! `server_id` is wrong. Once a server is renamed or missing on one side, or the tables disagree about `srvkey`, the id
//! decides, and clients land on whichever server has that id there. Nobody is told.
//!
//! ## Example
//! ```haproxy
//! backend shop                        # lb1.cfg
//!   server web1 10.0.1.11:8080        # id 1
//!   server web2 10.0.1.12:8080        # id 2
//! ```
//! ```haproxy
//! backend shop                        # lb2.cfg
//!   server web2 10.0.1.12:8080        # id 1
//!   server web1 10.0.1.11:8080        # id 2
//! ```
//!
//! ## Use instead
//! Ids that are written down, the same everywhere: `peerctl check-ids --fix lb1.cfg lb2.cfg`.
//! ```haproxy
//! backend shop
//!   server web2 10.0.1.12:8080 id 2
//!   server web1 10.0.1.11:8080 id 1
//! ```
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4 (2.6, 3.0, 3.2 run here)

use std::fmt::Write as _;

use crate::{
    escape,
    lint::{
        Context, Finding, Group, Row, Rule,
        servers::{by_instance, finding},
    },
    model::numbering::Extent,
    stick::SrvKey,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "server-id-mismatch",
    summary: "a server of one name has different ids on the instances",
    source: include_str!("id_mismatch.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for group in context.groups().iter().filter(|group| !group.alike) {
        let differing: Vec<&Row<'_>> = group.rows.iter().filter(|row| differs(group, row)).collect();
        if differing.is_empty() {
            continue;
        }
        let refusal = group.agree(0, Extent::Few).err();
        for row in differing {
            let ids: Vec<Option<u32>> = group.servers(row).iter().map(|s| s.and_then(|s| s.id)).collect();
            let message = format!(
                "server `{}` of backend `{}` has different ids: {}",
                escape::name(row.name),
                escape::name(group.name),
                by_instance(context, &ids)
            );
            let Some(mut finding) = finding(context, group, row, group.severity(), message) else { continue };
            finding.fixable = refusal.is_none();
            let help = match refusal {
                None => "write the ids down, the same everywhere: --fix does it".to_owned(),
                Some(refusal) => {
                    format!("write the ids down by hand, the same everywhere; --fix can't: {}", refusal.why)
                }
            };
            found.push(finding.happens(happens(context, group, row, &ids)).help(help));
        }
    }
}

fn differs(group: &Group<'_>, row: &Row<'_>) -> bool {
    let mut ids = group.servers(row).into_iter().flatten().filter_map(|server| server.id);
    let first = ids.next();
    ids.any(|id| Some(id) != first)
}

/// What HAProxy does because of it, and which server gets the clients once the id decides.
fn happens(context: &Context<'_>, group: &Group<'_>, row: &Row<'_>, ids: &[Option<u32>]) -> String {
    let mut text = group.how_it_sticks();
    let name = escape::name(row.name);
    let addresses = group.servers(row).into_iter().flatten().map(|server| &server.address);
    let first = addresses.clone().next();
    let same_address = addresses.clone().all(|address| Some(address) == first);
    let by_id = match (group.travels(), group.key()) {
        (false, _) => " As soon as one does, its entries name the wrong server to whoever goes by the id.".to_owned(),
        (true, Some(SrvKey::Name)) => format!(
            " While `{name}` exists on all sides, stickiness follows the name (server_key); once it is renamed or missing, \
             the id decides. The column `server_id` is wrong already."
        ),
        (true, Some(SrvKey::Addr)) if same_address => format!(
            " While `{name}` has the same address on all sides, stickiness follows the address (srvkey addr); once it \
             moves, the id decides. The column `server_id` is wrong already."
        ),
        (true, Some(SrvKey::Addr)) => " Its addresses differ, so the key (srvkey addr) is never found: the id decides \
                                       already."
            .to_owned(),
        (true, None) => {
            " The tables disagree about srvkey, so the key is never found: the id decides already.".to_owned()
        }
    };
    text.push_str(&by_id);
    if let Some(lands) = lands(context, group, row, ids) {
        // Writing to a string can't fail.
        let _ = write!(text, " By the id, {lands}.");
    }
    text
}

/// `clients of ‹web2› on lb1 land on ‹web3› on lb2`, for the first pair of instances where that happens.
fn lands(context: &Context<'_>, group: &Group<'_>, row: &Row<'_>, ids: &[Option<u32>]) -> Option<String> {
    let known = || ids.iter().enumerate().filter_map(|(instance, id)| Some((instance, (*id)?)));
    known().flat_map(|from| known().map(move |to| (from, to))).find_map(|((from, id), (to, other))| {
        let there = group.sides.get(to)?.there().filter(|_| id != other)?;
        let server = there.server(there.by_id(id)?)?;
        Some(format!(
            "clients of `{}` on {} land on `{}` on {}",
            escape::name(row.name),
            context.instance_name(from),
            escape::name(&server.name),
            context.instance_name(to)
        ))
    })
}
