//! # A reload hands over the tables of one section only
//!
//! ## What it does
//! Looks for instances of 3.0 and later with several running peers sections.
//!
//! ## Why is this bad?
//! At a reload the old process hands its tables over to the new one, section by section. Since 3.0 the first section that
//! begins keeps the others from beginning theirs: their tables are learnt from other peers, if some are up, or lost. Which
//! section is first isn't determined.
//!
//! ## Example
//! ```haproxy
//! peers sessions
//!   peer lb1 10.0.0.1:10000
//! peers limits
//!   peer lb1 10.0.0.1:10001
//! ```
//!
//! ## Use instead
//! One section for all tables.
//!
//! ## Seen on
//! 3.0, 3.2 (2.6 hands over all of them)

use crate::{
    escape,
    grammar::Version,
    lint::{Context, Finding, Rule, Severity, mesh},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-one-handover",
    summary: "since 3.0 a reload hands over the tables of one section only",
    source: include_str!("one_handover.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    let carries = |member: &mesh::Member<'_>| member.instance.tables_of(member.section).next().is_some();
    let running: Vec<_> = mesh::running(context).into_iter().filter(carries).collect();
    for (index, instance) in context.each().filter(|(_, instance)| instance.version >= Version::new(3, 0)) {
        let own: Vec<_> = running.iter().filter(|m| m.index == index && m.local.is_some()).collect();
        let [first, rest @ ..] = own.as_slice() else { continue };
        if rest.is_empty() {
            continue;
        }
        let alone: Vec<_> =
            own.iter().filter(|m| m.remotes().next().is_none()).map(|m| escape::name(&m.section.name)).collect();
        let (severity, happens) = if alone.is_empty() {
            (
                Severity::Note,
                "The tables of the others start empty at a reload and are learnt from another peer, if one is up."
                    .to_owned(),
            )
        } else {
            (
                Severity::Warning,
                format!("A reload may lose the tables of `{}`: no other peer has them.", alone.join("`, `")),
            )
        };
        let label = |member: &&mesh::Member<'_>| context.word(index, member.section.place, 1, "one of the sections");
        let message = format!(
            "HAProxy {} hands over the tables of one peers section only, and {} run",
            instance.version,
            own.len()
        );
        let finding =
            Finding::new(severity, message, label(first)).happens(happens).help("use one section for all tables");
        found.push(rest.iter().map(label).fold(finding, Finding::label));
    }
}
