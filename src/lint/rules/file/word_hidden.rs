//! # An empty word hides the rest of its line
//!
//! ## What it does
//! Looks for words that are empty: `""`, or a reference to a variable that is empty or not set.
//!
//! ## Why is this bad?
//! Up to 3.2 HAProxy ignores the line from an empty word on (2.6 and 2.8 also where the variable isn't set at all), and only
//! 3.2 says so: an `id`, `check` or `ssl` behind it isn't there. From 3.3 on it refuses such a file.
//!
//! ## Example
//! ```haproxy
//! backend shop
//!   server web1 10.0.1.11:8080 "${EXTRA-}" id 7
//! ```
//!
//! ## Use instead
//! ```haproxy
//! backend shop
//!   server web1 10.0.1.11:8080 id 7 "${EXTRA[*]-check}"
//! ```
//! or give the variable a value; for this check with `--env EXTRA=check`.
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4 (2.6, 3.0, 3.2 run here)

use crate::{
    lint::{Context, Finding, Label, Rule, Severity},
    model::reading::RemarkKind,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "word-hidden",
    summary: "an empty word hides the rest of its line",
    source: include_str!("word_hidden.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (instance, one) in context.each() {
        for remark in one.remarks.iter().filter(|remark| remark.kind == RemarkKind::RestIgnored) {
            let document = one.files.get(remark.place.file).map(|file| &file.document);
            let last = document.and_then(|document| document.raw_words(remark.place.line).last());
            // At the end of a line it hides nothing.
            if last.is_none_or(|last| last.span.start <= remark.span.start) {
                continue;
            }
            let label = Label { instance, place: remark.place, span: remark.span, text: "empty".to_owned() };
            found.push(
                Finding::new(Severity::Warning, "an empty word hides the rest of its line", label)
                    .happens(format!("HAProxy {} ignores the line from here on.", context.release.version))
                    .help("give the variable a value (here with --env VAR=VALUE), or take the word out"),
            );
        }
    }
}
