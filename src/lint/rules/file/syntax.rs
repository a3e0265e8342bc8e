//! # A line can't be read
//!
//! ## What it does
//! Reads lines as HAProxy does before it looks at keywords: quotes, escapes, references to the environment, conditions of `.if`,
//! at most 64 words, a newline at the end, nothing before the first section.
//!
//! ## Why is this bad?
//! HAProxy refuses the file. What stands on such a line is taken for what can be read of it, so that other findings are found.
//!
//! ## Example
//! ```haproxy
//! frontend www
//!   http-request deny if { path "/admin }
//! ```
//!
//! ## Use instead
//! ```haproxy
//! frontend www
//!   http-request deny if { path "/admin" }
//! ```
//!
//! ## Seen on
//! 2.6, 2.8, 3.0, 3.2, 3.4 (2.6, 3.0, 3.2 run here)

use crate::{
    config::{Document, LineNo},
    lint::{Context, Finding, Label, Rule, Severity},
    model::{Place, reading::RemarkKind},
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "syntax",
    summary: "a line can't be read: HAProxy refuses the file",
    source: include_str!("syntax.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (instance, one) in context.each() {
        for (file, source) in one.files.iter().enumerate() {
            for error in source.document.errors() {
                let place = Place { file, line: error.line };
                let label = Label { instance, place, span: error.span, text: String::new() };
                found.push(refused(format!("the line has {}", error.kind), label).help(error.kind.help()));
            }
            if let Some(line) = outside(&source.document) {
                let label = context.word(instance, Place { file, line }, 0, "no section is open here");
                let help = "start with a section, such as `global`; is this a HAProxy configuration?";
                found.push(refused("a statement outside of any section".to_owned(), label).help(help));
            }
        }
        for remark in &one.remarks {
            let label = Label { instance, place: remark.place, span: remark.span, text: String::new() };
            match &remark.kind {
                RemarkKind::ConditionInvalid(why) => {
                    found.push(refused(format!("the condition can't be read: {why}"), label));
                }
                RemarkKind::WordRefused => {
                    let message = format!("HAProxy {} refuses this word", context.release.version);
                    found.push(refused(message, label).help("take it out, or give its variable a value"));
                }
                _ => {}
            }
        }
    }
}

fn refused(message: String, label: Label) -> Finding {
    Finding::new(Severity::Error, message, label).happens("HAProxy refuses the configuration.")
}

/// The first statement in front of the first section.
fn outside(document: &Document) -> Option<LineNo> {
    let end = document.sections().first().map_or(document.line_count(), |section| section.header.0);
    let statement = |line: &LineNo| document.word_count(*line) > 0 && !document.first_word(*line).starts_with(b".");
    (0..end).map(LineNo).find(statement)
}
