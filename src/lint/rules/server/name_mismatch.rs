//! # An id belongs to another server
//!
//! ## What it does
//! Looks for servers that exist on some instances only and whose id is that of another name on the rest. An error where
//! the table that the backend sticks on travels over peers, else a warning.
//!
//! ## Why is this bad?
//! HAProxy finds the server of a stick entry by `server_key`, and if there is none of that name (or, with `srvkey addr`, of that
//! address), by `server_id`. So clients of a server that exists on one side only are sent to the server that has its id on the
//! other side. That is right if it is the same machine under another name, and wrong, silently, if it is another one. With
//! `srvkey addr` and the same address on all sides, clients stay where they are whatever the name: then this is a note.
//!
//! ## Example
//! ```haproxy
//! backend shop                        # lb1.cfg
//!   stick-table type ip size 1m expire 30m peers mesh
//!   stick on src
//!   server web1 10.0.1.11:8080        # id 1
//!   server web2 10.0.1.12:8080        # id 2
//! ```
//! ```haproxy
//! backend shop                        # lb2.cfg
//!   stick-table type ip size 1m expire 30m peers mesh
//!   stick on src
//!   server web1 10.0.1.11:8080        # id 1
//!   server node7 10.0.1.17:8080       # id 2: gets the clients of web2
//! ```
//!
//! ## Use instead
//! The same servers under the same names. Where they have to differ, ids that collide with nothing on either side:
//! `peerctl check-ids --fix lb1.cfg lb2.cfg`.
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4 (2.6, 3.0, 3.2 run here)

use crate::{
    escape,
    lint::{
        Context, Finding, Group, Row, Rule, Severity,
        servers::{finding, label},
    },
    model::{Server, numbering::Extent},
    stick::SrvKey,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "server-name-mismatch",
    summary: "an id is that of another server on another instance",
    source: include_str!("name_mismatch.rs"),
    check,
};

/// The server that has the id of another instance's server: its instance, its index, itself.
type Taker<'a> = (usize, usize, &'a Server<'a>);

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for group in context.groups().iter().filter(|group| !group.alike) {
        let mut refusal = None;
        for row in &group.rows {
            let takers = takers(group, row);
            let Some((home, server, first)) = meeting(group, row, &takers) else { continue };
            let id = server.id.unwrap_or(0);
            let message = format!(
                "id {id} of backend `{}` is `{}` on {} and `{}` on {}",
                escape::name(group.name),
                escape::name(row.name),
                context.instance_name(home),
                escape::name(&first.2.name),
                context.instance_name(first.0)
            );
            let (severity, happens) = verdict(context, group, server, home, first);
            let Some(mut finding) = finding(context, group, row, severity, message) else { continue };
            for (instance, index, _) in &takers {
                let there = group.sides.get(*instance).and_then(|side| side.there());
                if let Some(label) = there.and_then(|there| label(context, *instance, there.proxy, *index)) {
                    finding = finding.label(label);
                }
            }
            let same_machine = first.2.address == server.address;
            let refused = *refusal.get_or_insert_with(|| group.agree(0, Extent::Few).err());
            finding.fixable = !same_machine && refused.is_none();
            let help = match refused {
                _ if same_machine => "give the server one name everywhere".to_owned(),
                None => "give the server one name everywhere, or different servers different ids: --fix does that"
                    .to_owned(),
                Some(refusal) => format!(
                    "give the server one name everywhere, or different servers different ids; --fix can't do that: {}",
                    refusal.why
                ),
            };
            found.push(finding.happens(happens).help(help));
        }
    }
}

/// The first instance that has the server, with an id that is known.
fn home<'a>(group: &Group<'a>, row: &Row<'a>) -> Option<(usize, &'a Server<'a>)> {
    let servers = group.servers(row).into_iter().enumerate();
    servers.filter_map(|(instance, server)| Some((instance, server?))).find(|(_, server)| server.id.is_some())
}

/// A server of the row, its instance, and one that has its id elsewhere: two machines, if there are such.
fn meeting<'a>(group: &Group<'a>, row: &Row<'a>, takers: &[Taker<'a>]) -> Option<(usize, &'a Server<'a>, Taker<'a>)> {
    let (home, first) = home(group, row)?;
    let servers = group.servers(row).into_iter().enumerate().filter_map(|(n, server)| Some((n, server?)));
    let pairs =
        servers.filter(|(_, server)| server.id == first.id).flat_map(|(n, s)| takers.iter().map(move |t| (n, s, *t)));
    let two_machines = |(_, server, taker): &(usize, &Server<'_>, Taker<'_>)| server.address != taker.2.address;
    pairs.clone().find(two_machines).or_else(|| Some((home, first, *takers.first()?)))
}

/// The servers of other names that have its id where it is missing.
fn takers<'a>(group: &Group<'a>, row: &Row<'a>) -> Vec<Taker<'a>> {
    let Some(id) = home(group, row).and_then(|(_, server)| server.id) else { return Vec::new() };
    let taker = |(instance, there): (usize, &crate::lint::There<'a>)| {
        let missing = row.at.get(instance).copied().flatten().is_none();
        let index = there.by_id(id).filter(|_| missing)?;
        Some((instance, index, there.server(index)?))
    };
    group.there().filter_map(taker).collect()
}

/// How bad it is, and what HAProxy does.
fn verdict(
    context: &Context<'_>,
    group: &Group<'_>,
    server: &Server<'_>,
    home: usize,
    (away, _, taker): Taker<'_>,
) -> (Severity, String) {
    let (name, other) = (escape::name(&server.name), escape::name(&taker.name));
    let address = context.address(home, server);
    let (home, away_name) = (context.instance_name(home), context.instance_name(away));
    let sticks = group.how_it_sticks();
    if !group.travels() {
        return (group.severity(), format!("{sticks} As soon as one does, clients of `{name}` land on `{other}`."));
    }
    let by_address = group.sides.get(away).and_then(|side| side.there()).filter(|_| group.key() == Some(SrvKey::Addr));
    let found = by_address.and_then(|there| there.proxy.servers.iter().find(|s| s.address == server.address));
    if let Some(found) = found {
        let text = format!(
            "{sticks} It names servers by address (srvkey addr), so clients of `{name}` stay at {}, which is `{}` on \
             {away_name}: nobody is sent elsewhere while the address stays.",
            address,
            escape::name(&found.name)
        );
        return (Severity::Note, text);
    }
    let case =
        if server.name.eq_ignore_ascii_case(&taker.name) { " (names that differ in case are different)" } else { "" };
    let key = if group.key() == Some(SrvKey::Addr) { "address" } else { "name" };
    let lands = format!(
        "{sticks} Clients of `{name}` on {home} that come to {away_name} land on `{other}`: HAProxy finds no server of that \
         {key}{case} and goes by the id."
    );
    let text = if server.address == taker.address {
        format!("{lands} Both have the address {address}: it works, but only while the ids stay.")
    } else {
        format!("{lands} Nobody is told.")
    };
    (group.severity(), text)
}
