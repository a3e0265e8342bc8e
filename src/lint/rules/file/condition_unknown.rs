//! # A condition can't be decided
//!
//! ## What it does
//! Looks for conditions of `.if` and `.elif` whose answer only HAProxy knows: `feature(…)`, `enabled(…)`, the version of
//! OpenSSL.
//!
//! ## Why is this bad?
//! It isn't, but what stands in such a block may or may not be read: nothing in it is reported as an error.
//!
//! ## Example
//! ```haproxy
//! .if feature(QUIC)
//! frontend h3
//!   bind quic4@:443 ssl crt site.pem
//! .endif
//! ```
//!
//! ## Use instead
//! Nothing else. A condition on a variable, `.if defined(H3)`, can be decided with `--env H3=1`.
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    lint::{Context, Finding, Label, Rule, Severity},
    model::reading::RemarkKind,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "condition-unknown",
    summary: "a condition can't be decided without HAProxy",
    source: include_str!("condition_unknown.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (instance, one) in context.each() {
        for remark in one.remarks.iter().filter(|remark| remark.kind == RemarkKind::ConditionUnknown) {
            let label = Label { instance, place: remark.place, span: remark.span, text: String::new() };
            found.push(
                Finding::new(Severity::Note, "this condition can't be decided here", label)
                    .happens("The lines of its block count as \"perhaps\": nothing in them is reported as an error."),
            );
        }
    }
}
