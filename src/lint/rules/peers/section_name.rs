//! # The section has different names
//!
//! ## What it does
//! Looks for sections of one mesh that have different names on the instances.
//!
//! ## Why is this bad?
//! It isn't for HAProxy: the name of a section never leaves the process. For people, templates and tools it is the name of
//! the mesh; a `stick-table … peers NAME` copied from one instance to another is refused.
//!
//! ## Example
//! ```haproxy
//! peers mesh                          # lb1.cfg
//! ```
//! ```haproxy
//! peers cluster                       # lb2.cfg
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers mesh                          # on both
//! ```
//!
//! ## Seen on
//! 2.6, 3.2

use crate::lint::{Context, Finding, Rule, Severity, mesh};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-section-name",
    summary: "the section of a mesh has different names on the instances",
    source: include_str!("section_name.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for mesh in mesh::meshes(context) {
        let Some(name) = mesh.first().map(|member| &member.section.name) else { continue };
        if mesh.iter().all(|member| member.section.name == *name) {
            continue;
        }
        let mut labels = mesh.iter().map(|m| context.word(m.index, m.section.place, 1, "the same mesh"));
        let Some(first) = labels.next() else { continue };
        let finding = Finding::new(Severity::Note, "the section of a mesh has different names on the instances", first)
            .happens("Nothing: the name isn't exchanged.")
            .help("use one name, so that lines can be copied from one file to another");
        found.push(labels.fold(finding, Finding::label));
    }
}
