//! First words of lines, and parameters of `server` and `bind` lines: what the rule `keyword-unknown` says about each of them
//! against what HAProxy says.

mod probe;
mod support;

use std::collections::BTreeSet;

use peerctl::{
    config::{Document, Environment, Source},
    grammar::{ParamTable, Version, keywords, section_keywords},
    lint::{self, Context, Finding, Severity, Subject},
    model::{Facts, Instance, Naming},
};

use crate::probe::{DEFAULTS, Verdict, verdicts, version};
use crate::support::{Haproxy, haproxies};

/// A section of each kind that needs nothing else, with the line in it.
fn piece(section: &str, number: usize, line: &str, version: Version) -> Vec<u8> {
    let name = match section {
        "global" | "defaults" | "traces" => String::new(),
        _ => format!(" s{number}"),
    };
    // Alone, this word is unknown.
    let line = if (section, line) == ("log-forward", "timeout") { "timeout client" } else { line };
    // Some versions read certain sections only if told to.
    let before = match section {
        "acme" => "global\n expose-experimental-directives\n",
        "program" if version >= Version::new(3, 0) => "global\n expose-deprecated-directives\n",
        _ => "",
    };
    // What follows must not inherit from a `defaults` section that was tried.
    let after = if section == "defaults" { DEFAULTS } else { "" };
    format!("{before}{section}{name}\n {line}\n{after}").into_bytes()
}

fn findings(piece: &[u8], version: Version) -> Vec<(Severity, String)> {
    let facts = Facts { version, environment: Environment::default() };
    let files = [Source::new("a.cfg", Document::parse(piece.to_vec()).expect("small"))];
    let instance = Instance::read(&files, &Naming::default(), &facts);
    let context = Context::new(vec![Subject { name: "a", instance: &instance }], version.into());
    let rule = lint::find("keyword-unknown").expect("the rule is there");
    lint::run(&context, &[rule]).into_iter().map(|f: Finding| (f.severity, f.message)).collect()
}

/// The same in a word for both.
fn ours(piece: &[u8], version: Version) -> &'static str {
    let found = findings(piece, version);
    assert!(found.len() <= 1, "{found:?}");
    match found.first() {
        None => "known",
        Some((_, message)) if message.contains("has no effect") => "ignored",
        Some((_, message)) if message.contains(" allowed ") => "not allowed",
        Some((_, message)) if message.contains("removed") => "removed",
        Some(_) => "unknown",
    }
}

/// What HAProxy says about each piece. It stops reading a file at some words: then each is asked about alone.
fn ask(haproxy: &Haproxy, pieces: &[Vec<u8>]) -> Vec<Verdict> {
    const BATCH: usize = 24;
    let end = b"backend end\n no-such-word\n".to_vec();
    let batch = |batch: &[Vec<u8>]| {
        let mut said = verdicts(haproxy, &[batch, std::slice::from_ref(&end)].concat());
        match said.pop() {
            Some(last) if haproxys(&last) == "unknown" => said,
            _ => batch.iter().flat_map(|one| verdicts(haproxy, std::slice::from_ref(one))).collect(),
        }
    };
    pieces.chunks(BATCH).flat_map(batch).collect()
}

fn haproxys(verdict: &Verdict) -> &'static str {
    let said = |list: &[String], words: &[&str]| list.iter().any(|m| words.iter().any(|w| m.contains(w)));
    let unknown = ["unknown keyword", "unknown word", "unknown section", "unknown statement"];
    let removed =
        ["not supported any more", "not supported anymore", "no longer supported", "not supported since", "removed"];
    let not_allowed = [
        "not allowed in",
        "not allowed because",
        "is not supported in",
        "only available in",
        "not available in",
        "has no frontend capability",
    ];
    if said(&verdict.alerts, &unknown) {
        "unknown"
    } else if said(&verdict.alerts, &removed) {
        "removed"
    } else if said(&verdict.alerts, &not_allowed) {
        "not allowed"
    } else if said(&verdict.warnings, &["ignored because"]) {
        "ignored"
    } else {
        "known"
    }
}

#[test]
fn first_words_are_judged_as_haproxy_judges_them() {
    for haproxy in haproxies() {
        let version = version(&haproxy);
        let sections: BTreeSet<&str> = section_keywords::all().iter().map(|row| row.section).collect();
        let mut words: Vec<(&str, &str)> = section_keywords::all().iter().map(|row| (row.section, row.word)).collect();
        words.extend(sections.iter().map(|section| (*section, "no-such-word")));
        // A section that the version doesn't have is judged as a whole.
        words.dedup();
        words.retain(|(section, word)| {
            let known = keywords::section(section.as_bytes(), Some(version)).is_some();
            known && keywords::section(word.as_bytes(), None).is_none()
        });
        let pieces: Vec<Vec<u8>> =
            words.iter().enumerate().map(|(number, (section, word))| piece(section, number, word, version)).collect();
        let said = ask(&haproxy, &pieces);
        let wrong: Vec<String> = pieces
            .iter()
            .zip(&said)
            .filter(|(piece, said)| ours(piece, version) != haproxys(said))
            .map(|(piece, said)| {
                format!("{:?}: we say {}, HAProxy {said:?}", String::from_utf8_lossy(piece), ours(piece, version))
            })
            .collect();
        assert!(words.len() > 700, "{}", words.len());
        assert!(wrong.is_empty(), "{version}: {} of {}\n{}", wrong.len(), words.len(), wrong.join("\n"));
    }
}

/// The section and the line in which a second word is tried.
fn second_line(after: &str, word: &str) -> (&'static str, String) {
    let section = match after.split_once(' ') {
        Some(("backend", _)) => "backend",
        Some(("defaults", _)) => "defaults",
        Some(("listen", _)) => "listen",
        _ if after.contains("response") => "backend",
        _ => "frontend",
    };
    let before = after.strip_prefix(section).map_or(after, str::trim_start);
    let called = ["sc-", "set-var", "unset-var", "do-resolve"];
    let end = match word {
        "track-sc" => "0",
        // Without arguments 2.6 and 3.0 die of these.
        "add-acl" | "del-acl" | "del-map" => "(f) src",
        "set-map" => "(f) src src",
        word if !after.contains("option") && called.iter().any(|start| word.starts_with(start)) => "(0)",
        _ => "",
    };
    (section, format!("{before} {word}{end}"))
}

/// What HAProxy says about a second word, in the words of [`haproxys`].
fn haproxys_second(verdict: &Verdict) -> &'static str {
    let said = |list: &[String], words: &[&str]| list.iter().any(|m| words.iter().any(|w| m.contains(w)));
    let ignored = said(&verdict.warnings, &["ignored because"]);
    if said(&verdict.alerts, &["unknown option '", "but got '", "(got '"]) {
        if ignored { "not allowed" } else { "unknown" }
    } else if said(&verdict.alerts, &["not supported any more"]) {
        "removed"
    } else if ignored {
        "ignored"
    } else {
        "known"
    }
}

#[test]
fn second_words_are_judged_as_haproxy_judges_them() {
    for haproxy in haproxies() {
        let version = version(&haproxy);
        let mut words: Vec<(&str, &str)> =
            section_keywords::all_second().iter().map(|row| (row.section, row.word)).collect();
        let groups: BTreeSet<&str> = words.iter().map(|(after, _)| *after).collect();
        words.extend(groups.iter().map(|after| (*after, "no-such-word")));
        words.dedup();
        // 2.6 aborts on it.
        words.retain(|word| version > Version::new(2, 6) || *word != ("backend option", "httpslog"));
        let pieces: Vec<Vec<u8>> = words
            .iter()
            .enumerate()
            .map(|(number, (after, word))| {
                let (section, line) = second_line(after, word);
                // Only a section with a name takes rules.
                let name = if section == "defaults" { format!("d{number}") } else { format!("s{number}") };
                let after = if section == "defaults" { DEFAULTS } else { "" };
                format!("{section} {name}\n {line}\n{after}").into_bytes()
            })
            .collect();
        let said = ask(&haproxy, &pieces);
        let wrong: Vec<String> = pieces
            .iter()
            .zip(&said)
            .filter(|(piece, said)| ours(piece, version) != haproxys_second(said))
            .map(|(piece, said)| {
                format!("{:?}: we say {}, HAProxy {said:?}", String::from_utf8_lossy(piece), ours(piece, version))
            })
            .collect();
        assert!(words.len() > 450, "{}", words.len());
        assert!(wrong.is_empty(), "{version}: {} of {}\n{}", wrong.len(), words.len(), wrong.join("\n"));
    }
}

#[test]
fn parameters_are_judged_as_haproxy_judges_them() {
    for haproxy in haproxies() {
        let version = version(&haproxy);
        let mut pieces = Vec::new();
        let lines =
            [(ParamTable::Server, "backend", "server s1 127.0.0.1:1"), (ParamTable::Bind, "frontend", "bind :1")];
        for (table, section, line) in lines {
            let words = table.all().iter().map(|info| info.keyword).chain(["no-such-word"]);
            pieces.extend(words.map(|word| (section, format!("{line} {word}"))));
        }
        let pieces: Vec<Vec<u8>> =
            pieces.iter().enumerate().map(|(number, (section, line))| piece(section, number, line, version)).collect();
        let said = ask(&haproxy, &pieces);
        let wrong: Vec<String> = pieces
            .iter()
            .zip(&said)
            .filter(|(piece, said)| (ours(piece, version) == "unknown") != (haproxys(said) == "unknown"))
            .map(|(piece, said)| format!("{:?}: HAProxy {said:?}", String::from_utf8_lossy(piece)))
            .collect();
        assert!(wrong.is_empty(), "{version}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn named_defaults_take_rules() {
    for word in ["acl a src 10.0.0.1", "http-request deny", "http-response deny", "http-after-response set-header a b"]
    {
        let (plain, named) = (format!("defaults\n {word}\n"), format!("defaults web\n {word}\n{DEFAULTS}"));
        for haproxy in haproxies() {
            let version = version(&haproxy);
            let said = verdicts(&haproxy, &[named.clone().into_bytes(), plain.clone().into_bytes()]);
            assert_eq!(said.iter().map(haproxys).collect::<Vec<_>>(), ["known", "not allowed"], "{word}: {said:?}");
            assert_eq!(ours(named.as_bytes(), version), "known", "{word}");
            assert_eq!(ours(plain.as_bytes(), version), "not allowed", "{word}");
        }
    }
}

#[test]
fn errors_are_given_only_for_what_haproxy_refuses() {
    for version in [Version::new(2, 4), Version::new(2, 8), Version::new(3, 1), Version::new(3, 4), Version::new(3, 5)]
    {
        for row in section_keywords::all() {
            let found = findings(&piece(row.section, 1, row.word, version), version);
            let known_later = version > Version::new(3, 2) && row.lifetime.until.is_none();
            // The version has no such sections any more.
            if keywords::section(row.section.as_bytes(), Some(version)).is_none() {
                continue;
            }
            let removed = row.answer == section_keywords::Answer::Removed;
            if known_later && !removed {
                assert!(found.iter().all(|(severity, _)| *severity == Severity::Note), "{version} {row:?} {found:?}");
            }
        }
    }
}
