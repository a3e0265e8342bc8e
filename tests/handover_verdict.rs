//! What `peerctl` says about a reload against what HAProxy did: the same cases and the same list as `handover.rs`, without
//! a HAProxy.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use peerctl::{
    config::{Document, Environment, Source},
    grammar::Version,
    model::{Facts, Instance, Naming},
    ops::handover::{Cause, Handover, Verdict, handover},
};

const VERSIONS: [Version; 3] = [Version::new(2, 6), Version::new(3, 0), Version::new(3, 2)];

/// Where more may be said to be lost than HAProxy lost, and why one instance's files can't tell.
const CAUTIOUS: &[(&str, Verdict, &str)] = &[
    ("own-name-changed-other-lists-it", Verdict::Lost, "whether the others list the new name stands in their files"),
    ("localpeer-written-down-with-another-name", Verdict::Lost, "as above"),
    ("own-address-to-host-name", Verdict::Refilled, "which address a name has is not in the files"),
    ("several-sections-table-in-the-first", Verdict::Refilled, "with several threads it may be any section"),
];

/// Where nothing in a configuration can tell, so that what is said names the condition.
const CONDITIONAL: &[(&str, Verdict, &str)] =
    &[("tls-verified-against-another-name", Verdict::Kept, "which name is in a certificate stands in the certificate")];

#[test]
fn what_is_said_is_what_haproxy_does() {
    let measured = measured();
    assert!(measured.len() >= 3 * 90, "the list is read: {} rows", measured.len());
    let mut wrong = Vec::new();
    for ((case, version), measured) in &measured {
        let said = said(case, *version);
        let excused =
            CAUTIOUS.iter().chain(CONDITIONAL).any(|(name, verdict, _)| name == case && *verdict == said.verdict);
        if said.verdict != *measured && !excused {
            wrong.push(format!("{case} on {version}: said {}, HAProxy: {measured}; {:?}", said.verdict, said.reasons));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn where_files_cannot_tell_it_is_never_said_to_be_better_than_it_is() {
    let measured = measured();
    for (case, _, why) in CAUTIOUS {
        let rows: Vec<_> = measured.iter().filter(|((name, _), _)| name == case).collect();
        let said = |version: &Version| said(case, *version).verdict;
        assert!(rows.iter().all(|((_, version), measured)| said(version) >= **measured), "{case}: {why}");
        assert!(
            rows.iter().any(|((_, version), measured)| said(version) > **measured),
            "{case} is no exception any more"
        );
    }
}

#[test]
fn a_verdict_that_hangs_on_a_certificate_says_so() {
    for (case, _, why) in CONDITIONAL {
        for version in VERSIONS {
            let reasons = said(case, version).reasons;
            let says = |cause: &Cause| matches!(cause, Cause::IfCertificateCarries(name) if name == b"elsewhere");
            assert!(reasons.iter().any(|reason| says(&reason.cause)), "{case}: {why}");
        }
    }
}

#[test]
fn every_loss_has_a_reason() {
    for (case, version) in measured().keys() {
        let said = said(case, *version);
        let reasons = said.reasons.iter().any(|reason| reason.verdict == said.verdict);
        assert!(said.verdict == Verdict::Kept || reasons, "{case} on {version}: {said:?}");
        for table in &said.tables {
            assert_eq!(table.teachers.is_empty(), table.verdict != Verdict::Refilled, "{case} on {version}: {table:?}");
        }
    }
}

#[test]
fn reasons_stand_once_and_in_words() {
    let tables = "backend t\n stick-table type ip size 1k%\nbackend u\n stick-table type string size 1k%\n";
    let mesh = "peers mesh\n peer lb1 10.0.0.1:1\n peer lb2 10.0.0.2:1\n";
    let new = reload(&tables.replace('%', ""), &[mesh, &tables.replace('%', " peers mesh")].concat(), Some("lb1"));
    assert_eq!(words(&new), (Verdict::Lost, vec!["peers mesh: the section is new".to_owned()]));
    assert!(!new.had_data(), "nothing replicated before");

    let before = [mesh, &tables.replace('%', " peers mesh")].concat();
    let after = before.replace("10.0.0.1:1", "10.0.0.1:2").replace("1k peers", "100 store gpc0 peers");
    let moved = reload(&before, &after, Some("lb1"));
    let expected = [
        "peers mesh: the own address changes from 10.0.0.1:1 to 10.0.0.1:2",
        "t: `gpc0` starts at zero",
        "t: only 100 entries fit",
        "u: `gpc0` starts at zero",
        "u: only 100 entries fit",
    ];
    assert_eq!(words(&moved), (Verdict::Refilled, expected.map(str::to_owned).to_vec()));
    assert_eq!(moved.tables[0].teachers, [b"lb2"]);
}

#[test]
fn without_a_local_name_the_worst_of_all_peers_is_said() {
    let config =
        |address: &str| format!("peers mesh\n peer lb1 {address}\n peer lb2 10.0.0.2:1\n table t type ip size 1k\n");
    assert_eq!(words(&reload(&config("10.0.0.1:1"), &config("10.0.0.1:1"), None)), (Verdict::Kept, vec![]));
    let (verdict, reasons) = words(&reload(&config("10.0.0.1:1"), &config("10.0.0.1:2"), None));
    assert_eq!(verdict, Verdict::Refilled, "what it is if this is lb1: {reasons:?}");
    assert_eq!(reasons[0], "which peer is the local one is not known");

    let named = format!("global\n localpeer lb1\n{}", config("10.0.0.1:1"));
    let (verdict, reasons) = words(&reload(&config("10.0.0.1:1"), &named, None));
    assert_eq!(verdict, Verdict::Lost, "it may have had another name");
    assert_eq!(reasons, ["peers mesh: the local peer's name is not known; kept if it is `lb1` already"]);
}

#[test]
fn nothing_to_replicate_is_nothing_to_lose() {
    let table = "backend t\n stick-table type ip size 1k\n";
    assert_eq!(words(&reload(table, "", Some("lb1"))), (Verdict::Kept, vec![]));
    let section = "peers mesh\n peer lb1 10.0.0.1:1\n";
    assert_eq!(words(&reload(table, &[section, table].concat(), Some("lb1"))), (Verdict::Kept, vec![]));
    let new = [section, " table s type ip size 1k\n", table].concat();
    assert_eq!(words(&reload(table, &new, Some("lb1"))), (Verdict::Kept, vec![]), "`s` is new, and empty anyway");
}

fn words(handover: &Handover) -> (Verdict, Vec<String>) {
    (handover.verdict, handover.reasons.iter().map(ToString::to_string).collect())
}

fn reload(before: &str, after: &str, local: Option<&str>) -> Handover {
    let naming = Naming { instance: local.map(Into::into), ..Naming::default() };
    compare(before.as_bytes(), after.as_bytes(), &naming, VERSIONS[2])
}

fn compare(before: &[u8], after: &[u8], naming: &Naming, version: Version) -> Handover {
    let read = |text: &[u8]| vec![Source::new("f", Document::parse(text.to_vec()).expect("short"))];
    let facts = Facts { version, environment: Environment::default() };
    let (before, after) = (read(before), read(after));
    handover(&Instance::read(&before, naming, &facts), &Instance::read(&after, naming, &facts))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/handover")
}

fn said(case: &str, version: Version) -> Handover {
    let read = |file: &str| fs::read(folder().join(case).join(file)).expect("a case has its files");
    // As in the network of the measured test.
    let naming = Naming { host: Some(b"lb1".to_vec()), ..Naming::default() };
    compare(&read("old.cfg"), &read("new.cfg"), &naming, version)
}

/// Case and version → what HAProxy did; without those that the version refuses.
fn measured() -> BTreeMap<(String, Version), Verdict> {
    let text = fs::read_to_string(folder().join("expected.tsv")).expect("the list");
    let mut rows: BTreeMap<(String, Version), Option<Verdict>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let [case, since, word]: [&str; 3] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("three columns, not {line:?}"));
        let known = [Verdict::Kept, Verdict::Refilled, Verdict::Lost].into_iter().find(|v| v.to_string() == word);
        assert!(known.is_some() || word == "refused", "{line:?} has a known word");
        let since = if since == "all" { Version::new(0, 0) } else { Version::parse(since).expect("a version") };
        for version in VERSIONS.into_iter().filter(|version| *version >= since) {
            rows.insert((case.to_owned(), version), known);
        }
    }
    rows.into_iter().filter_map(|(row, verdict)| Some((row, verdict?))).collect()
}
