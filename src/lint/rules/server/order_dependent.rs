//! # Servers are found in an order of their own
//!
//! ## What it does
//! Looks for servers whose name says nothing about the machine behind it, in a backend that sticks on a table which travels over
//! peers and names servers by name: the slots of a `server-template`, and several servers of one host name with `resolvers`.
//!
//! ## Why is this bad?
//! Each HAProxy fills such slots by itself, in the order in which it learns of the machines: `web1` is one machine on this
//! instance and another one on that. Names and ids agree, and clients still land elsewhere.
//!
//! ## Example
//! ```haproxy
//! backend shop
//!   stick-table type ip size 1m expire 30m peers mesh
//!   stick on src
//!   server-template web 10 _http._tcp.shop.internal resolvers dns
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend shop
//!   stick-table type ip size 1m expire 30m srvkey addr peers mesh
//!   stick on src
//!   server-template web 10 _http._tcp.shop.internal resolvers dns
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2 (run here: with `srvkey addr` the entry holds the address, without it the slot's name)

use std::collections::HashMap;

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, There},
    model::Place,
    stick::SrvKey,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "server-order-dependent",
    summary: "servers are discovered, and the table that travels names them by their slots",
    source: include_str!("order_dependent.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for group in context.groups() {
        let mut finding: Option<Finding> = None;
        for (instance, there) in group.sharing().filter(|(_, there)| there.key() == Some(SrvKey::Name)) {
            let Some((place, what, severity)) = discovered(there) else { continue };
            let label = context.word(instance, place, 0, what);
            let made = finding.take().map_or_else(
                || {
                    let name = escape::name(group.name);
                    let message = format!("the servers of backend `{name}` are found in an order of their own");
                    Finding::new(severity, message, label.clone())
                },
                |finding| finding.label(label.clone()),
            );
            finding = Some(match there.shared {
                Some((table, _)) => made.label(context.word(instance, table.place, 0, "names servers by name")),
                None => made,
            });
        }
        let Some(finding) = finding else { continue };
        let happens = format!(
            "{} Each HAProxy fills the slots by itself: a name can stand for different machines on different instances, and \
             clients land elsewhere although names and ids agree.",
            group.how_it_sticks()
        );
        let table = group.sharing().find_map(|(_, there)| there.shared).map_or(group.name, |(table, _)| &table.name);
        let help = format!(
            "let the table name servers by address: `peerctl table set {} --srvkey addr`, on all instances at once",
            escape::name(table)
        );
        found.push(finding.happens(happens).help(help).backend(group.name));
    }
}

/// The first line that depends on an order: where it is, what it is, how bad.
fn discovered(there: &There<'_>) -> Option<(Place, &'static str, Severity)> {
    let mut of_one_name: HashMap<&[u8], Place> = HashMap::new();
    for line in &there.proxy.lines {
        let server = there.server(line.first as usize)?;
        let host = is_host_name(&server.address);
        if line.template && host {
            return Some((server.place, "slots that are filled by discovery", Severity::Warning));
        }
        if line.template && line.count > 1 {
            return Some((server.place, "slots that something else fills at run time", Severity::Note));
        }
        if host && line.resolved && of_one_name.insert(&server.address, server.place).is_some() {
            return Some((server.place, "one of several servers of one host name", Severity::Warning));
        }
    }
    None
}

/// Whether an address is a name that has to be looked up.
fn is_host_name(address: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(address) else { return false };
    let plain = ["ipv4@", "ipv6@", "tcp@", "tcp4@", "tcp6@", "udp@", "quic4@", "quic6@"]
        .iter()
        .find_map(|p| text.strip_prefix(p))
        .unwrap_or(text);
    if plain.contains('@') || plain.starts_with('/') {
        return false;
    }
    let host = plain.rsplit_once(':').map_or(plain, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let looked_up = host.parse::<std::net::IpAddr>().is_err() && plain.parse::<std::net::IpAddr>().is_err();
    looked_up && host.contains(|c: char| c.is_ascii_alphabetic()) && !host.contains("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_looked_up() {
        for name in ["shop.internal:80", "_http._tcp.shop.internal", "ipv4@shop:80", "localhost"] {
            assert!(is_host_name(name.as_bytes()), "{name}");
        }
        for address in [
            "10.0.0.1:80",
            "[2001:db8::1]:80",
            "2001:db8::1",
            "::1:80",
            "unix@/run/x",
            "/run/x",
            "*:80",
            ":80",
            "fd@3",
            "rhttp@",
        ] {
            assert!(!is_host_name(address.as_bytes()), "{address}");
        }
    }
}
