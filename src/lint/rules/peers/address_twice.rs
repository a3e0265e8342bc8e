//! # Two peers have the same address
//!
//! ## What it does
//! Compares the addresses of peers: in a section, over the sections of an instance, and where two instances of a mesh listen.
//!
//! ## Why is this bad?
//! At one address there is one process with one name: the other peer never answers. HAProxy doesn't notice. Two sections,
//! or two processes, may even listen at one address: both start, the system deals the calls out between them, and tables
//! meet others of the wrong section.
//!
//! ## Example
//! ```haproxy
//! peers sessions
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! peers limits
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers limits
//!   peer lb1 10.0.0.1:10001
//!   peer lb2 10.0.0.2:10001
//! ```
//! or one section for all tables.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    lint::{Context, Finding, Label, Rule, Severity, mesh},
    model::{Address, PeerEntry},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-address-twice",
    summary: "two peers, sections or instances have the same address",
    source: include_str!("address_twice.rs"),
    check,
};

/// A peer's address with where it stands.
struct Known<'a> {
    member: mesh::Member<'a>,
    entry: &'a PeerEntry,
    address: Address,
    label: Label,
}

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    let mut known: Vec<Known<'_>> = Vec::new();
    for member in mesh::running(context) {
        for entry in &member.section.entries {
            let is_own = Some(entry.name.as_slice()) == member.local;
            let address = if is_own { member.address() } else { mesh::dialled(entry) };
            let place = if is_own { member.listener_word() } else { Some((entry.place, 2)) };
            let (Some(address), Some((place, word))) = (address, place) else { continue };
            let text = format!("`{}` of section `{}`", escape::name(&entry.name), escape::name(&member.section.name));
            let label = context.word(member.index, place, word, text);
            let earlier = known.iter().filter(|k| k.member.index == member.index && k.address == address);
            if let Some(first) = earlier.min_by_key(|k| !k.member.is(&member)) {
                // A name twice is `peers-duplicate-name`.
                if !(first.member.is(&member) && first.entry.name == entry.name) {
                    found.push(within(first, &member, &label));
                }
            }
            known.push(Known { member, entry, address, label });
        }
    }
    for (a, b) in mesh::pairs(context) {
        // The same name on both is `peers-same-local-name`.
        if a.local == b.local {
            continue;
        }
        let own =
            |m: &mesh::Member<'_>| known.iter().find(|k| k.member.is(m) && Some(k.entry.name.as_slice()) == m.local);
        let (Some(first), Some(second)) = (own(&a), own(&b)) else { continue };
        if first.address == second.address && !first.address.is_wildcard() {
            found.push(
                Finding::new(
                    Severity::Error,
                    "two instances listen for peers at the same address",
                    second.label.clone(),
                )
                .label(first.label.clone())
                .happens(
                    "On one machine both start, and a call gets to either of them; on two, one of them isn't reached.",
                )
                .help("give each instance an address and port of its own"),
            );
        }
    }
}

/// The same address twice on one instance.
fn within(first: &Known<'_>, member: &mesh::Member<'_>, second: &Label) -> Finding {
    let same_section = first.member.is(member);
    let (message, happens) = if same_section {
        (
            format!("two peers of section `{}` have the same address", escape::name(&member.section.name)),
            "The process there has one name: calls to the other peer are refused, or go to the wrong one.",
        )
    } else {
        (
            format!(
                "a peer of section `{}` has an address of section `{}`",
                escape::name(&member.section.name),
                escape::name(&first.member.section.name)
            ),
            "HAProxy accepts it: a call gets to either section, and the tables of the other one aren't replicated.",
        )
    };
    Finding::new(Severity::Error, message, second.clone())
        .label(first.label.clone())
        .happens(happens)
        .help("give each section a port of its own on every machine, and each peer an address of its own")
}
