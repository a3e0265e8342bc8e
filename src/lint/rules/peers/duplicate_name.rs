//! # Two peers of a section have the same name
//!
//! ## What it does
//! Looks for `peer` and `server` lines of one section with the same name.
//!
//! ## Why is this bad?
//! A peer is found by its name alone. Where it is the local peer's, every HAProxy refuses the file. Two remotes of one name
//! pass up to 2.8 without a word, and one of the two machines never replicates; from 3.0 on HAProxy refuses them: an upgrade
//! stops there.
//!
//! ## Example
//! ```haproxy
//! peers mesh
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//!   peer lb2 10.0.0.3:10000
//! ```
//!
//! ## Use instead
//! ```haproxy
//! peers mesh
//!   peer lb1 10.0.0.1:10000
//!   peer lb2 10.0.0.2:10000
//!   peer lb3 10.0.0.3:10000
//! ```
//!
//! ## Seen on
//! 2.6, 3.0, 3.2

use crate::{
    escape,
    grammar::Version,
    lint::{Context, Finding, Rule, Severity},
    model::Known,
};

pub(in crate::lint) static RULE: Rule = Rule {
    code: "peers-duplicate-name",
    summary: "two peers of a section have the same name",
    source: include_str!("duplicate_name.rs"),
    check,
};

fn check(context: &Context<'_>, found: &mut Vec<Finding>) {
    for (index, instance) in context.each() {
        for section in &instance.peers {
            let certain: Vec<_> = section.entries.iter().filter(|e| e.known == Known::Yes && !e.uncertain).collect();
            for (n, entry) in certain.iter().enumerate() {
                let Some(first) = certain.iter().take(n).find(|known| known.name == entry.name) else { continue };
                let name = escape::name(&entry.name);
                let is_local = instance.local.name.as_ref() == Some(&entry.name);
                let happens = if is_local || instance.version >= Version::new(3, 0) {
                    "HAProxy refuses the configuration."
                } else {
                    "HAProxy says nothing up to 2.8, and one of the two machines never replicates; from 3.0 on it refuses the \
                     configuration."
                };
                found.push(
                    Finding::new(
                        Severity::Error,
                        format!("peers section `{}` has two peers called `{name}`", escape::name(&section.name)),
                        context.word(index, entry.place, 1, "the second one"),
                    )
                    .label(context.word(index, first.place, 1, "the first one"))
                    .happens(happens)
                    .help("give each machine the name it calls itself by: its `localpeer`, its `-L`, or its host name"),
                );
            }
        }
    }
}
