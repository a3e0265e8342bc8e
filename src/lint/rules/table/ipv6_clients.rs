//! # IPv6 clients have no entry in an IPv4 table
//!
//! ## What it does
//! Looks for tables of `type ip` whose keys are client addresses, reached from a `bind` on IPv6: in the section with the rule,
//! or in a frontend that sends clients to it.
//!
//! ## Why is this bad?
//! An IPv6 address that stands for no IPv4 address has no place in such a table. HAProxy makes no entry and says nothing: these
//! clients stick to no server, aren't counted, and no limit holds for them.
//!
//! IPv4 clients of a `v4v6` socket are fine. 3.0 and later also cut the IPv4 address out of `2002::/16` (6to4) and `::/96`; 2.6 gives
//! those no entry.
//!
//! ## Example
//! ```haproxy
//! frontend web
//!   bind :::443 v4v6
//!   stick-table type ip size 1m expire 1m store http_req_rate(10s)
//!   http-request track-sc0 src
//!   http-request deny if { sc_http_req_rate(0) gt 100 }
//! ```
//!
//! ## Use instead
//! `type ipv6`: IPv4 addresses fit into it, as `::ffff:192.0.2.1`. Change it on all instances together. One IPv6 client has many addresses: `src,ipmask(32,64)`
//! counts them as one.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2 (run with IPv6 clients)

use std::borrow::Cow;

use super::shared::{at_param, certain};
use crate::{
    escape,
    grammar::{KeyType, TableParam},
    lint::{Context, Finding, Rule, Severity},
    model::{Bind, How, Instance, Known, Proxy, TableUse},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-ipv6-clients",
    summary: "IPv6 clients reach a table of `type ip`: they get no entry",
    source: include_str!("ipv6_clients.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for table in instance.tables() {
            if table.schema().key_type != Some(KeyType::IP) || !certain(table) {
                continue;
            }
            let by_address = |found: &&TableUse| found.known == Known::Yes && is_client(found.key.as_deref());
            let reached = instance.uses_of(&table.name).filter(by_address).find_map(|found| {
                Some((
                    found,
                    entrances(instance, &found.owner).into_iter().flat_map(|p| &p.binds).find(|b| takes_ipv6(b))?,
                ))
            });
            let Some((found_in, bind)) = reached else { continue };
            let limits = instance.uses_of(&table.name).any(|found| found.limits);
            let happens = match (found_in.how, limits) {
                (How::Stick, _) => {
                    "They get no entry, without a message: each of their connections may go to another server."
                }
                (_, true) => "They get no entry, without a message: they aren't counted and no limit holds for them.",
                (_, false) => "They get no entry, without a message: they aren't counted.",
            };
            let name = escape::name(&table.name);
            let label = at_param(context, index, table, TableParam::Type, "IPv4 only");
            found.push(
                Finding::new(
                    Severity::Warning,
                    format!("IPv6 clients reach table `{name}`, which is `type ip`"),
                    label,
                )
                .label(context.word(index, found_in.place, found_in.key_word, "client addresses"))
                .label(context.word(index, bind.place, 1, "takes IPv6"))
                .happens(happens)
                .help("use `type ipv6`, on all instances: IPv4 addresses fit into it"),
            );
        }
    }
}

/// Whether a key is the client's address.
fn is_client(key: Option<&[u8]>) -> bool {
    let fetch = key.and_then(|key| key.split(|byte| *byte == b',').next());
    let cast = key.is_some_and(|key| key.split(|byte| *byte == b',').skip(1).any(|c| !is_mask(c)));
    fetch.is_some_and(|fetch| matches!(fetch, b"src" | b"fc_src")) && !cast
}

/// Whether what follows a comma belongs to `ipmask`, which leaves an address.
fn is_mask(part: &[u8]) -> bool {
    part.starts_with(b"ipmask(") || part.iter().all(|byte| byte.is_ascii_hexdigit() || b".:/)".contains(byte))
}

/// The section called `owner` where it takes clients itself, and the frontends that send some to it.
fn entrances<'i, 'd>(instance: &'i Instance<'d>, owner: &[u8]) -> Vec<&'i Proxy<'d>> {
    let sends = |proxy: &&Proxy<'d>| {
        *proxy.name == *owner || proxy.backends.iter().any(|name: &Cow<'_, [u8]>| **name == *owner)
    };
    instance.proxies.iter().filter(|proxy| !proxy.disabled && proxy.known == Known::Yes).filter(sends).collect()
}

/// Whether a listener accepts connections over IPv6 from elsewhere.
fn takes_ipv6(bind: &Bind) -> bool {
    bind.known == Known::Yes
        && bind.address.split(|byte| *byte == b',').any(|address| {
            let family = [&b"ipv6@"[..], b"quic6@", b"tcp6@", b"mptcp6@"]
                .iter()
                .find_map(|prefix| address.strip_prefix(*prefix));
            let plain = family.unwrap_or(address);
            let at = plain.iter().rposition(|byte| *byte == b':').unwrap_or(0);
            let host = plain.get(..at).unwrap_or_default();
            let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
            let loopback = host == b"::1";
            !loopback
                && !plain.contains(&b'@')
                && !plain.starts_with(b"/")
                && (family.is_some() || host.contains(&b':'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::LineNo, model::Place};

    fn takes(address: &str) -> bool {
        let place = Place { file: 0, line: LineNo(0) };
        takes_ipv6(&Bind { place, known: Known::Yes, address: address.into(), uncertain: false, params: Vec::new() })
    }

    #[test]
    fn addresses_tell_the_family() {
        for address in
            [":::80", "[::]:80", "ipv6@*:80", "ipv6@:80", "2001:db8::1:443", "quic6@:443", "10.0.0.1:80,[fd00::1]:80"]
        {
            assert!(takes(address), "{address}");
        }
        for address in [
            ":80",
            "*:80",
            "10.0.0.1:80",
            "ipv4@*:80",
            "[::1]:80",
            "::1:80",
            "unix@/a:b:c",
            "/run/a:b:c",
            "fd@3",
            "quic4@:443",
        ] {
            assert!(!takes(address), "{address}");
        }
    }

    #[test]
    fn masked_client_addresses_are_client_addresses() {
        for key in ["src", "fc_src", "src,ipmask(24,64)", "src,ipmask(255.255.255.0)"] {
            assert!(is_client(Some(key.as_bytes())), "{key}");
        }
        for key in ["hdr(x)", "src,map_ip(f)", "src,debug", "dst"] {
            assert!(!is_client(Some(key.as_bytes())), "{key}");
        }
        assert!(!is_client(None));
    }
}
