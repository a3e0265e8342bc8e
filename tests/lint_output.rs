//! What `check` prints, character by character, in every format, for one set of findings.
//!
//! The findings are made here, not by rules: the texts must not change when rules do. `PEERCTL_UPDATE=1` writes the
//! expected texts anew.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Instant,
};

use peerctl::{
    config::{Document, LineNo, Source},
    lint::{Finding, Label, Rule, ServerIds, Severity},
    model::Place,
    output::{
        diagnostic::Look,
        lint::{Checked, Command, Report},
        lint_github, lint_gitlab, lint_human, lint_json, lint_junit, lint_sarif,
        redact::Redactor,
    },
    span::Span,
};
use serde_json::Value;

/// Rules with names of real ones, but with texts that don't change.
macro_rules! rules {
    ($($name:ident $code:literal $summary:literal)*) => {
        $(static $name: Rule = Rule {
            code: $code,
            summary: $summary,
            source: concat!(
                "//! # ", $code, "\n//!\n//! ## What it does\n//! Looks for it\n//! everywhere.\n//!\n",
                "//! ## Why is this bad?\n//! Because of <a> & \"b\".\n\nuse crate::lint;\n"
            ),
            check: |_, _| {},
        };)*
    };
}

rules! {
    NO_LOCAL "peers-no-local" "no peer of the section has the local name"
    ID_MISMATCH "server-id-mismatch" "a server of one name has different ids"
    NAME_MISMATCH "server-name-mismatch" "an id belongs to servers of different names"
    UNKNOWN_SECTION "table-unknown-section" "a table names a section that doesn't exist"
    QUOTES "test-quotes" "a message that quotes a line"
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lint-output")
}

fn source(name: &str) -> Source {
    let text = fs::read(folder().join(name)).expect("the fixture");
    Source::new(name, Document::parse(text).expect("short"))
}

/// The first place of `text` in a source.
fn label(instance: usize, source: &Source, text: &str, said: &str) -> Label {
    let start =
        source.document.text().windows(text.len()).position(|w| w == text.as_bytes()).expect("the text is there");
    let offset = |n: usize| u32::try_from(n).expect("short");
    let line = source.document.line_at(offset(start));
    // What comes before a blank only says which line is meant.
    let word = text.rfind(' ').map_or(0, |n| n + 1);
    let span = Span::new(offset(start + word), offset(start + text.len()));
    Label { instance, place: Place { file: 0, line }, span, text: said.to_owned() }
}

fn finding(rule: &'static Rule, severity: Severity, message: &str, labels: Vec<Label>) -> Finding {
    let mut labels = labels.into_iter();
    let first = Finding::new(severity, message, labels.next().expect("a label"));
    let mut finding = labels.fold(first, Finding::label);
    finding.rule = rule;
    finding
}

fn with_ids(mut finding: Finding, backend: &str, server: &str, ids: [Option<u32>; 2]) -> Finding {
    finding.fixable = true;
    finding.backend = Some(backend.into());
    finding.server = Some(ServerIds { backend: backend.into(), server: server.into(), ids: ids.to_vec() });
    finding
}

/// One of each kind: a place in one file, in two, folded ones, texts that every format must escape, and a secret.
fn findings(lb1: &Source, lb2: &Source) -> Vec<Finding> {
    let both = |text: &str, first: &str, second: &str| vec![label(0, lb1, text, first), label(1, lb2, text, second)];
    let mut all = vec![
        finding(
            &NO_LOCAL,
            Severity::Error,
            "peers section `mesh` has no peer `edge1`, the local peer",
            vec![
                label(0, lb1, "peers mesh", "no peer is called `edge1`"),
                label(0, lb1, "edge1", "the local peer's name"),
            ],
        )
        .happens("HAProxy drops the section with a warning, exits 0, and its tables replicate nowhere.")
        .help("add a line for `edge1`, or set `localpeer` to one of its peers"),
    ];
    let happens = "`shop` sticks on `src` and its table travels through `mesh`. While both names exist on both sides, \
                   stickiness follows the names; once one is renamed or missing, the id decides, and clients land on \
                   the other server.";
    for (name, ids) in [("web2", [2, 3]), ("web3", [3, 2])] {
        let message = format!("server `{name}` of backend `shop` has different ids");
        let said = ids.map(|id| format!("id {id}, by position"));
        let labels = both(&format!("server {name}"), &said[0], &said[1]);
        let found = finding(&ID_MISMATCH, Severity::Error, &message, labels).happens(happens);
        all.push(with_ids(found, "shop", name, ids.map(Some)));
    }
    all.push(
        finding(
            &UNKNOWN_SECTION,
            Severity::Error,
            "table `api` names the peers section `mehs`, which doesn't exist",
            both("mehs", "unknown", "unknown"),
        )
        .happens("HAProxy refuses the configuration.")
        .help("there are `mesh`"),
    );
    let quoted = "the value `Bearer s3cr3t-t0ken` holds, among others, 100 %: <a> & \"b\" ::error::\x1b[31m\u{202e}";
    all.push(
        finding(
            &QUOTES,
            Severity::Note,
            quoted,
            vec![label(0, lb1, "set-header Authorization", "here: Bearer s3cr3t-t0ken")],
        )
        .help("nothing, it is here for its characters"),
    );
    let extra = "server `api00` of backend `api` is only on lb2, where it has id 1; on lb1 that is `api01`";
    let labels = vec![label(1, lb2, "server api00", "id 1"), label(0, lb1, "server api01", "id 1")];
    all.push(with_ids(finding(&NAME_MISMATCH, Severity::Warning, extra, labels), "api", "api00", [None, Some(1)]));
    for n in 1..=10 {
        let name = format!("api{n:02}");
        let message = format!("server `{name}` of backend `api` has different ids");
        let labels = both(&format!("server {name}"), &format!("id {n}"), &format!("id {}", n + 1));
        let found = finding(&ID_MISMATCH, Severity::Warning, &message, labels);
        all.push(with_ids(found, "api", &name, [Some(n), Some(n + 1)]));
    }
    all
}

/// What a renderer prints for the findings of [`findings`].
fn printed(print: impl Fn(&Report<'_>, &Redactor, &mut dyn io::Write) -> io::Result<()>) -> String {
    let (lb1, lb2) = ([source("lb1.cfg")], [source("lb2.cfg")]);
    let findings = findings(&lb1[0], &lb2[0]);
    printed_of(&findings, [&lb1, &lb2], print)
}

fn printed_of(
    findings: &[Finding],
    files: [&[Source]; 2],
    print: impl Fn(&Report<'_>, &Redactor, &mut dyn io::Write) -> io::Result<()>,
) -> String {
    let instances = [Checked { name: "lb1", files: files[0] }, Checked { name: "lb2", files: files[1] }];
    let given = ["lb1.cfg".to_owned(), "lb2.cfg".to_owned()];
    let command = Command { name: "check", instances: &given };
    let report = Report {
        findings,
        instances: &instances,
        unread: &[],
        command: &command,
        backends: 2,
        servers: 14,
        seconds: 0.0234,
    };
    let mut out = Vec::new();
    print(&report, &Redactor::new([7; 32]), &mut out).expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

fn human(report: &Report<'_>, redactor: &Redactor, out: &mut dyn io::Write) -> io::Result<()> {
    let secrets = |document: &Document, line: LineNo| redactor.spans(document, line);
    lint_human::print(report, redactor, &Look { width: 80, secrets: &secrets, ..Look::default() }, out)
}

#[track_caller]
fn assert_expected(shown: &str, name: &str) {
    assert!(!shown.contains("s3cr3t"), "no format shows a secret:\n{shown}");
    assert!(!shown.contains(['\x1b', '\u{202e}']), "no format lets a control character through:\n{shown}");
    let path = folder().join("expected").join(name);
    if std::env::var_os("PEERCTL_UPDATE").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, shown).expect("written");
    }
    let expected = fs::read_to_string(&path).expect("the expected text");
    let differs = shown.lines().zip(expected.lines()).enumerate().find(|(_, (a, b))| a != b);
    assert!(shown == expected, "{name} differs (line from 0, shown, expected): {differs:#?}");
}

#[test]
fn people_get_each_cause_once_with_its_places_consequence_and_next_step() {
    assert_expected(&printed(human), "human.txt");
}

#[test]
fn colours_change_nothing_but_colours() {
    let colored = printed(|report, redactor, out| {
        let secrets = |document: &Document, line: LineNo| redactor.spans(document, line);
        lint_human::print(report, redactor, &Look { width: 80, color: true, secrets: &secrets, ..Look::default() }, out)
    });
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain += before;
        rest = after.split_once('m').expect("a colour").1;
    }
    assert_eq!(plain + rest, printed(human));
}

#[test]
fn json_has_the_shape_of_the_contract() {
    let text = printed(lint_json::print);
    assert_expected(&text, "check.json");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&json), "findings instances summary version");
    for finding in json["findings"].as_array().expect("an array") {
        let of_a_server = finding.get("server").is_some();
        let expected = if of_a_server {
            "backend code fixable help ids labels message server severity"
        } else {
            "code fixable help labels message severity"
        };
        assert_eq!(keys(finding), expected);
        assert_eq!(keys(&finding["labels"][0]), "column end_column file instance line message");
    }
    assert_eq!(json["findings"][1]["ids"], serde_json::json!({"lb1": 2, "lb2": 3}));
    assert_eq!(json["summary"], serde_json::json!({"error": 4, "warning": 11, "note": 1}));
}

#[test]
fn sarif_is_valid() {
    let text = printed(|report, redactor, out| lint_sarif::print(report, redactor, Path::new("/repo"), out));
    assert_expected(&text, "check.sarif");
    assert_valid_sarif(&text);
    let nothing = printed_of(&[], [&[], &[]], |report, redactor, out| {
        lint_sarif::print(report, redactor, Path::new("/repo"), out)
    });
    assert_valid_sarif(&nothing);
}

#[track_caller]
fn assert_valid_sarif(text: &str) {
    let schema = fs::read(folder().join("sarif/sarif-schema-2.1.0.json")).expect("the schema");
    let mut schema: Value = serde_json::from_slice(&schema).expect("JSON");
    // The expression for languages has a bracket too many, which no strict reader takes. No language is written here.
    for part in ["run", "toolComponent"] {
        schema["definitions"][part]["properties"]["language"]["pattern"] = "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$".into();
    }
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
    let log: Value = serde_json::from_str(text).expect("JSON");
    let errors: Vec<String> = validator.iter_errors(&log).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut broken = log;
    broken["runs"][0]["tool"]["driver"]["name"] = Value::Null;
    assert!(!validator.is_valid(&broken), "the schema finds mistakes");
}

#[test]
fn sarif_points_at_the_other_instance_and_has_the_ids() {
    let text = printed(|report, redactor, out| lint_sarif::print(report, redactor, Path::new("/repo"), out));
    let log: Value = serde_json::from_str(&text).expect("JSON");
    let run = &log["runs"][0];
    let result = &run["results"][1];
    assert_eq!(result["properties"]["ids"], serde_json::json!({"lb1": 2, "lb2": 3}));
    let related = &result["relatedLocations"][0];
    assert_eq!(related["message"]["text"], "lb2: id 3, by position");
    assert_eq!(related["physicalLocation"]["artifactLocation"]["uri"], "lb2.cfg");
    let rule = run["tool"]["driver"]["rules"]
        .get(usize::try_from(result["ruleIndex"].as_u64().expect("a number")).expect("small"))
        .expect("the rule");
    assert_eq!(rule["id"], result["ruleId"]);
    assert!(rule["help"]["markdown"].as_str().expect("a text").contains("## Why is this bad?"));
}

#[test]
fn github_gets_one_annotation_for_each_cause() {
    let text = printed(|report, redactor, out| lint_github::print(report, redactor, Path::new("/repo"), out));
    assert_expected(&text, "github.txt");
    assert_eq!(text.lines().count(), 5);
    assert!(
        text.lines().all(|l| ["::error file=", "::warning file=", "::notice file="].iter().any(|c| l.starts_with(c)))
    );
}

#[test]
fn fingerprints_are_unique_and_stay_when_lines_move() {
    let print = |report: &Report<'_>, redactor: &Redactor, out: &mut dyn io::Write| {
        lint_gitlab::print(report, redactor, Path::new("/repo"), out)
    };
    let text = printed(print);
    assert_expected(&text, "gitlab.json");
    let prints = |text: &str| -> Vec<String> {
        let issues: Vec<Value> = serde_json::from_str(text).expect("JSON");
        issues.iter().map(|issue| issue["fingerprint"].as_str().expect("a text").to_owned()).collect()
    };
    let mut unique = prints(&text);
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), prints(&text).len());
    let moved = |name: &str| {
        let text = [b"# a comment\n\n".as_slice(), source(name).document.text()].concat();
        [Source::new(name, Document::parse(text).expect("short"))]
    };
    let (lb1, lb2) = (moved("lb1.cfg"), moved("lb2.cfg"));
    let shifted = printed_of(&findings(&lb1[0], &lb2[0]), [&lb1, &lb2], |report, _, out| {
        lint_gitlab::print(report, &Redactor::new([8; 32]), Path::new("/repo"), out)
    });
    assert_eq!(prints(&text), prints(&shifted));
}

#[test]
fn junit_fails_what_is_denied() {
    let xml = |deny| printed(move |report, redactor, out| lint_junit::print(report, redactor, deny, out));
    assert_expected(&xml(Severity::Error), "junit.xml");
    for (deny, failures) in [(Severity::Error, 4), (Severity::Warning, 15), (Severity::Note, 16)] {
        assert_eq!(xml(deny).matches("<failure ").count(), failures);
    }
}

#[test]
fn without_findings_there_is_one_line_for_people_and_a_passing_case_for_junit() {
    let (lb1, lb2) = ([source("lb1.cfg")], [source("lb2.cfg")]);
    let clean = printed_of(&[], [&lb1, &lb2], human);
    assert_eq!(clean, "2 instances, 2 backends, 14 servers: nothing found                      (0.02 s)\n");
    let junit = printed_of(&[], [&lb1, &lb2], |report, redactor, out| {
        lint_junit::print(report, redactor, Severity::Error, out)
    });
    assert_eq!(junit.matches("<testcase name=\"no findings\"").count(), 2);
}

#[test]
fn one_file_read_as_two_instances_is_shown_once_with_the_names_of_both() {
    let (lb1, lb2) = ([source("lb1.cfg")], [source("lb1.cfg")]);
    let labels = vec![label(0, &lb1[0], "mehs", "unknown"), label(1, &lb2[0], "mehs", "unknown")];
    let found = finding(&UNKNOWN_SECTION, Severity::Error, "table `api` names no section", labels);
    let expected = "\
error[table-unknown-section]: table `api` names no section
    ╭─[lb1.cfg:22:63]
 21 │ backend api
 22 │     stick-table type string len 64 size 100k expire 30m peers mehs
    ·                                                               ────
    ·                                                          lb1, lb2: unknown
 23 │     stick on req.hdr(x-session)
    ╰────
  why: `peerctl explain table-unknown-section`

2 instances, 2 backends, 14 servers: 1 error, 0 warnings, 0 notes       (0.02 s)
";
    let shown = printed_of(&[found], [&lb1, &lb2], human);
    assert_eq!(shown, expected, "shown:\n{shown}");
}

#[test]
fn a_thousand_findings_are_rendered_for_people_in_a_fifth_of_a_second() {
    let (lb1, lb2) = ([source("lb1.cfg")], [source("lb2.cfg")]);
    let all: Vec<Finding> = (0..1000)
        .map(|n| {
            let name = format!("server api{:02}", n % 10 + 1);
            let labels = vec![label(0, &lb1[0], &name, "id 1"), label(1, &lb2[0], &name, "id 2, by position")];
            finding(&UNKNOWN_SECTION, Severity::Error, &format!("finding number {n}"), labels)
                .happens("Something that takes a line or two to say, so that the text has to be wrapped somewhere.")
                .help("do what is said here: `peerctl check-ids --fix lb1.cfg lb2.cfg`")
        })
        .collect();
    // The best of some: on a machine that does other things, the others say nothing.
    let timed = || {
        let start = Instant::now();
        let shown = printed_of(&all, [&lb1, &lb2], human);
        assert_eq!(shown.matches("finding number").count(), 1000);
        start.elapsed().as_secs_f64()
    };
    let seconds = (0..5).map(|_| timed()).fold(f64::INFINITY, f64::min);
    // The limit is that of a release build.
    let limit = if cfg!(debug_assertions) { 10.0 } else { 0.2 };
    assert!(seconds < limit, "{seconds} s");
    println!("{seconds:.3} s");
}
