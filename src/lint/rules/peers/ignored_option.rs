//! # A parameter has no effect on a peer
//!
//! ## What it does
//! Looks for parameters of `server` lines that HAProxy accepts on peers and doesn't heed: those of health checks, load
//! balancing, queues, cookies and name resolution. `peerctl grammar peers-ignored-params` lists them.
//!
//! ## Why is this bad?
//! Peers aren't balanced and not checked: each instance calls each other one. `disabled` doesn't switch a peer off,
//! `backup` makes none a reserve, `resolvers` doesn't follow an address that changes. HAProxy warns of `init-addr`,
//! `resolvers`, `check` and `agent-check` only; 3.4.0 crashes on `check`.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000 check disabled
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers mesh
//!   peer lb1 10.0.0.1:10000
//!   # peer lb2 10.0.0.2:10000
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    grammar::peers_ignored_param,
    lint::{Context, Finding, Rule, Severity, mesh},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-ignored-option",
    summary: "a parameter that has no effect on a peer",
    source: include_str!("ignored_option.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for member in mesh::running(context) {
        for entry in &member.section.entries {
            let words: Vec<&[u8]> = entry.params.iter().map(Vec::as_slice).collect();
            let ignored: Vec<_> = mesh::keywords(&words).into_iter().filter_map(peers_ignored_param).collect();
            let mut labels = ignored.iter().map(|param| context.param(&member, entry, param.keyword, "no effect"));
            let Some(first) = labels.next() else { continue };
            let names: Vec<String> = ignored.iter().map(|param| format!("`{}`", param.keyword)).collect();
            let message = format!("peer `{}` has {} without effect", escape::name(&entry.name), names.join(", "));
            let finding = labels.fold(Finding::new(Severity::Warning, message, first), Finding::label);
            let disabled = ignored.iter().any(|param| param.keyword == "disabled");
            let happens = match (disabled, ignored.iter().any(|param| param.warned)) {
                (true, _) => "HAProxy replicates with this peer all the same.",
                (false, true) => "HAProxy warns and ignores it.",
                (false, false) => "HAProxy ignores it and doesn't say so.",
            };
            let help = if disabled { "comment the line out to switch the peer off" } else { "take it away" };
            found.push(finding.happens(happens).help(help));
        }
    }
}
