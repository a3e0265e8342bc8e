//! # This HAProxy has known bugs on peers
//!
//! ## What it does
//! Looks for instances with running peers sections where the HAProxy in use (`--haproxy-version`, else `haproxy -v`) is older
//! than the fix of a bug that a remote can trigger. `peerctl grammar known-bad-versions` lists them; releases of which it
//! isn't known are not accused.
//!
//! ## Why is this bad?
//! The peers protocol knows no passwords: whoever reaches the listener and knows the name of a peer, which is no secret, can
//! crash the process, or make it write where it shouldn't. Distributors may have taken over the fix without a new number:
//! their changelog says so.
//!
//! ## Example
//! HAProxy 2.6.12 with
//! ```haproxy
//! peers mesh
//!   bind 10.0.0.1:10000
//!   server lb1
//!   server lb2 10.0.0.2:10000
//! ```
//!
//! ## Use instead
//! A newer release; or a listener that takes only callers with a certificate of yours (`verify required`), or packets of
//! the other peers only.
//!
//! ## Seen on
//! Read from HAProxy's history and the changelogs of packages; not tried out.

use crate::{
    grammar::{DataType, KnownBug, known_bugs},
    lint::{Context, Finding, Rule, Severity, mesh},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-known-bad-version",
    summary: "this release of HAProxy has known bugs on peers",
    source: include_str!("known_bad_version.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    let release = context.release;
    let bugs: Vec<&KnownBug> = known_bugs().iter().filter(|bug| bug.is_in(release)).collect();
    let mut reported = None;
    for member in mesh::running(context) {
        let reached: Vec<String> = bugs
            .iter()
            .filter(|bug| reaches(bug, &member))
            .map(|bug| format!("{} ({}, fixed by {})", bug.what, bug.date, bug.fix))
            .collect();
        if reached.is_empty() || reported == Some(member.index) {
            continue;
        }
        reported = Some(member.index);
        found.push(
            Finding::new(
                Severity::Warning,
                format!("HAProxy {release} has known bugs on peers"),
                context.word(member.index, member.section.place, 1, "reachable through this section"),
            )
            .happens(format!("Whoever reaches the listener may trigger: {}.", reached.join("; ")))
            .help("upgrade; until then ask callers for a certificate, or admit only the other peers"),
        );
    }
}

/// Whether a table of the section has what a bug needs.
fn reaches(bug: &KnownBug, member: &mesh::Member<'_>) -> bool {
    let Some(column) = bug.needs.and_then(|name| DataType::by_name(name.as_bytes())) else { return true };
    member.instance.tables_of(member.section).any(|table| table.schema().column(column).is_some())
}
