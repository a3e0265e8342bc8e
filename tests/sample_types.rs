//! What sample expressions give, and which of them a table takes as its key, against running HAProxy.

mod probe;
mod support;

use std::{fs, process::Command};

use peerctl::grammar::{KeyType, SampleType};

use crate::probe::{DEFAULTS, version};
use crate::support::{Haproxy, haproxies};

/// `name → type` of all fetches (`-dKsmp`) or converters (`-dKcnv`). Of a converter HAProxy prints what it gives first.
fn listed(haproxy: &Haproxy, option: &str) -> Vec<(String, String)> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("any.cfg");
    fs::write(&file, format!("{DEFAULTS}frontend f\n bind unix@{}/s\n", dir.path().display())).expect("writable");
    let output = Command::new(&haproxy.path).args([option, "-q", "-c", "-f"]).arg(&file).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |line: &str| {
        let line = line.rsplit_once("] ").map_or(line, |(_, rest)| rest);
        let (name, given) = line.rsplit_once(": ")?;
        let name = name.split('(').next()?.trim();
        Some((name.to_owned(), given.split(' ').next()?.to_owned()))
    };
    text.lines().filter(|line| !line.starts_with('#')).filter_map(line).collect()
}

fn word(sample: SampleType) -> &'static str {
    match sample {
        SampleType::Addr => "addr",
        SampleType::Any => "any",
        SampleType::Bin => "bin",
        SampleType::Bool => "bool",
        SampleType::Ipv4 => "ipv4",
        SampleType::Ipv6 => "ipv6",
        SampleType::Method => "meth",
        SampleType::Sint => "sint",
        SampleType::Str => "str",
    }
}

#[test]
fn every_fetch_and_converter_gives_what_haproxy_lists() {
    for haproxy in haproxies() {
        for (option, least) in [("-dKsmp", 400), ("-dKcnv", 120)] {
            let listed = listed(&haproxy, option);
            assert!(listed.len() > least, "{option} of {} lists many: {}", haproxy.branch(), listed.len());
            for (name, given) in listed {
                let expression = if option == "-dKcnv" { format!("src,{name}(1)") } else { name };
                let known = SampleType::of_expression(expression.as_bytes(), version(&haproxy));
                let given = if given == "same" { "any" } else { &given };
                assert_eq!(word(known), given, "{expression} of {}", haproxy.branch());
            }
        }
    }
}

#[test]
fn a_table_takes_the_keys_that_haproxy_can_cast() {
    const EXPRESSIONS: [&str; 9] = [
        "src",
        "ipv4(1.2.3.4)",
        "ipv6(::1)",
        "int(3)",
        "always_true",
        "hdr(host)",
        "bin(aabb)",
        "method",
        "var(txn.x)",
    ];
    let dir = tempfile::tempdir().expect("a temporary folder");
    for haproxy in haproxies() {
        for (expression, info) in EXPRESSIONS.iter().flat_map(|e| KeyType::all().iter().map(move |info| (e, info))) {
            if !info.lifetime.contains(Some(version(&haproxy))) {
                continue;
            }
            let key = info.word;
            for rule in ["http-request track-sc0", "stick on"] {
                let file = dir.path().join("t.cfg");
                let table =
                    format!("listen l\n bind unix@{}/s\n stick-table type {key} size 1k\n", dir.path().display());
                fs::write(&file, format!("{DEFAULTS}{table} {rule} {expression}\n")).expect("writable");
                let fits = SampleType::of_expression(expression.as_bytes(), version(&haproxy)).fits(info.key_type);
                let check = haproxy.check(&[&file], None, &[]);
                assert_eq!(check.valid(), fits, "{rule} {expression}, {key}, {}: {check:?}", haproxy.branch());
            }
        }
    }
}
