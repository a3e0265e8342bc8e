//! # The instances don't list the same peers
//!
//! ## What it does
//! Looks for peers that some instances of a mesh list and others don't. Those of the instances that were handed in are
//! `peers-not-listed`; guests don't count.
//!
//! ## Why is this bad?
//! HAProxy doesn't pass on what it has learnt from a peer: each instance must talk to each other one. A peer that isn't
//! listed gets nothing from that instance, and its calls there are refused with 504.
//!
//! ## Example
//! ```haproxy
//! peers mesh                          # lb1.cfg
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//!   peer lb3 10.0.0.3:10000
//! ```
//! ```haproxy
//! peers mesh                          # lb2.cfg
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! ```
//!
//! ## Use instead
//! The same peers in all files.
//!
//! ## Seen on
//! 2.6, 3.2

use std::collections::BTreeSet;

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, mesh},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-list-differs",
    summary: "a peer is listed on some instances of a mesh only",
    source: include_str!("list_differs.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for mesh in mesh::meshes(context) {
        let names: BTreeSet<&[u8]> =
            mesh.iter().flat_map(|m| m.entries().filter(|e| !e.uncertain)).map(|e| &*e.name).collect();
        let unclear = |m: &mesh::Member<'_>| m.local.is_none() || m.entries().any(|entry| entry.uncertain);
        for name in names.into_iter().filter(|name| !mesh.iter().any(|m| m.local == Some(name))) {
            let without: Vec<_> = mesh.iter().filter(|m| m.section.entry(name).is_none() && !unclear(m)).collect();
            let mut missing = without.iter().map(|m| {
                let text = format!("`{}` doesn't list `{}`", m.name(), escape::name(name));
                context.word(m.index, m.section.place, 1, text)
            });
            let Some(first) = missing.next() else { continue };
            let listed = mesh.iter().filter_map(|m| {
                Some(context.word(m.index, m.entry(name)?.place, 1, format!("`{}` lists it", m.name())))
            });
            let finding = Finding::new(
                Severity::Warning,
                format!("peer `{}` isn't listed on all instances of the mesh", escape::name(name)),
                first,
            )
            .happens("It gets nothing from the instances that don't list it: peers don't pass on what they learn.")
            .help("list the same peers on all instances");
            found.push(missing.chain(listed).fold(finding, Finding::label));
        }
    }
}
