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

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/handover")
}

fn said(case: &str, version: Version) -> Handover {
    let read = |file: &str| {
        let text = fs::read(folder().join(case).join(file)).expect("a case has its files");
        vec![Source::new(file, Document::parse(text).expect("short"))]
    };
    // As in the network of the measured test.
    let naming = Naming { host: Some(b"lb1".to_vec()), ..Naming::default() };
    let facts = Facts { version, environment: Environment::default() };
    let (old, new) = (read("old.cfg"), read("new.cfg"));
    handover(&Instance::read(&old, &naming, &facts), &Instance::read(&new, &naming, &facts))
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
