//! Rules over the configurations of several instances at once.
//!
//! A rule is one file under `rules/`: its module documentation is what users read (`peerctl explain CODE`,
//! `docs/rules.md`), its `check` looks at a [`Context`] and reports [`Finding`]s. [`run`] sorts them and takes out what is
//! allowed in place.

mod context;
mod finding;
mod mesh;
mod registry;
mod rules;
mod servers;
mod suppress;

pub use context::{Context, Subject};
pub use finding::{Finding, Label, ServerIds, Severity};
pub use registry::{Rule, all, find};
pub use servers::{Group, Row, Side, There};

/// The findings of a set of rules, in a stable order: by instance, file, line, rule.
#[must_use]
pub fn run(context: &Context<'_>, selected: &[&'static Rule]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in selected {
        let first = findings.len();
        (rule.check)(context, &mut findings);
        for finding in findings.iter_mut().skip(first) {
            finding.rule = rule;
        }
    }
    let mut findings = suppress::apply(context, selected, findings);
    findings.sort_by(|a, b| a.order().cmp(&b.order()));
    findings.dedup();
    findings
}
