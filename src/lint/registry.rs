//! The list of rules. A new rule is one file and one line here.

use super::{
    context::Context,
    finding::{Finding, Severity},
    rules,
};

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, unique: `server-id-mismatch`.
    pub code: &'static str,
    /// What it finds, in one line, for lists.
    pub summary: &'static str,
    /// The source of its file; its module documentation is [`Rule::documentation`].
    pub source: &'static str,
    /// Looks, and reports.
    pub check: fn(&Context<'_>, &mut Vec<Finding>),
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Rule {
    /// The documentation for users, in Markdown: what it does, why it is bad, an example, what to use instead, and on
    /// which versions it was seen.
    #[must_use]
    pub fn documentation(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).fold(String::new(), |all, line| all + line + "\n")
    }

    /// How bad its findings can be, the worst first: the severities that its code names.
    #[must_use]
    pub fn severities(&self) -> Vec<Severity> {
        let names = [
            (Severity::Error, "Severity::Error"),
            (Severity::Warning, "Severity::Warning"),
            (Severity::Note, "Severity::Note"),
        ];
        let named = |(severity, name): (Severity, &str)| self.source.contains(name).then_some(severity);
        names.into_iter().filter_map(named).collect()
    }
}

/// All rules, sorted by code.
#[must_use]
pub fn all() -> &'static [&'static Rule] {
    RULES
}

/// The rule with this code.
#[must_use]
pub fn find(code: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.code == code)
}

/// Stands in a finding until the engine has filled in its rule.
pub(super) fn unset() -> &'static Rule {
    static UNSET: Rule = Rule { code: "", summary: "", source: "", check: |_, _| {} };
    &UNSET
}

/// Sorted by code; a test checks it.
static RULES: &[&Rule] = &[
    &rules::config::keyword_unknown::RULE,
    &rules::peers::no_local::RULE,
    &rules::server::id_mismatch::RULE,
    &rules::table::unknown_section::RULE,
    &rules::config::version_unsupported::RULE,
];
