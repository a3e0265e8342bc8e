//! # An instance lacks the section
//!
//! ## What it does
//! Looks for peers whose instance was handed in and has no section of that mesh, or has disabled it.
//!
//! ## Why is this bad?
//! Nobody listens there: calls fail, nothing is logged, and nothing is replicated with that instance.
//!
//! ## Example
//! ```haproxy
//! peers mesh                          # lb1.cfg
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! ```
//! ```haproxy
//! peers mesh                          # lb2.cfg
//!   disabled
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! ```
//!
//! ## Use instead
//! The section on all instances: `peerctl add mesh lb2.cfg --peer …`.
//!
//! ## Seen on
//! 2.6, 3.2

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, mesh},
    model::{Instance, PeersSection},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-section-missing",
    summary: "an instance that others list has no such section, or has disabled it",
    source: include_str!("section_missing.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for mesh in mesh::meshes(context) {
        for member in mesh.iter().filter(|member| member.local.is_some()) {
            let absent = member.remotes().filter(|entry| !mesh.iter().any(|m| m.local == Some(&entry.name)));
            for entry in absent {
                let name = escape::name(&entry.name);
                let others = context.each().filter(|(index, _)| !mesh.iter().any(|m| m.index == *index));
                let Some((index, other)) = others.into_iter().find(|(_, other)| is_called(other, &entry.name)) else {
                    continue;
                };
                let label = context.word(member.index, entry.place, 1, "who replicates with it");
                let namesake = other.section(&member.section.name);
                let disabled = |section: &&PeersSection| section.disabled && mesh::is_certain(section);
                let finding = match namesake {
                    Some(section) if disabled(&section) => Finding::new(
                        Severity::Error,
                        format!("`{name}` has disabled peers section `{}`", escape::name(&section.name)),
                        context.word(index, section.place, 1, "disabled"),
                    )
                    .label(label)
                    .help("take `disabled` away, or take this peer off the other instances"),
                    // Dropped sections are `peers-no-local`; what depends on conditions may be there.
                    Some(_) => continue,
                    None if other.peers.iter().any(|section| !mesh::is_certain(section)) => continue,
                    None => {
                        Finding::new(Severity::Error, format!("`{name}` has no peers section for this mesh"), label)
                            .help(format!(
                                "peerctl add {} FILE --peer … writes the section for `{name}`",
                                escape::name(&member.section.name)
                            ))
                    }
                };
                found.push(finding.happens(format!("Nothing is replicated with `{name}`, and nothing is logged.")));
            }
        }
    }
}

/// Whether an instance's local peer has this name, or would have it if there were a peers section.
fn is_called(instance: &Instance<'_>, name: &[u8]) -> bool {
    match &instance.local.name {
        Some(local) => local == name,
        None => instance.candidates.iter().any(|candidate| candidate == name),
    }
}
