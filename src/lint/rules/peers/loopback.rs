//! # The listener is on the loopback
//!
//! ## What it does
//! Looks for sections whose own listener is on the loopback, while another peer is on another machine.
//!
//! ## Why is this bad?
//! The other machines can't call this one. If this one reaches them, that is enough for a session, and nobody notices, until
//! both sides are set up like this: then nothing is replicated, and nothing is logged.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   peer lb1 127.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers mesh
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, mesh},
    model::Address,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-loopback",
    summary: "the local peer listens on the loopback, and the others are elsewhere",
    source: include_str!("loopback.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    let pairs = mesh::pairs(context);
    for member in mesh::running(context) {
        let Some(address) = member.address().filter(Address::is_loopback) else { continue };
        let Some((place, word)) = member.listener_word() else { continue };
        let elsewhere = |entry: &&_| mesh::dialled(entry).is_some_and(|a| a.port().is_some() && !a.is_loopback());
        let Some(remote) = member.remotes().find(elsewhere) else { continue };
        let stuck = pairs.iter().any(|(a, b)| {
            (a.is(&member) && !a.reaches(b) && !b.reaches(a)) || (b.is(&member) && !a.reaches(b) && !b.reaches(a))
        });
        let severity = if stuck { Severity::Error } else { Severity::Warning };
        let happens = if stuck {
            "No call gets through in either direction: the tables replicate nowhere, and nothing is logged."
        } else {
            "Other machines can't call this one; replication hangs on the calls of this side alone."
        };
        let port = address.port().unwrap_or_default();
        found.push(
            Finding::new(
                severity,
                format!("peers section `{}` listens on the loopback only", escape::name(&member.section.name)),
                context.word(member.index, place, word, "only this machine reaches it"),
            )
            .label(context.word(member.index, remote.place, 2, "another machine"))
            .happens(happens)
            .help(format!("listen on the address under which the others list this peer, with port {port}")),
        );
    }
}
