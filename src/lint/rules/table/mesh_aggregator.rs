//! # A mesh around an aggregator
//!
//! ## What it does
//! Looks for peers sections that carry an aggregator's table (`NAME.agg`) and list another node, too: one that carries this table
//! itself. Where the other instances aren't known, a section with more than two others is a warning.
//!
//! ## Why is this bad?
//! An aggregator learns each node's own values and adds them up. Nodes that also replicate among each other overwrite their
//! values, and a full resync replays to the aggregator what a node learned from others: requests count twice.
//!
//! ## Example
//! ```haproxy
//! peers agg
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//!   peer agg1 10.0.0.9:10000
//!   table st_src type ip size 1m expire 1m store http_req_rate(10s)
//!   table st_src.agg type ip size 1m expire 1m store http_req_rate(10s)
//! ```
//!
//! ## Use instead
//! A star: each node lists itself and the aggregators, never another node.
//! ```haproxy
//! peers agg
//!   peer lb1 10.0.0.1:10000
//!   peer agg1 10.0.0.9:10000
//!   table st_src type ip size 1m expire 1m store http_req_rate(10s)
//!   table st_src.agg type ip size 1m expire 1m store http_req_rate(10s)
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2: a full resync also teaches entries learned from others

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity},
    model::{Instance, Known, PeerEntry, PeersSection, StickTable},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "table-mesh-aggregator",
    summary: "nodes of an aggregator replicate among each other, too: values count twice",
    source: include_str!("mesh_aggregator.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for section in instance.peers.iter().filter(|s| s.known == Known::Yes && !s.disabled) {
            let Some(output) = output(instance, section) else { continue };
            let remotes: Vec<&PeerEntry> =
                context.remotes(instance, section).filter(|e| e.known == Known::Yes).collect();
            let nodes: Vec<&PeerEntry> =
                remotes.iter().copied().filter(|entry| is_node(context, index, entry, output)).collect();
            let (severity, entries) = if !nodes.is_empty() {
                (Severity::Error, nodes)
            } else if remotes.len() > 2 {
                (Severity::Warning, remotes)
            } else {
                continue;
            };
            let (name, table) = (escape::name(&section.name), escape::name(&output.name));
            let message = format!("peers section `{name}` carries the aggregated table `{table}` and is a mesh");
            let finding = Finding::new(severity, message, context.word(index, section.place, 1, "carries both"));
            let finding = entries.into_iter().fold(finding, |finding, entry| {
                let text = if severity == Severity::Error { "another node" } else { "a node or an aggregator" };
                finding.label(context.word(index, entry.place, 1, text))
            });
            found.push(
                finding
                    .happens("Nodes overwrite each other's values and replay them to the aggregator, which counts them twice.")
                    .help("list only this instance and the aggregators; give what nodes share among each other a section of its own"),
            );
        }
    }
}

/// An aggregator's table that travels through the section.
fn output<'i>(instance: &'i Instance<'_>, section: &'i PeersSection) -> Option<&'i StickTable> {
    instance.tables_of(section).find(|table| table.name.ends_with(b".agg"))
}

/// Whether an entry is another of the instances and carries the table, too.
fn is_node(context: &Context<'_>, index: usize, entry: &PeerEntry, output: &StickTable) -> bool {
    let wire = output.wire_name();
    let mut others = context.each().filter(|(other, i)| *other != index && i.local.name.as_ref() == Some(&entry.name));
    others.any(|(_, instance)| instance.tables().iter().any(|t| t.peers().is_some() && t.wire_name() == wire))
}
