//! The tables of `grammar/`, held against what HAProxy itself lists (kept in `fixtures/keywords/`) and against running HAProxy:
//! a stale table fails.

mod probe;
mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use peerctl::grammar::{
    ParamTable, ParamWords, Version,
    keywords::{self, TableUserKind},
};

use crate::probe::{DEFAULTS, Verdict, verdicts, version};
use crate::support::{Haproxy, haproxies};

const VERSIONS: [&str; 3] = ["2.6", "3.0", "3.2"];

fn fixture(name: &str) -> String {
    let path = format!("{}/fixtures/keywords/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The lines of a fixture, cut at tabs, without comments and the header.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|line| !line.starts_with('#')).skip(1).map(|line| line.split('\t').collect())
}

/// Keyword → number of words, as `haproxy -dKcfg` lists the parameters of `server` or `bind`.
fn dumped(dump: &str, line: &str) -> BTreeMap<String, i32> {
    let mut found = BTreeMap::new();
    for words in
        dump.lines().filter(|line| line.starts_with('\t')).map(|line| line.split_whitespace().collect::<Vec<_>>())
    {
        // bind <addr> ssl alpn +1
        let [first, tail @ ..] = words.as_slice() else { continue };
        if *first != line || !tail.first().is_some_and(|word| word.starts_with('<')) {
            continue;
        }
        let (count, names) = match tail.split_last() {
            Some((last, names)) if last.starts_with('+') => (last[1..].parse().expect("a number"), names),
            _ => (0, tail),
        };
        found.insert((*names.last().expect("a keyword")).to_owned(), count);
    }
    found
}

const PARAMS: [(&str, ParamTable); 2] = [("server", ParamTable::Server), ("bind", ParamTable::Bind)];

#[test]
fn every_listed_parameter_is_in_the_tables_and_the_other_way_round() {
    for text in VERSIONS {
        let version = Version::parse(text).ok();
        let dump = fixture(&format!("haproxy-{text}.txt"));
        for (line, table) in PARAMS {
            let listed = dumped(&dump, line);
            assert!(listed.len() > 50, "{text} lists the parameters of {line}: {listed:?}");
            for (keyword, count) in &listed {
                let info = table.find(keyword.as_bytes(), version);
                let words = info.unwrap_or_else(|| panic!("{line} {keyword} of {text} is in the table")).words;
                let expected = match (keyword.as_str(), count) {
                    (_, -1) => ParamWords::Source,
                    // Takes its first argument in parentheses and then a word, which the list does not say.
                    ("set-proxy-v2-tlv-fmt", _) => ParamWords::Fixed(1),
                    (_, count) => ParamWords::Fixed(usize::try_from(*count).expect("not negative")),
                };
                assert_eq!(words, expected, "{line} {keyword} of {text}");
            }
            for info in table.all().iter().filter(|info| info.lifetime.contains(version)) {
                let known = listed.contains_key(info.keyword) || (line, info.keyword) == ("bind", "ssl");
                assert!(known, "{text} lists {line} {}", info.keyword);
            }
        }
    }
}

#[test]
fn every_listed_user_of_tables_is_in_the_table_and_the_other_way_round() {
    for text in VERSIONS {
        let version = Version::parse(text).ok();
        let list = fixture(&format!("table-users-{text}.tsv"));
        let mut listed = BTreeSet::new();
        for row in rows(&list) {
            let [kind, name, arguments] = row[..] else { panic!("three columns: {row:?}") };
            let kind = if kind == "fetch" { TableUserKind::Fetch } else { TableUserKind::Converter };
            let plain: String = arguments.chars().filter(|c| !"()[]".contains(*c)).collect();
            let position = plain.split(',').position(|argument| argument == "table").expect("a table");
            let user = keywords::table_user(kind, name.as_bytes());
            let user = user.unwrap_or_else(|| panic!("{name} of {text} is in the table"));
            assert_eq!(user.position, position, "{name} of {text}");
            assert!(user.lifetime.contains(version), "{name} of {text}");
            listed.insert((kind, name));
        }
        for user in keywords::table_users().iter().filter(|user| user.lifetime.contains(version)) {
            assert!(listed.contains(&(user.kind, user.name)), "{text} lists {}", user.name);
        }
    }
}

#[test]
fn every_probed_section_and_line_of_a_peers_section_is_in_the_tables() {
    for text in VERSIONS {
        let version = Version::parse(text).ok();
        let list = fixture(&format!("sections-{text}.tsv"));
        for row in rows(&list) {
            let [section, word, result] = row[..] else { panic!("three columns: {row:?}") };
            let known = keywords::section(section.as_bytes(), version).is_some();
            assert_eq!(known, result != "no-section", "{section} of {text}");
            if section == "peers" {
                let known = keywords::peers_keyword(word.as_bytes(), version).is_some();
                assert_eq!(known, result == "known", "peers {word} of {text}");
            }
        }
    }
}

#[test]
fn section_keywords_are_those_of_haproxy() {
    for haproxy in haproxies() {
        let dir = tempfile::tempdir().expect("a folder for temporary files");
        for info in keywords::sections() {
            let file = dir.path().join("one.cfg");
            fs::write(&file, format!("{} x\n", info.keyword)).expect("the folder takes files");
            let check = haproxy.check(&[file], None, &[]);
            let unknown = check.alerts().iter().any(|alert| alert.contains("out of section"));
            let ours = info.lifetime.contains(Some(version(&haproxy)));
            assert_eq!(ours, !unknown, "{} in {}: {check:?}", info.keyword, haproxy.branch());
        }
    }
}

#[test]
fn keywords_of_a_peers_section_are_those_of_haproxy() {
    for haproxy in haproxies() {
        let words =
            keywords::peers_keywords().iter().map(|info| info.keyword).chain(["option", "stick-table", "shard"]);
        let words: Vec<_> = words.collect();
        let piece = |(index, word)| format!("peers p{index}\n {word}\n").into_bytes();
        let pieces: Vec<_> = words.iter().enumerate().map(piece).collect();
        for (word, verdict) in words.iter().zip(verdicts(&haproxy, &pieces)) {
            let unknown = verdict.alerts.iter().any(|alert| alert.contains("unknown keyword"));
            let ours = keywords::peers_keyword(word.as_bytes(), Some(version(&haproxy))).is_some();
            assert_eq!(ours, !unknown, "{word} in {}: {verdict:?}", haproxy.branch());
        }
    }
}

#[test]
fn predicates_are_those_of_haproxy() {
    for haproxy in haproxies() {
        for predicate in keywords::predicates() {
            let refused = |arguments: usize| {
                let condition = format!("{}({})", predicate.name, vec!["1.1.1"; arguments].join(","));
                let output = Command::new(&haproxy.path).args(["-cc", &condition]).output().expect("haproxy starts");
                String::from_utf8_lossy(&output.stderr).into_owned()
            };
            let count = predicate.arguments;
            let ours = predicate.lifetime.contains(Some(version(&haproxy)));
            let (right, more) = (refused(count), refused(count + 1));
            assert_eq!(ours, !right.contains("unparsable"), "{} in {}: {right}", predicate.name, haproxy.branch());
            if ours {
                assert!(!right.contains("expected"), "{} takes {count}: {right}", predicate.name);
                assert!(more.contains("expected"), "{} takes no more than {count}: {more}", predicate.name);
            }
        }
    }
}

/// What the running program lists; `None` (said aloud) if our tables were not made from this version.
fn running_dump(haproxy: &Haproxy) -> Option<String> {
    let branch = haproxy.branch();
    if !VERSIONS.contains(&branch.as_str()) {
        eprintln!("SKIPPED: the tables were made from {VERSIONS:?}, not from {branch}");
        return None;
    }
    let dir = tempfile::tempdir().expect("a folder for temporary files");
    let file = dir.path().join("valid.cfg");
    fs::write(&file, DEFAULTS).expect("the folder takes files");
    let output =
        Command::new(&haproxy.path).args(["-dKcfg", "-q", "-c", "-f"]).arg(file).output().expect("haproxy starts");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn every_parameter_that_running_haproxy_lists_is_in_the_tables() {
    for haproxy in haproxies() {
        let Some(dump) = running_dump(&haproxy) else { continue };
        for (line, table) in PARAMS {
            let listed = dumped(&dump, line);
            assert!(listed.len() > 50, "{} lists the parameters of {line}: {dump}", haproxy.branch());
            for keyword in listed.keys() {
                let known = table.find(keyword.as_bytes(), Some(version(&haproxy))).is_some();
                assert!(known, "{line} {keyword} of {}", haproxy.branch());
            }
        }
    }
}

/// Values that the parameter takes, where `1` will not do.
const VALUES: [(&str, &str); 52] = [
    ("accept-netscaler-cip", "12"),
    ("addr", "127.0.0.2"),
    ("agent-addr", "127.0.0.2"),
    ("agent-inter", "10s"),
    ("agent-send", "x"),
    ("alpn", "h2"),
    ("check-alpn", "h2"),
    ("check-proto", "h1"),
    ("check-sni", "x"),
    ("ciphers", "ALL"),
    ("downinter", "10s"),
    ("expose-fd", "listeners"),
    ("fastinter", "10s"),
    ("gid", "1"),
    ("group", "root"),
    ("hash-key", "id"),
    ("idle-ping", "10s"),
    ("init-addr", "none"),
    ("init-state", "up"),
    ("inter", "10s"),
    ("interface", "lo"),
    ("level", "admin"),
    ("log-bufsize", "9999"),
    ("log-proto", "legacy"),
    ("mode", "600"),
    ("namespace", "x"),
    ("npn", "h2"),
    ("observe", "layer4"),
    ("on-error", "fastinter"),
    ("on-marked-down", "shutdown-sessions"),
    ("on-marked-up", "shutdown-backup-sessions"),
    ("pool-purge-delay", "10s"),
    ("proto", "h1"),
    ("proxy-v2-options", "ssl"),
    ("quic-cc-algo", "cubic"),
    ("quic-socket", "connection"),
    ("redir", "/x"),
    ("resolve-net", "10.0.0.0/8"),
    ("resolve-opts", "allow-dup-ip"),
    ("resolve-prefer", "ipv4"),
    ("set-proxy-v2-tlv-fmt", "x"),
    ("severity-output", "none"),
    ("slowstart", "10s"),
    ("sni", "str(x)"),
    ("socks4", "127.0.0.1:1080"),
    ("source", "127.0.0.1"),
    ("ssl-max-ver", "TLSv1.3"),
    ("ssl-min-ver", "TLSv1.2"),
    ("tcp-ut", "10s"),
    ("user", "root"),
    ("verify", "none"),
    ("ws", "h1"),
];

#[test]
fn parameters_take_as_many_words_as_the_tables_say() {
    for haproxy in haproxies() {
        for (line, table) in PARAMS {
            let infos: Vec<_> =
                table.all().iter().filter(|info| info.lifetime.contains(Some(version(&haproxy)))).collect();
            let piece = |(index, keyword): (usize, &str)| {
                let value = VALUES.iter().find(|(known, _)| *known == keyword).map_or("1", |(_, value)| *value);
                let words = table.find(keyword.as_bytes(), None).map(|info| info.words);
                let value = if words == Some(ParamWords::Fixed(0)) { "" } else { value };
                let keyword = if keyword == "set-proxy-v2-tlv-fmt" { "set-proxy-v2-tlv-fmt(0x20)" } else { keyword };
                match table {
                    ParamTable::Server => {
                        format!("backend b{index}\n server s 127.0.0.1:80 {keyword} {value} stranger\n")
                    }
                    ParamTable::Bind => format!("frontend b{index}\n bind 127.0.0.1:80 {keyword} {value} stranger\n"),
                }
                .into_bytes()
            };
            let pieces: Vec<_> = infos.iter().map(|info| info.keyword).enumerate().map(piece).collect();
            let mut conclusive = 0;
            for (info, verdict) in infos.iter().zip(verdicts(&haproxy, &pieces)) {
                let context = || format!("{line} {} in {}: {verdict:?}", info.keyword, haproxy.branch());
                assert!(!verdict.accepted(), "the word behind the value is no value: {}", context());
                let unknown = |verdict: &Verdict| verdict.alerts.iter().any(|alert| alert.contains("unknown keyword"));
                let stranger = verdict.alerts.iter().any(|alert| alert.contains("unknown keyword 'stranger'"));
                assert!(stranger || !unknown(&verdict), "the value belongs to the keyword: {}", context());
                if stranger {
                    conclusive += 1;
                } else {
                    eprintln!("not conclusive: {}", context());
                }
            }
            assert!(conclusive * 10 > infos.len() * 7, "{conclusive} of {} {line} parameters", infos.len());
        }
    }
}

#[test]
fn a_parenthesis_ends_a_keyword() {
    for haproxy in haproxies() {
        let pieces = ["id(x) 7", "weight(", "ident 7", "id) 7"];
        let texts = pieces
            .iter()
            .map(|text| format!("backend b{}\n server s 127.0.0.1:80 {text} stranger\n", text.len()).into_bytes());
        let verdicts = verdicts(&haproxy, &texts.collect::<Vec<_>>());
        for (text, verdict) in pieces.iter().zip(verdicts) {
            let keyword = text.split(' ').next().unwrap_or_default();
            let unknown = verdict.alerts.iter().any(|alert| alert.contains(&format!("unknown keyword '{keyword}'")));
            let ours = ParamTable::Server.find(keyword.as_bytes(), Some(version(&haproxy))).is_none();
            assert_eq!(ours, unknown, "{keyword} in {}: {verdict:?}", haproxy.branch());
        }
    }
}
