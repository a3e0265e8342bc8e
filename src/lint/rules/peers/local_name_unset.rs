//! # The local name depends on the machine
//!
//! ## What it does
//! Looks for instances with peers sections whose files have no `localpeer`.
//!
//! ## Why is this bad?
//! Without `localpeer` and `-L` a process takes the host name for its own. When the machine is renamed, the name gets a
//! domain, or the file runs in a container, no peer has that name any more: HAProxy drops the section with a warning and
//! replicates nothing.
//!
//! ## Example
//! ```haproxy
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
//! or start it with `haproxy -L lb1`. Where one file serves several machines, `localpeer "${NODE}"` takes the name from the
//! environment.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    lint::{Context, Finding, Rule, Severity},
    model::LocalPeerSource,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-local-name-unset",
    summary: "without `localpeer` the local name is the host name",
    source: include_str!("local_name_unset.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        let depends = match instance.local.source {
            LocalPeerSource::File | LocalPeerSource::Host | LocalPeerSource::Unknown => true,
            LocalPeerSource::Option | LocalPeerSource::Localpeer(_) | LocalPeerSource::Instance => false,
        };
        let Some(section) = instance.peers.first().filter(|_| depends) else { continue };
        found.push(
            Finding::new(
                Severity::Note,
                "the local peer's name is that of the host: the files have no `localpeer`",
                context.word(index, section.place, 1, "which of its peers is the local one depends on the machine"),
            )
            .happens(
                "When the host's name is no peer's, HAProxy drops the section with a warning and replicates nothing.",
            )
            .help("write `localpeer NAME` into `global`, or start HAProxy with `-L NAME`"),
        );
    }
}
