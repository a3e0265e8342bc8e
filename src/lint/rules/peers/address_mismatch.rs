//! # A peer is called where it doesn't listen
//!
//! ## What it does
//! Compares the address at which an instance calls another one with the address on which that one listens; and the
//! addresses that instances give for a peer that wasn't handed in.
//!
//! ## Why is this bad?
//! A call that goes astray makes no message. As both sides call each other, one right address is enough, and the mistake
//! goes unnoticed until the other side is changed, too: then nothing is replicated. Where addresses are translated on the
//! way, allow the rule in place.
//!
//! ## Example
//! ```haproxy
//! peers mesh                          # lb1.cfg
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10001
//! ```
//! ```haproxy
//! peers mesh                          # lb2.cfg
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! ```
//!
//! ## Use instead
//! The same address of each peer in all files.
//!
//! ## Seen on
//! 2.6, 3.2

use std::collections::BTreeMap;

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, mesh, mesh::Miss},
    model::{Address, PeerEntry},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-address-mismatch",
    summary: "an instance calls a peer where that one doesn't listen",
    source: include_str!("address_mismatch.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (a, b) in mesh::pairs(context) {
        for (from, to) in [(&a, &b), (&b, &a)] {
            found.extend(astray(context, from, to));
        }
    }
    for mesh in mesh::meshes(context) {
        let mut absent: BTreeMap<&[u8], Vec<(&mesh::Member<'_>, &PeerEntry, Address)>> = BTreeMap::new();
        for member in mesh.iter().filter(|member| member.local.is_some()) {
            let known = |entry: &&PeerEntry| !mesh.iter().any(|m| m.local == Some(&entry.name));
            for entry in member.remotes().filter(known) {
                let Some(address) = mesh::dialled(entry) else { continue };
                absent.entry(&entry.name).or_default().push((member, entry, address));
            }
        }
        for (name, places) in absent {
            let Some((_, _, first)) = places.first() else { continue };
            let differs =
                |(_, _, other): &(_, _, Address)| first.same_host(other) == Some(false) || first.port() != other.port();
            if !places.iter().any(differs) {
                continue;
            }
            let mut labels = places.iter().map(|(member, entry, _)| {
                context.word(member.index, entry.place, 2, format!("where `{}` calls it", member.name()))
            });
            let Some(first) = labels.next() else { continue };
            let message = format!("peer `{}` has different addresses", escape::name(name));
            let finding = Finding::new(Severity::Warning, message, first)
                .happens("At most one of them is right; with the other one the peer has to call by itself.")
                .help("write the address on which it listens everywhere");
            found.push(labels.fold(finding, Finding::label));
        }
    }
}

/// A call that doesn't find the listener. That to a listener on the loopback is `peers-loopback`.
fn astray(context: &Context<'_>, from: &mesh::Member<'_>, to: &mesh::Member<'_>) -> Option<Finding> {
    let miss = from.misses(to).filter(|miss| *miss != Miss::Loopback)?;
    let (entry, (place, word)) = (from.lists(to)?, to.listener_word()?);
    let what = if miss == Miss::Port { "port" } else { "address" };
    let (caller, called) = (from.name(), to.name());
    let (severity, happens) = if to.reaches(from) {
        (
            Severity::Warning,
            format!("Calls of `{caller}` don't arrive; replication hangs on the calls of `{called}` alone."),
        )
    } else {
        (
            Severity::Error,
            "No call gets through in either direction: the two replicate nothing, and nothing is logged.".into(),
        )
    };
    let own = context.word(to.index, place, word, format!("where `{called}` listens"));
    Some(
        Finding::new(
            severity,
            format!("`{caller}` calls `{called}` at another {what} than it listens on"),
            context.word(from.index, entry.place, 2, "where it is called"),
        )
        .label(own)
        .happens(happens)
        .help(format!("write the {what} on which `{called}` listens")),
    )
}
