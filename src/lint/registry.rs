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

    /// How bad its findings can be, the worst first: the severities that its code names. What a group of servers says of
    /// itself (`group.severity()`) is an error or a warning.
    #[must_use]
    pub fn severities(&self) -> Vec<Severity> {
        let names = [
            (Severity::Error, ["Severity::Error", "group.severity()"].as_slice()),
            (Severity::Warning, &["Severity::Warning", "group.severity()"]),
            (Severity::Note, &["Severity::Note"]),
        ];
        let named = |names: &[&str]| names.iter().any(|name| self.source.contains(name));
        names.into_iter().filter(|(_, names)| named(names)).map(|(severity, _)| severity).collect()
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
    &rules::file::allow_unknown::RULE,
    &rules::file::allow_unused::RULE,
    &rules::file::condition_unknown::RULE,
    &rules::config::keyword_unknown::RULE,
    &rules::peers::address_mismatch::RULE,
    &rules::peers::address_twice::RULE,
    &rules::peers::bind_and_peer::RULE,
    &rules::peers::duplicate_name::RULE,
    &rules::peers::ignored_option::RULE,
    &rules::peers::known_bad_version::RULE,
    &rules::peers::list_differs::RULE,
    &rules::peers::local_name_unset::RULE,
    &rules::peers::local_server_address::RULE,
    &rules::peers::loopback::RULE,
    &rules::peers::no_address::RULE,
    &rules::peers::no_client_certificate::RULE,
    &rules::peers::no_handover::RULE,
    &rules::peers::no_listener::RULE,
    &rules::peers::no_local::RULE,
    &rules::peers::not_listed::RULE,
    &rules::peers::one_handover::RULE,
    &rules::peers::refused::RULE,
    &rules::peers::same_local_name::RULE,
    &rules::peers::section_missing::RULE,
    &rules::peers::section_name::RULE,
    &rules::peers::shard::RULE,
    &rules::peers::ssl_on_peer_line::RULE,
    &rules::peers::tls_mismatch::RULE,
    &rules::peers::unused::RULE,
    &rules::peers::verify_none::RULE,
    &rules::server::backend_missing::RULE,
    &rules::server::default_id::RULE,
    &rules::server::id_duplicate::RULE,
    &rules::server::id_gap::RULE,
    &rules::server::id_implicit::RULE,
    &rules::server::id_invalid::RULE,
    &rules::server::id_mismatch::RULE,
    &rules::server::id_unknown::RULE,
    &rules::server::missing::RULE,
    &rules::server::name_mismatch::RULE,
    &rules::server::order_dependent::RULE,
    &rules::file::syntax::RULE,
    &rules::table::array_differs::RULE,
    &rules::table::columns_differ::RULE,
    &rules::table::conn_cur::RULE,
    &rules::table::disabled_section::RULE,
    &rules::table::duplicate_name::RULE,
    &rules::table::expire_differs::RULE,
    &rules::table::expire_short::RULE,
    &rules::table::ipv6_clients::RULE,
    &rules::table::key_differs::RULE,
    &rules::table::key_type::RULE,
    &rules::table::lease::RULE,
    &rules::table::limit_shared::RULE,
    &rules::table::memory::RULE,
    &rules::table::mesh_aggregator::RULE,
    &rules::table::no_expire::RULE,
    &rules::table::not_replicated::RULE,
    &rules::table::not_shared::RULE,
    &rules::table::output_written::RULE,
    &rules::table::period_differs::RULE,
    &rules::table::refused::RULE,
    &rules::table::size_differs::RULE,
    &rules::table::srvkey_differs::RULE,
    &rules::table::total_differs::RULE,
    &rules::table::total_source::RULE,
    &rules::table::unknown::RULE,
    &rules::table::unknown_section::RULE,
    &rules::table::unused::RULE,
    &rules::table::zero_period::RULE,
    &rules::config::version_unsupported::RULE,
    &rules::file::word_hidden::RULE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_unique() {
        assert!(RULES.is_sorted_by(|a, b| a.code < b.code));
    }

    #[test]
    fn every_rule_is_documented() {
        for rule in RULES {
            let text = rule.documentation();
            for part in ["# ", "## What it does", "## Why is this bad?", "## Example", "## Use instead", "## Seen on"] {
                assert!(text.lines().any(|line| line.starts_with(part)), "{}: `{part}`", rule.code);
            }
        }
    }
}
