//! # No peer has the local name
//!
//! ## What it does
//! Looks for a `peer` or `server` line with the name of the local peer in every peers section.
//!
//! ## Why is this bad?
//! HAProxy removes such a section when it starts. It says so in a *warning* only, `haproxy -c` exits with 0 or 2, the
//! tables keep working, each for itself: replication is off and nobody is told. A `localpeer` without a name, because its
//! variable isn't set, is refused.
//!
//! ## Example
//! ```haproxy
//! global
//!   localpeer edge1
//! peers mesh
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//! ```
//!
//! ## Use instead
//! ```haproxy
//! global
//!   localpeer lb1
//! ```
//! or the line for `edge1`, or `haproxy -L lb1`.
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, mesh},
    model::{Instance, LocalPeerSource, PeersSection},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-no-local",
    summary: "no peer of the section has the local name: HAProxy drops the section",
    source: include_str!("no_local.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        let Some(local) = &instance.local.name else { continue };
        if local.is_empty() {
            found.extend(nobody(context, index, instance));
            continue;
        }
        for section in dropped(instance, local) {
            let (name, local) = (escape::name(&section.name), escape::name(local));
            let label = context.word(index, section.place, 1, format!("no peer is called `{local}`"));
            let mut finding = Finding::new(
                Severity::Error,
                format!("peers section `{name}` has no peer `{local}`, the local peer"),
                label,
            )
            .happens("HAProxy drops the section with a warning, exits 0, and its tables replicate nowhere.")
            .help(format!("add a line for `{local}`, or set `localpeer` to one of its peers"));
            if let LocalPeerSource::Localpeer(place) = instance.local.source {
                finding = finding.label(context.word(index, place, 1, "the local peer's name"));
            }
            found.push(finding);
        }
    }
}

/// `localpeer` without a name.
fn nobody(context: &Context<'_>, index: usize, instance: &Instance<'_>) -> Option<Finding> {
    let LocalPeerSource::Localpeer(place) = instance.local.source else { return None };
    let (label, help) = match context.empty_word(index, place) {
        Some(label) => (label, "give the variable a value; for this check with --env VAR=VALUE"),
        None => (context.word(index, place, 0, "no name follows"), "write the name of one of the peers behind it"),
    };
    let finding = Finding::new(Severity::Error, "`localpeer` names nobody", label);
    Some(finding.happens("HAProxy refuses the configuration.").help(help))
}

/// The sections that HAProxy reads for sure and drops. A disabled one does nothing anyway.
fn dropped<'i>(instance: &'i Instance<'_>, local: &'i [u8]) -> impl Iterator<Item = &'i PeersSection> {
    let drops = move |s: &&PeersSection| !s.disabled && mesh::is_certain(s) && !s.is_effective(local);
    instance.peers.iter().filter(drops)
}
