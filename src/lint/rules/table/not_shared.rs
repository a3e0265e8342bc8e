//! # A table travels on one instance and not on the other
//!
//! ## What it does
//! Looks for tables that travel over peers on one instance and don't on another one of the same section: the table isn't
//! there, or it has no `peers`, or it is a `table` of the peers section on one side and a proxy's `stick-table` on the other.
//!
//! ## Why is this bad?
//! Tables are matched by name: a proxy's table by the proxy's name, a peers section's by `/NAME`. What has no counterpart isn't
//! replicated, without a message.
//!
//! It is an error where the other instance has the table and doesn't share it, else a warning.
//!
//! ## Example
//! ```haproxy
//! backend shop                                           # lb1.cfg
//!   stick-table type ip size 1m expire 30m peers mesh
//! ```
//! ```haproxy
//! backend shop                                           # lb2.cfg
//!   stick-table type ip size 1m expire 30m
//! ```
//!
//! ## Use instead
//! The same table, with `peers`, on all instances.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use super::shared::{Shared, at_name, at_param, certain, travelling};
use crate::{
    escape,
    grammar::TableParam,
    lint::{Context, Finding, Rule, Severity},
    model::{Instance, Known, PeersSection, StickTable},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-not-shared",
    summary: "a table that travels on one instance is missing on another, or doesn't travel there",
    source: include_str!("not_shared.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    let all = travelling(context);
    for shared in &all {
        for (index, instance) in context.each().filter(|(index, _)| *index != shared.index) {
            let Some(section) = counterpart(context, shared, instance) else { continue };
            let wire = shared.table.wire_name();
            if instance.tables_of(section).any(|table| table.wire_name() == wire) {
                continue;
            }
            // Reported once: from the first instance that has it.
            let earlier = |other: &Shared<'_>| {
                other.index < shared.index
                    && other.table.wire_name() == wire
                    && other.connected(context, instance, section)
            };
            if !all.iter().any(earlier) {
                found.extend(missing(context, shared, index, instance, section));
            }
        }
    }
}

/// The section of another instance that means the same HAProxy instances, if it works there.
fn counterpart<'i>(context: &Context<'_>, shared: &Shared<'_>, instance: &'i Instance<'_>) -> Option<&'i PeersSection> {
    let works = |s: &&PeersSection| {
        s.known == Known::Yes && !s.disabled && instance.is_effective(s) != Some(false) && s.tables.iter().all(certain)
    };
    let mut sections = instance.peers.iter().filter(works).filter(|s| shared.connected(context, instance, s));
    // Several sections with the same peers: whichever shares a table of that name is the one.
    let wire = shared.table.wire_name();
    let mut candidates = sections.clone();
    candidates.find(|s| instance.tables_of(s).any(|table| table.wire_name() == wire)).or_else(|| sections.next())
}

fn missing(
    context: &Context<'_>,
    shared: &Shared<'_>,
    index: usize,
    instance: &Instance<'_>,
    section: &PeersSection,
) -> Option<Finding> {
    let on = context.instances.get(index)?.name;
    let name = shared.name();
    let base = base(shared.table);
    let same = |table: &&StickTable| table.name == shared.table.name;
    let tables = instance.tables();
    let by_name = tables.iter().copied().find(same);
    let twin = by_name.or_else(|| {
        tables.iter().copied().find(|t| t.section.is_some() != shared.table.section.is_some() && self::base(t) == base)
    });
    // Two that travel and don't match are reported once, from the first instance.
    let again = |twin: &StickTable| index < shared.index && context.travels_through(instance, twin).is_some();
    if twin.is_some_and(|twin| !certain(twin) || again(twin)) {
        return None;
    }
    let start = |severity, message: String| {
        let label = at_param(context, shared.index, shared.table, TableParam::Peers, "travels here");
        Finding::new(severity, message, label)
    };
    let section_name = escape::name(&section.name);
    Some(match twin {
        Some(twin) if twin.section.is_some() != shared.table.section.is_some() => start(
            Severity::Error,
            format!("table `{name}` is `{}` on {on}, which is another table to peers", escape::name(&twin.name)),
        )
        .label(at_name(context, index, twin, "a table of the other kind"))
        .happens("A peers section's table is called `/NAME` on the wire, a proxy's `NAME`: nothing is replicated.")
        .help("declare it the same way on all instances"),
        Some(twin) if twin.peers().is_none() => {
            start(Severity::Error, format!("table `{name}` travels, but not on {on}"))
                .label(at_name(context, index, twin, "has no `peers`"))
                .happens("Nothing is replicated, without a message.")
                .help(format!(
                    "add `peers {section_name}` there: peerctl table set {} --peers {section_name}",
                    escape::name(&twin.name)
                ))
        }
        Some(twin) => start(Severity::Warning, format!("table `{name}` travels through another section on {on}"))
            .label(at_param(context, index, twin, TableParam::Peers, "another one"))
            .happens("It is replicated among the peers of that section only.")
            .help(format!("name the section with the same peers, `{section_name}`, on {on}")),
        None => start(Severity::Warning, format!("table `{name}` travels, but {on} has no such table"))
            .label(context.word(index, section.place, 1, "a section with these peers"))
            .happens(format!("{on} ignores its entries without a message; after a fail-over it knows nothing of them."))
            .help("declare it there, too, with the same definition"),
    })
}

/// The name without its section.
fn base(table: &StickTable) -> &[u8] {
    let at = table.section.as_ref().map_or(0, |section| section.len() + 1);
    table.name.get(at..).unwrap_or_default()
}
