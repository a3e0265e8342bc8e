//! Conditions of `.if`, compared with HAProxy.

mod probe;
mod support;

use std::{fmt::Write as _, process::Command};

use peerctl::grammar::Release;
use peerctl::model::cond::{Facts, Truth, eval};

use crate::probe::{Random, Verdict, chance, escaped, release, verdicts_with};
use crate::support::{Haproxy, haproxies};

/// The environment that HAProxy and we see.
const ENVIRONMENT: [(&str, &str); 3] = [("SET", "1"), ("EMPTY", ""), ("with_blank", "x y")];

/// What HAProxy makes of conditions that we think are well formed, all in one file, because it stops at the first bad one.
fn haproxy_says(haproxy: &Haproxy, conditions: &[Vec<u8>]) -> Vec<bool> {
    let block = |condition: &Vec<u8>| format!(".if {}\n.warning yes\n.endif\n", escaped(condition)).into_bytes();
    let pieces: Vec<_> = conditions.iter().map(block).collect();
    let answers = verdicts_with(haproxy, &pieces, &ENVIRONMENT).into_iter().zip(conditions);
    let answer = |(verdict, condition): (Verdict, &Vec<u8>)| {
        assert!(verdict.accepted(), "{} of `{}`: {:?}", haproxy.branch(), condition.escape_ascii(), verdict.alerts);
        !verdict.warnings.is_empty()
    };
    answers.map(answer).collect()
}

/// Whether HAProxy refuses a condition.
fn haproxy_refuses(haproxy: &Haproxy, condition: &[u8]) -> bool {
    let mut command = Command::new(&haproxy.path);
    command.envs(ENVIRONMENT).arg("-cc").arg(escaped(condition));
    let output = command.output().expect("haproxy starts");
    // 0: true, 1: false, 2: refused.
    output.status.code() == Some(2)
}

/// What we make of it.
fn we_say(release: Release, condition: &[u8]) -> Option<Truth> {
    let set = |name: &[u8]| name == b"PATH" || ENVIRONMENT.iter().any(|(known, _)| known.as_bytes() == name);
    let facts = Facts { release: Some(release), defined: &|name| set(name).into(), build: &|_, _| Truth::Unknown };
    eval(condition, &facts).ok()
}

fn compare(conditions: &[Vec<u8>]) {
    for haproxy in haproxies() {
        let release = release(&haproxy);
        let (good, bad): (Vec<_>, Vec<_>) = conditions.iter().cloned().partition(|c| we_say(release, c).is_some());
        for (condition, theirs) in good.iter().zip(haproxy_says(&haproxy, &good)) {
            let ours = we_say(release, condition).expect("a good one");
            let agree = ours == theirs.into() || ours == Truth::Unknown;
            let text = condition.escape_ascii();
            assert!(agree, "{} of `{text}`: HAProxy says {theirs}, we say {ours:?}", haproxy.branch());
        }
        for condition in bad {
            let text = condition.escape_ascii();
            assert!(haproxy_refuses(&haproxy, &condition), "{} takes `{text}`, and we do not", haproxy.branch());
        }
    }
}

/// Pieces that are conditions, or nearly.
const TERMS: [&str; 60] = [
    "0",
    "1",
    "-1",
    "+2",
    "007",
    "0x10",
    "0x",
    "08",
    "99999999999999999999",
    "-",
    "",
    "()",
    "x",
    "defined(SET)",
    "defined(EMPTY)",
    "defined(NOPE)",
    "defined()",
    "defined",
    "defined (SET)",
    "defined( SET)",
    "defined(\"SET\")",
    "defined('SET')",
    "defined(SET",
    "defined(SET,x)",
    "definedx(SET)",
    "defined(=)",
    "defined(S\\ET)",
    "streq(a,a)",
    "streq(a,b)",
    "streq(a)",
    "streq(a,b,c)",
    "streq",
    "streq(,)",
    "streq( a,a)",
    "streq(\"a,b\",'a,b')",
    "streq(a\\ b,a b)",
    "streq('a\\nb',a\\nb)",
    "streq(\"a\\nb\",a\\nb)",
    "streq(a(b,a(b)",
    "streq(a\\\\,a\\\\)",
    "streq(\"a)\",a\\))",
    "streq(a\\",
    "streq(a\",a)",
    "streq(a\"\",\"\"a)",
    "strneq(a,b)",
    "strneq(\"\",)",
    "strstr(abc,bc)",
    "strstr(abc,)",
    "strstr(b,abc)",
    "version_atleast(2.6)",
    "version_before(3.1)",
    "version_atleast(3.0.11)",
    "version_atleast(3.2-dev5)",
    "version_before(3.2.26-1)",
    "version_atleast()",
    "version_atleast(x)",
    "feature(OPENSSL)",
    "enabled(POLL)",
    "unknown(1)",
    "fips_mode",
];

#[test]
fn every_kind_of_term_means_what_it_means_to_haproxy() {
    let blanks = ["", " ", "\t", " \t ", "\n", "\x0b"];
    let around = blanks.iter().flat_map(|b| [format!("{b}1"), format!("1{b}"), format!("({b}1{b})"), format!("!{b}0")]);
    let terms = TERMS.iter().flat_map(|term| [(*term).to_owned(), format!("!{term}"), format!("({term})")]);
    compare(&around.chain(terms).map(String::into_bytes).collect::<Vec<_>>());
}

#[test]
fn random_conditions_mean_what_they_mean_to_haproxy() {
    let mut random = Random::new(20_260_101);
    let conditions: Vec<_> = (0..600).map(|_| condition(&mut random, 3).into_bytes()).collect();
    compare(&conditions);
}

#[test]
fn nesting_ends_where_it_ends_in_haproxy() {
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    let chain = |operator: &str, count: usize| vec!["1"; count].join(operator);
    let conditions = [
        nested(340),
        nested(341),
        chain("&&", 1022),
        chain("&&", 1023),
        chain("||", 1022),
        chain("||", 1023),
        format!("{}1", "!".repeat(3001)),
    ];
    compare(&conditions.map(String::into_bytes));
}

#[test]
fn versions_compare_as_in_haproxy() {
    let plain = [
        "", "2", "3", "x", "-1", "+2.6", "2..6", "3..99", "99", "99x", "99-x", "99.", "99..", "99....", "99.x", "99-",
        "99--", "99-1-", "99-dev", "99-dev1x", "2.6", "3.0", "3.2", "3.2.", "3.1-dev0",
    ];
    let suffixes = [
        "",
        "-",
        "-0",
        "-1",
        "-2",
        "-1-2",
        "-1+a",
        "-1.5",
        "-1x",
        "-x-9",
        "-dev1",
        "-dev9-9",
        "-rc1",
        "-pre-9",
        "-1-dev-9",
        ".0",
        ".1",
        ".0-2",
        ".0.9",
        ".-9",
        "x-9",
        "a5",
        "+1",
        "~1",
        "-4294967297",
        "--",
        "-1-",
        "-x-",
        "-dev-",
        "-dev--",
        "-dev1x",
        "-devx",
        "-1x-2",
        ".0.0.0",
        ".0.",
        ".0..",
    ];
    for haproxy in haproxies() {
        let (release, (major, minor, patch)) = (release(&haproxy), haproxy.version);
        let own = [0, patch, patch + 1].into_iter();
        let own = own.flat_map(|patch| suffixes.map(|suffix| format!("{major}.{minor}.{patch}{suffix}")));
        let asked = plain.map(str::to_owned).into_iter().chain(own);
        let conditions: Vec<_> = asked
            .flat_map(|asked| ["atleast", "before"].map(|p| format!("version_{p}({asked})").into_bytes()))
            .collect();
        for (condition, theirs) in conditions.iter().zip(haproxy_says(&haproxy, &conditions)) {
            // The whole version is known, so there is nothing unknown about the answer.
            let text = String::from_utf8_lossy(condition);
            assert_eq!(we_say(release, condition), Some(theirs.into()), "{release}: {text}");
        }
    }
}

/// A random condition, more or less well formed.
fn condition(random: &mut Random, depth: usize) -> String {
    let mut text = String::new();
    for part in 0..=random.below(3) {
        let blank = |random: &mut Random| random.pick(&["", " ", " ", "\t", "  "]);
        if part > 0 {
            text += blank(random);
            text += random.pick(&[
                "&&", "||", "&&", "||", "&&", "||", "&&", "||", "&&", "||", "&&", "||", "&", "|", "&&&", "", " ",
            ]);
        }
        text += blank(random);
        if chance(random, 25) {
            text += random.pick(&["!", "!!", "! ", "!\t! "]);
        }
        if depth > 0 && chance(random, 30) {
            let inner = condition(random, depth - 1);
            let close = if chance(random, 98) { ")" } else { "" };
            let _ = write!(text, "({inner}{close}");
        } else if chance(random, 90) {
            text += random.pick(&["0", "1", "defined(SET)", "streq(a,b)", "strneq(a,b)", "version_atleast(3.0)"]);
        } else {
            text += random.pick(&TERMS);
        }
        text += blank(random);
    }
    text
}
