//! # Anyone may read and write the tables
//!
//! ## What it does
//! Looks for listeners off the loopback that don't ask callers for a certificate. It is a warning where the address is open
//! to any network (a wildcard, a name, a public address), and a note on a private one.
//!
//! ## Why is this bad?
//! HAProxy knows a peer by the name it says, and nothing else. Whoever reaches the port and knows two names may read all
//! tables of the section, with the addresses of clients in them, and write what he likes: block clients, or send them to
//! another server. Encryption alone doesn't help.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   bind *:10000
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
//! or let a packet filter admit the peers only, and write `# peerctl: allow peers-no-client-certificate` above the section.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    lint::{Context, Finding, Rule, Severity, mesh},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-no-client-certificate",
    summary: "a listener off the loopback asks for no certificate: anyone may read and write the tables",
    source: include_str!("no_client_certificate.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for member in mesh::running(context) {
        let (Some(address), Some((place, word))) = (member.address(), member.listener_word()) else { continue };
        let listener = member.listener();
        if address.is_loopback() || address.port().is_none() || listener.wants_certificate() {
            continue;
        }
        let severity = if address.is_private() { Severity::Note } else { Severity::Warning };
        let kind = if listener.uses_tls() { "asks for no certificate" } else { "is plain" };
        found.push(
            Finding::new(
                severity,
                format!(
                    "anyone who reaches peers section `{}` may read and write its tables",
                    escape::name(&member.section.name)
                ),
                context.word(member.index, place, word, format!("this listener {kind}")),
            )
            .happens("HAProxy takes whoever says the name of a peer for that peer.")
            .help("use `bind … ssl crt F ca-file F verify required`, or admit only the peers with a packet filter"),
        );
    }
}
