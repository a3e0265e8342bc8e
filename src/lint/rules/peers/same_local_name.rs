//! # Two instances have the same local name
//!
//! ## What it does
//! Compares the local names of the instances of a mesh.
//!
//! ## Why is this bad?
//! A peer is called by its name. Two processes of one name take each other for themselves: each refuses the other's call
//! with 503, nothing is replicated between them, and nothing is logged.
//!
//! ## Example
//! ```haproxy
//! global                              # lb1.cfg and lb2.cfg
//!   localpeer lb1
//! ```
//!
//! ## Use instead
//! ```haproxy
//! global                              # lb2.cfg
//!   localpeer lb2
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, mesh},
    model::LocalPeerSource,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-same-local-name",
    summary: "two instances of a mesh have the same local name",
    source: include_str!("same_local_name.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (a, b) in mesh::pairs(context).into_iter().filter(|(a, b)| a.local == b.local) {
        let label = |member: &mesh::Member<'_>| {
            let (place, word) = match member.instance.local.source {
                LocalPeerSource::Localpeer(place) => (place, 1),
                _ => (member.own().map_or(member.section.place, |own| own.place), 1),
            };
            context.word(member.index, place, word, "the local peer's name")
        };
        let name = a.local.map(escape::name).unwrap_or_default();
        found.push(
            Finding::new(Severity::Error, format!("two instances of a mesh call themselves `{name}`"), label(&b))
                .label(label(&a))
                .happens("They refuse each other's calls (503) and replicate nothing, without a message.")
                .help("give each its own `localpeer`, and a line of that name in all files"),
        );
    }
}
