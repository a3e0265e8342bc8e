//! Secrets planted where configurations hold them, and what is shown.

use std::time::{Duration, Instant};

use peerctl::{
    config::{Document, Environment, LineNo, Source},
    output::{
        diagnostic::{Diagnostic, Look},
        diff::Diff,
        redact::Redactor,
    },
};
use proptest::prelude::*;

#[path = "support/planted.rs"]
mod planted;

use planted::PLANTED;

/// Lines without secrets: they stay readable.
const HARMLESS: &[&str] = &[
    "global",
    "    user haproxy",
    "    group haproxy",
    "    stats socket /run/haproxy.sock mode 660 level admin",
    "    setenv PORT 8080",
    "    setenv LISTEN 10.0.0.1:80",
    "    stick-table type string len 32 size 1m expire 30m store gpc0,http_req_rate(10s) peers mesh",
    "    peer lb1 10.0.0.1:10000",
    "    server lb2 10.0.0.2:10000 ssl crt /etc/haproxy/key.pem ca-file ca.pem verify required verifyhost lb2.example",
    "    server token 10.0.0.1:80 check cookie token",
    "    server secret-api secret.example.com:443 id 12",
    "    bind :443 ssl crt /etc/haproxy/secret/tls.pem tls-ticket-keys /run/tickets",
    "    use_backend token if is_token",
    "    acl has_token req.hdr(x-token) -m found",
    "    acl token path /token",
    "    default_backend password",
    "    http-request auth realm Private unless { http_auth(users) }",
    "    http-request set-header X-Forwarded-Proto https",
    "    http-request track-sc0 req.hdr(authorization) table tokens if { path /login }",
    "    stick on req.cook(session)",
    "    cookie SESSION_TOKEN insert indirect nocache",
    "    lua-load /etc/haproxy/auth.lua",
    "    option httpchk GET /health",
    "    .if defined(API_TOKEN)",
    "    balance url_param token",
    "    http-request set-header X-Key-Id %[src]",
    "    log-format \"%ci:%cp [%tr] %ft %b/%s %TR/%Tw\"",
    "    # see https://example.com/a:b@c for the reason",
    "    # peers: lb1 and lb2; keys are in /etc/haproxy/tls",
    "# localpeer lb1",
];

fn document(text: impl Into<Vec<u8>>) -> Document {
    Document::parse(text.into()).expect("short")
}

fn redactor() -> Redactor {
    Redactor::new([42; 32])
}

#[test]
fn no_planted_secret_is_shown() {
    assert!(PLANTED.len() >= 60);
    for line in PLANTED {
        let document = document(format!("{line}\n"));
        let shown = redactor().line(&document, LineNo(0)).unwrap_or_else(|| panic!("nothing is hidden in {line:?}"));
        let shown = String::from_utf8(shown).expect("these are UTF-8");
        assert!(!shown.contains("CANARY") && !shown.contains("123456"), "{line:?} is shown as {shown:?}");
        assert!(shown.contains("‹redacted sha256:"), "{shown:?}");
        let starred = redactor().starred_line(&document, LineNo(0)).expect("it holds a secret");
        assert_eq!(starred.len(), line.len(), "the columns stay: {line:?}");
        assert!(!String::from_utf8_lossy(&starred).contains("CANARY"), "{line:?}");
        assert_eq!(Redactor::showing_all().line(&document, LineNo(0)), None);
    }
}

#[test]
fn what_is_no_secret_stays_readable() {
    for line in HARMLESS {
        let document = document(format!("{line}\n"));
        let shown = redactor().line(&document, LineNo(0));
        assert_eq!(shown.map(|s| String::from_utf8_lossy(&s).into_owned()), None, "{line:?}");
    }
}

#[test]
fn only_the_secret_is_hidden() {
    for (line, expected) in [
        ("    stats auth admin:x", "    stats auth admin:*"),
        ("  user b password xx groups g # note", "  user b password ** groups g # note"),
        (
            "  http-request set-header Authorization abc if { path / }",
            "  http-request set-header Authorization *** if { path / }",
        ),
        ("  http-check send hdr X-Key abc hdr Host www", "  http-check send hdr X-Key *** *** **** ***"),
        ("  option httpchk GET /?token=ab&x=y", "  option httpchk GET /?token=**&x=y"),
        ("  server a 1.2.3.4:80 # token=ab, see wiki", "  server a 1.2.3.4:80 # token=*** see wiki"),
        ("  acl ok hdr(authorization) -m str ab", "  acl ok hdr(authorization) -m str **"),
        ("  x req.body,hmac(sha256,ab),hex", "  x req.body,hmac(sha256,**),hex"),
        ("  x \"${DB_PASSWORD-ab}\"", "  x \"${DB_PASSWORD-**}\""),
        ("  log http://u:p@host/", "  log http://***@host/"),
    ] {
        let document = document(format!("{line}\n"));
        let starred = redactor().starred_line(&document, LineNo(0)).unwrap_or_default();
        assert_eq!(String::from_utf8_lossy(&starred), expected);
    }
}

#[test]
fn a_pem_block_in_comments_is_hidden_to_its_end() {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n#CANARYCANARY/CANARY+CANARY\n  # abc=\n";
    let text = format!("# -----BEGIN PRIVATE KEY-----\n# {body}# -----END PRIVATE KEY-----\nglobal\n  daemon\n");
    let document = document(text);
    let hidden: Vec<bool> = document.lines().map(|line| redactor().line(&document, line).is_some()).collect();
    assert_eq!(hidden, [true, true, true, true, false, false, false]);
}

#[test]
fn equal_secrets_look_alike_and_another_run_tells_nothing() {
    let document = document("stats auth a:one\nstats auth b:one\nstats auth c:two\n");
    let shown = |redactor: &Redactor| -> Vec<String> {
        let line = |line| String::from_utf8(redactor.line(&document, line).expect("a secret")).expect("UTF-8");
        document.lines().map(|l| line(l).split_once(':').expect("a colon").1.to_owned()).collect()
    };
    let first = shown(&redactor());
    assert_eq!(first[0], first[1]);
    assert_ne!(first[0], first[2]);
    assert_ne!(first[0], shown(&Redactor::new([43; 32]))[0]);
    assert_eq!(first[0].chars().count(), "‹redacted sha256:01234567›".chars().count());
}

#[test]
fn parameters_are_shown_without_their_secrets() {
    let words = ["check", "agent-send", "CANARY", "ssl", "x-token", "CANARY", "user"].map(str::as_bytes);
    let shown: Vec<_> =
        redactor().parameters(&words).into_iter().map(|w| String::from_utf8_lossy(&w).into_owned()).collect();
    assert!(shown[2].starts_with("‹redacted") && shown[5].starts_with("‹redacted"), "{shown:?}");
    assert_eq!(
        [&shown[0], &shown[1], &shown[3], &shown[4], &shown[6]],
        ["check", "agent-send", "ssl", "x-token", "user"]
    );
    assert_eq!(Redactor::showing_all().parameters(&words).concat(), words.concat());
    for first in ["password", "x-api-token"] {
        let words = [first, "CANARY"].map(str::as_bytes);
        assert!(redactor().parameters(&words)[1].starts_with("‹redacted".as_bytes()), "also as the first one: {first}");
    }
}

#[test]
fn what_another_program_quotes_is_hidden() {
    let text = "user bob password \"CANARY \\\"x\\\"\"\nstats auth admin:CANARY2\ndynamic-cookie-key CANARY3\n";
    let document = document(text);
    let said = "unknown keyword 'CANARY2' near 'CANARY \"x\"'\n  dynamic-cookie-key CANARY3\n  user x password OTHER\n";
    let environment: Environment = [("DB_PASSWORD", "SWORDFISH"), ("PORT", "8080")].into_iter().collect();
    let shown = redactor().texts(vec![said.to_owned(), "at SWORDFISH:8080".to_owned()], &[&document], &environment);
    assert!(shown[1].starts_with("at ‹redacted") && shown[1].ends_with("›:8080"), "{shown:?}");
    let shown = &shown[0];
    assert!(!shown.contains("CANARY") && !shown.contains("OTHER"), "{shown}");
    assert!(shown.starts_with("unknown keyword '‹redacted") && shown.ends_with("›\n"), "{shown}");
    let all = Redactor::showing_all().texts(vec![said.to_owned()], &[&document], &environment);
    assert_eq!(all, [said]);
}

#[test]
fn no_planted_secret_gets_into_a_diff_or_an_excerpt() {
    let old: String = PLANTED.iter().flat_map(|line| [line, "\n    # plain\n"]).collect();
    let redactor = redactor();
    // Every second line changes, so that every secret is a neighbour; then the secrets themselves go.
    for new in [old.replace("# plain", "# changed"), old.replace("CANARY", "KANARI")] {
        let (before, after) = (document(old.as_str()), document(new));
        let diff = Diff::new("a.cfg", &before, &after, &|document, line| redactor.line(document, line));
        assert!(!diff.is_empty());
        for shown in [String::from_utf8_lossy(&diff.patch()).into_owned(), diff.for_terminal(true)] {
            let leaks: Vec<&str> = shown.lines().filter(|l| l.contains("CANARY") || l.contains("KANARI")).collect();
            assert!(leaks.is_empty(), "{leaks:?}");
        }
    }
    let source = Source::new("a.cfg", document(old));
    let secrets = |document: &Document, line| redactor.spans(document, line);
    for line in source.document.lines() {
        let diagnostic = Diagnostic::error("it is").label(0, source.document.line_span(line), "here");
        let shown = diagnostic.render(&[&source], &Look { secrets: &secrets, ..Look::default() });
        assert!(!shown.contains("CANARY"), "{shown}");
    }
}

#[test]
fn a_long_argument_is_hidden_to_its_end() {
    let document = document(format!("x req.body,hmac(sha256,{}CANARY),hex\n", "k".repeat(3000)));
    let shown = redactor().line(&document, LineNo(0)).expect("a secret");
    assert!(shown.starts_with(b"x req.body,hmac(sha256,\xe2") && !shown.ends_with(b"CANARY),hex"), "{shown:?}");
}

#[test]
fn hostile_lines_take_no_time() {
    let pieces = [
        "hmac(",
        "((((",
        "tcp-check send ",
        "hdr(cookie) ",
        "cookie: ",
        "# a ",
        "token=",
        "eyJ",
        "http://a@",
        "Basic\\ ",
        "${TOKEN-",
        "password ",
    ];
    for piece in pieces {
        let times = 200_000 / piece.len();
        for start in ["", "# "] {
            let document = document(format!("{start}{}\n", piece.repeat(times)));
            let begin = Instant::now();
            let _ = redactor().line(&document, LineNo(0));
            assert!(begin.elapsed() < Duration::from_secs(5), "{start:?} {piece:?}: {:?}", begin.elapsed());
        }
    }
}

proptest! {
    /// The bytes that aren't secret stay as they are, and what is hidden lies within the line.
    #[test]
    fn any_line_can_be_redacted(words in prop::collection::vec(prop_oneof![
        "[ -~]{0,12}",
        prop::sample::select(PLANTED).prop_map(str::to_owned),
        prop::sample::select(HARMLESS).prop_map(str::to_owned),
        prop::collection::vec(any::<char>(), 0..6).prop_map(String::from_iter),
    ], 0..6)) {
        let document = document(words.join(" "));
        for line in document.lines() {
            let span = document.line_span(line);
            let mut end = span.start;
            for secret in redactor().spans(&document, line) {
                prop_assert!(!secret.is_empty() && end <= secret.start && secret.end <= span.end);
                end = secret.end;
            }
            if let Some(starred) = redactor().starred_line(&document, line) {
                prop_assert_eq!(starred.len(), document.line_text(line).len());
            }
        }
    }
}
