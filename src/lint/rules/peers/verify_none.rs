//! # A peer's certificate isn't verified
//!
//! ## What it does
//! Looks for `verify none` on peers that are called with TLS.
//!
//! ## Why is this bad?
//! The connection is encrypted, but anyone who can redirect it may stand in for the peer: read all tables, and write what he
//! likes into them.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   bind 10.0.0.1:10000 ssl crt lb1.pem
//!   default-server ssl verify none
//!   server lb1
//!   server lb2 10.0.0.2:10000
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers mesh
//!   bind 10.0.0.1:10000 ssl crt lb1.pem ca-file mesh-ca.pem verify required
//!   default-server ssl crt lb1.pem ca-file mesh-ca.pem verify required
//!   server lb1
//!   server lb2 10.0.0.2:10000 verifyhost lb2
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, mesh},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-verify-none",
    summary: "a peer is called with TLS, and its certificate isn't verified",
    source: include_str!("verify_none.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for member in mesh::running(context) {
        let blind = member.remotes().filter(|entry| {
            let call = member.call(entry);
            call.uses_tls() && !call.verifies
        });
        let mut labels: Vec<_> =
            blind.map(|entry| context.param(&member, entry, "verify", "nothing is verified")).collect();
        labels.sort_by_key(|label| (label.place, label.span));
        labels.dedup();
        let mut labels = labels.into_iter();
        let Some(first) = labels.next() else { continue };
        let message =
            format!("peers section `{}` calls peers without verifying them", escape::name(&member.section.name));
        let finding = Finding::new(Severity::Warning, message, first)
            .happens("Whoever can redirect the connection may read and write the tables.")
            .help("use `verify required` with `ca-file`, and `verifyhost` with the name in the peer's certificate");
        found.push(labels.fold(finding, Finding::label));
    }
}
