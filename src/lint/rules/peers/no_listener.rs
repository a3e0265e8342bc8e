//! # The local peer doesn't listen
//!
//! ## What it does
//! Looks for sections whose local peer is a `server` line, without a `bind`.
//!
//! ## Why is this bad?
//! HAProxy accepts it, and nobody can call this process: the others get entries only while this one calls them. At a reload
//! the old process has no address to call the new one at, so the tables aren't handed over: the new process learns them
//! from another peer, if one is up, or starts empty.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   server lb1
//!   server lb2 10.0.0.2:10000
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers mesh
//!   bind 10.0.0.1:10000
//!   server lb1
//!   server lb2 10.0.0.2:10000
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, mesh},
    model::PeerKeyword,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-no-listener",
    summary: "the section has no `bind`: nobody can call this process",
    source: include_str!("no_listener.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for member in mesh::running(context) {
        let Some(own) = member.own().filter(|own| own.keyword == PeerKeyword::Server) else { continue };
        if own.address.is_some() || member.section.binds.iter().any(|bind| bind.uncertain || !bind.address.is_empty()) {
            continue;
        }
        let name = escape::name(&member.section.name);
        let none = if member.section.binds.is_empty() { "no `bind`" } else { "a `bind` without one" };
        let label = context.word(member.index, own.place, 1, format!("has no address, and the section has {none}"));
        let finding = if member.remotes().next().is_some() {
            Finding::new(Severity::Warning, format!("peers section `{name}` doesn't listen"), label)
                .happens("The other peers can't call this one, and a reload can't hand over the tables.")
        } else {
            Finding::new(Severity::Error, format!("peers section `{name}` neither listens nor calls anybody"), label)
                .happens("Its tables start empty at every reload.")
        };
        found.push(
            finding.help("add a line `bind ADDRESS:PORT` with the address under which the others list this peer"),
        );
    }
}
