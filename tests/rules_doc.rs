//! `docs/rules.md` against the rules, and the rules against the form that readers rely on (`PEERCTL_UPDATE=1` writes the page anew).

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use peerctl::lint::{self, Rule, Severity};

/// The headings of a rule's documentation, in this order.
const HEADINGS: [&str; 5] = ["What it does", "Why is this bad?", "Example", "Use instead", "Seen on"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The page: what there is, then each rule, its headings one level deeper.
fn page() -> String {
    let mut page = "# Rules\n\nWhat `peerctl check` looks for; `check-ids` runs those that begin with `server-`. This page is made from \
                    the rules: `peerctl explain CODE` prints the same.\n\n| code | severity | finds |\n|---|---|---|\n"
        .to_owned();
    for rule in lint::all() {
        let severities = severities(rule);
        page.push_str(&format!(
            "| [`{0}`](#{0}) | {severities} | {1} |\n",
            rule.code,
            rule.summary.replace('|', "\\|")
        ));
    }
    for rule in lint::all() {
        page.push_str(&format!("\n## {}\n", rule.code));
        let mut code = false;
        for line in rule.documentation().trim_end().lines() {
            code ^= line.starts_with("```");
            match line.strip_prefix("# ") {
                Some(title) if !code => page.push_str(&format!("**{title}** ({})\n", severities(rule))),
                _ if line.starts_with("## ") && !code => page.push_str(&format!("#{line}\n")),
                _ => page.push_str(&format!("{line}\n")),
            }
        }
    }
    page
}

fn severities(rule: &Rule) -> String {
    rule.severities().into_iter().map(Severity::word).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_page_is_up_to_date() {
    let (path, page) = (root().join("docs/rules.md"), page());
    if std::env::var_os("PEERCTL_UPDATE").is_some() {
        fs::write(&path, &page).expect("writable");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page, "docs/rules.md is stale (PEERCTL_UPDATE=1 writes it)");
}

#[test]
fn rules_are_sorted_unique_and_named_alike() {
    let codes: Vec<&str> = lint::all().iter().map(|rule| rule.code).collect();
    assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
    for rule in lint::all() {
        assert!(rule.code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", rule.code);
        assert!(!rule.summary.is_empty() && !rule.summary.ends_with('.'), "{}: `{}`", rule.code, rule.summary);
        assert!(!rule.severities().is_empty(), "{} names a severity", rule.code);
    }
}

#[test]
fn every_rule_is_documented_in_the_same_form() {
    for rule in lint::all() {
        let documentation = rule.documentation();
        let mut code = false;
        let mut headings = Vec::new();
        let mut examples = Vec::new();
        for line in documentation.lines() {
            if let Some(language) = line.strip_prefix("```") {
                if !code {
                    examples.push((*headings.last().unwrap_or(&""), language));
                }
                code = !code;
            } else if !code && line.starts_with('#') {
                headings.push(line.trim_start_matches('#').trim());
            }
        }
        assert!(!code, "{}: a fence is open", rule.code);
        assert!(documentation.starts_with("# "), "{}: the title comes first", rule.code);
        let [title, rest @ ..] = headings.as_slice() else { panic!("{}: no heading", rule.code) };
        assert!(!title.is_empty() && !title.ends_with('.'), "{}: {title}", rule.code);
        assert_eq!(rest, HEADINGS, "{}", rule.code);
        assert!(examples.iter().any(|(heading, _)| *heading == "Example"), "{}: an example in a fence", rule.code);
        assert!(examples.iter().all(|(_, language)| !language.is_empty()), "{}: fences name a language", rule.code);
        for heading in HEADINGS {
            let text = documentation.split(&format!("## {heading}\n")).nth(1).unwrap_or_default();
            assert!(!text.split("\n## ").next().unwrap_or_default().trim().is_empty(), "{}: {heading}", rule.code);
        }
    }
}

#[test]
fn every_rule_has_cases_with_and_without_findings() {
    let folder = root().join("fixtures/lint");
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries.map(|e| e.expect("readable").file_name().to_string_lossy().into_owned()).collect()
    };
    for rule in lint::all() {
        let cases = names(&folder.join(rule.code));
        let clean = |case: &&String| case.starts_with("clean");
        assert!(cases.iter().any(|case| clean(&case)), "{} has a clean case: {cases:?}", rule.code);
        assert!(cases.iter().any(|case| !clean(&case)), "{} has a case with findings: {cases:?}", rule.code);
    }
    for code in names(&folder) {
        assert!(lint::find(&code).is_some(), "fixtures/lint/{code} belongs to a rule");
    }
}

#[test]
fn findings_are_as_bad_as_their_rule_says() {
    for rule in lint::all() {
        for case in fs::read_dir(root().join("fixtures/lint").join(rule.code)).into_iter().flatten() {
            let expected = fs::read_to_string(case.expect("readable").path().join("expected")).unwrap_or_default();
            for line in expected.lines() {
                let known = rule.severities().iter().any(|severity| line.starts_with(severity.word()));
                assert!(known, "{} says it gives {}, and gives {line}", rule.code, severities(rule));
            }
        }
    }
}

fn explain(words: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_peerctl")).arg("explain").args(words).output().expect("peerctl runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn explain_prints_each_rule_as_markdown_off_a_terminal() {
    for rule in lint::all() {
        let (code, out, err) = explain(&[rule.code]);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{}", rule.code);
        assert!(out.starts_with(rule.documentation().trim_end()), "{out}");
        assert!(out.ends_with(&format!("`{}`: {}\n", rule.code, rule.summary)), "{out}");
    }
}

#[test]
fn explain_lists_all_rules_one_a_line() {
    let (code, out, err) = explain(&[]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(out.lines().count(), lint::all().len());
    for (line, rule) in out.lines().zip(lint::all()) {
        assert!(line.starts_with(rule.code) && line.ends_with(rule.summary), "{line}");
        assert!(line.contains(&severities(rule)), "{line}");
    }
}

#[test]
fn an_unknown_rule_is_misuse_with_the_nearest_ones() {
    let (code, out, err) = explain(&["peer-no-locl"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("no rule `peer-no-locl`") && err.contains("`peers-no-local`"), "{err}");
}
