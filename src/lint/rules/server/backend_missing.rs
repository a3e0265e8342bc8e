//! # A backend is missing on an instance
//!
//! ## What it does
//! Looks for backends that stick on a table which travels over peers, and that another of the peers doesn't have, or has
//! disabled.
//!
//! ## Why is this bad?
//! The table's entries name servers of that backend. If it is the backend's own table, it replicates with nobody; if it is
//! another one (of a peers section, say), entries arrive that nobody can use.
//!
//! ## Example
//! ```haproxy
//! backend shop                        # lb1.cfg; lb2.cfg has no backend shop
//!   stick-table type ip size 1m expire 30m peers mesh
//!   stick on src
//!   server web1 10.0.1.11:8080
//! ```
//!
//! ## Use instead
//! The same backends on all peers, or for what only one of them does a table without `peers`.
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4 (2.6, 3.0, 3.2 run here)

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, Side},
    model::PeersSection,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "server-backend-missing",
    summary: "a backend is missing on an instance that its table is shared with",
    source: include_str!("backend_missing.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for group in context.groups() {
        let Some((home, there, table, section)) =
            group.sharing().find_map(|(n, there)| there.shared.map(|(table, section)| (n, there, table, section)))
        else {
            continue;
        };
        let missing: Vec<(usize, &Side<'_>)> = group
            .sides
            .iter()
            .enumerate()
            .filter(|(n, side)| matches!(side, Side::Missing | Side::Disabled(_)) && is_peer(context, *n, section))
            .collect();
        if missing.is_empty() {
            continue;
        }
        let names: Vec<String> = missing.iter().map(|(n, _)| context.instance_name(*n).into_owned()).collect();
        let name = escape::name(group.name);
        let disabled = missing.iter().all(|(_, side)| matches!(side, Side::Disabled(_)));
        let how = if disabled { "disabled" } else { "missing" };
        let message = format!("backend `{name}` is {how} on {}, and its table is shared", names.join(", "));
        let home_name = context.instance_name(home);
        let label = context.word(home, there.proxy.place, 1, format!("only {home_name} has it"));
        let label = if group.there().count() > 1 { context.word(home, there.proxy.place, 1, "has it") } else { label };
        let mut finding = Finding::new(Severity::Warning, message, label);
        finding = finding.label(context.word(home, table.place, 0, "its table travels"));
        for (instance, side) in &missing {
            if let Some(proxy) = side.proxy() {
                finding = finding.label(context.word(*instance, proxy.place, 1, "disabled"));
            }
        }
        let own = table.name == group.name;
        let happens = if own && !disabled {
            format!("The table `{name}` is missing there with it: what {home_name} learns stays with {home_name}.")
        } else {
            "Entries arrive there that name servers nobody has.".to_owned()
        };
        let help = "make it there, too, or take `peers` off a table that only one instance needs";
        found.push(finding.happens(format!("{} {happens}", group.how_it_sticks())).help(help).backend(group.name));
    }
}

/// Whether an instance takes part in a section: where its name isn't known, it may.
fn is_peer(context: &Context<'_>, instance: usize, section: &PeersSection) -> bool {
    let local = context.instances.get(instance).and_then(|s| s.instance.local.name.as_ref());
    local.is_none_or(|name| section.entry(name).is_some())
}
