//! The aggregator's file: what `-c` takes, what it refuses, and where it says the mistakes are.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

mod support;

use support::Authority;

const GLOBAL: &str = "global\n  localpeer agg1\n  bind 127.0.0.1:10000\n";
const PEERS: &str = "  peer lb1 10.0.0.1:10000\n  peer lb2 10.0.0.2:10000\n";

/// A whole file whose only section has these lines, too.
fn with(lines: &str) -> String {
    format!("{GLOBAL}aggregations web\n  from any to .agg\n{PEERS}{lines}")
}

fn check_in(dir: &Path, text: &str, words: &[&str]) -> Output {
    run_in(dir, text, &[&["-c"], words].concat())
}

fn run_in(dir: &Path, text: &str, words: &[&str]) -> Output {
    fs::write(dir.join("agg.conf"), text).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    command.current_dir(dir).stdin(Stdio::null()).env("NODE", "10.0.0.3:10000").env_remove("NOBODY");
    command.args(["aggregate", "-f", "agg.conf"]).args(words).output().expect("peerctl runs")
}

fn check(text: &str) -> Output {
    check_in(tempfile::tempdir().expect("a folder").path(), text, &[])
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// It is valid; gives what was said on standard error.
fn valid(text: &str) -> String {
    let output = check(text);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{text}\n{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Configuration file is valid\n");
    said
}

/// It isn't, and the message and all places, as `line:column`, are these.
fn refused(text: &str, message: &str, places: &[&str]) {
    let output = check(text);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}\n{said}");
    assert_eq!(output.stdout, b"", "nothing is valid");
    assert!(said.contains(message), "`{message}` in\n{said}");
    // Places that are close stand in one frame, which is named by the later one.
    let framed = |place: &&str| said.contains(&format!("[agg.conf:{place}]"));
    let shown = |place: &&str| {
        let line = place.split(':').next().expect("a line");
        said.lines().any(|text| text.trim_start().starts_with(&format!("{line} │")))
    };
    assert!(places.last().is_none_or(&framed), "{places:?} in\n{said}");
    assert!(places.iter().all(|place| framed(place) || shown(place)), "{places:?} in\n{said}");
    assert_eq!(said.matches("error: ").count(), 1, "one mistake is told once:\n{said}");
    let started = run_in(tempfile::tempdir().expect("a folder").path(), text, &[]);
    assert_eq!(
        (started.status.code(), stderr(&started)),
        (Some(2), said),
        "it starts with no other file than it checks"
    );
}

#[test]
fn the_example_and_the_vendor_s_example_are_valid() {
    let example =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/aggregate.conf")).expect("readable");
    assert_eq!(valid(&example), "", "the example has nothing to warn of");
    let vendor = "global\n  stats socket /run/gpe.sock\n  cpu-map 1 2\n  hash-table size 10\n  trash-batch 100\n\
                  aggregations data\n  from any to .agg\n  peer gpe 127.0.0.1:10000 local\n  peer enterprise1 10.0.0.1:10000\n";
    let said = valid(vendor);
    assert_eq!(said.matches("warning: ").count(), 4, "{said}");
    for word in ["stats", "cpu-map", "hash-table", "trash-batch"] {
        assert!(said.contains(&format!("`{word}` has no meaning here")), "{said}");
    }
}

#[test]
fn every_line_is_read_in_all_its_forms() {
    for lines in [
        "  peer agg1 127.0.0.1:10000 local\n",
        "  peer agg1 127.0.0.1:10009 local\n",
        "  peer agg2 10.0.0.8:10000 standby\n  peer top top.example:10000 up\n  peer low unix@/run/low.sock down\n",
        "  data gpt0,gpt or\n  data gpc0,http_req_cnt sum on-reset monotonic\n  data http_req_rate max\n  data server_key none\n",
        "  publish min-interval 0 max-interval 500us\n",
        "  publish max-interval 5\n",
        "  stale drop-after 30s\n  start-grace 0\n  refresh off\n  teach-back on\n  lease agg/lease\n",
        "  stale stop\n  refresh 1h\n  peer lb3 \"${NODE}\"\n  peer lb4 \"${NOBODY-10.0.0.4:10000}\"\n",
        ".if defined(NOBODY)\n  nonsense\n.endif\n",
        "  peer lb3 10.0.0.3:10000 ssl verify none\n",
        "aggregations other\n  table st_src to st_src.sum\n  table agg/b to agg/c\n  peer x1 10.0.0.1:10001\n",
    ] {
        assert_eq!(valid(&with(lines)), "", "{lines}");
    }
}

#[test]
fn what_a_line_says_wrong_is_shown_where_it_stands() {
    for (line, message, column) in [
        ("  pear lb3 10.0.0.3:10000", "did you mean `peer`?", "8:3"),
        ("  frm any to .x", "did you mean `from`?", "8:3"),
        ("  peer lb3", "the line ends too early behind `peer`", "8:3"),
        ("  peer lb3 10.0.0.3", "`10.0.0.3`", "8:12"),
        ("  peer l/b 10.0.0.3:10000", "`l/b` is not a valid name", "8:8"),
        ("  peer lb3 10.0.0.3:10000 stanby", "did you mean `standby`?", "8:27"),
        ("  peer lb3 10.0.0.3:10000 ssl verify maybe", "`maybe` is none of `required`, `none`", "8:38"),
        ("  peer lb3 10.0.0.3:10000 ssl crt", "the line ends too early behind `crt`", "8:31"),
        ("  data gpc0,htp_req_rate max", "did you mean `http_req_rate`?", "8:13"),
        ("  data gpc0 maximum", "`maximum` is none of `sum`, `max`", "8:13"),
        ("  data gpc0 max on-reset monotonic", "`gpc0` can't be aggregated like that", "8:8"),
        ("  data http_req_rate or", "`http_req_rate` can't be aggregated like that", "8:8"),
        ("  data server_id max", "`server_id` can't be aggregated like that", "8:8"),
        ("  data gpc0,gpt,gpc0 max", "`gpc0` has two policies", "8:17"),
        ("  publish min-interval 2s", "", ""),
        ("  publish min-interval 2s max-interval 1s", "`min-interval` is longer than `max-interval`", "8:11"),
        ("  publish max-interval 0", "no time at all", "8:11"),
        ("  publish sometimes 1s", "`sometimes` is none of", "8:11"),
        ("  stale keep now", "`now` is one word too many behind `stale`", "8:14"),
        ("  refresh 10m5s", "`5s` behind the unit", "8:11"),
        ("  refresh 1ms", "can't be asked for everything that often", "8:11"),
        ("  refresh 90d", "too long", "8:11"),
        ("  teach-back perhaps", "`perhaps` is none of `on`, `off`", "8:14"),
        ("  lease lease.agg", "the lease would be a total", "8:9"),
        ("  dynamic-peers", "only peers that are listed are taken", "8:3"),
        ("  peer lb3 \"${NOBODY}\"", "an empty word", "8:12"),
        ("  peer \"lb3", "a double quote that is never closed", "8:8"),
        ("  from any to agg", "`agg` is no suffix of table names", "8:15"),
        ("  bind 127.0.0.1:1", "`bind` is no keyword of an aggregations section", "8:3"),
        (".if feature(OPENSSL)\n.endif", "a condition that only HAProxy can decide", "8:5"),
        ("peers mesh\n  peer a 1.2.3.4:5", "a `peers` section in the aggregator's file", "8:1"),
        ("aggregations", "a section without a name", "8:1"),
    ] {
        if message.is_empty() {
            valid(&with(&format!("{line}\n")));
        } else {
            refused(&with(&format!("{line}\n")), message, &[column]);
        }
    }
    for (line, message, place) in [
        ("  metrcs 127.0.0.1:1", "did you mean `metrics`?", "4:3"),
        ("  metrics 70000", "can't be listened on", "4:11"),
        ("  control /run/x mode 9", "`9` is no mode", "4:23"),
        ("  bind 127.0.0.1:1 use_aggrs web", "`use_aggrs` is unknown on a `bind` line", "4:20"),
    ] {
        let text = with("").replacen("  bind 127.0.0.1:10000\n", &format!("  state-file /x\n{line}\n"), 1);
        refused(&text, message, &[place]);
    }
    refused(&format!("gobal\n{}", with("")), "did you mean `global`?", &["1:1"]);
    refused(with("").trim_end(), "no newline at the end of the file", &["7:26"]);
}

#[test]
fn what_doesn_t_go_together_is_shown_in_both_places() {
    for (lines, message, places) in [
        ("  peer agg2 127.0.0.1:10000 local\n", "two names for ourselves: `agg1` and `agg2`", ["2:13", "8:8"]),
        ("  peer agg1 10.0.0.9:10000\n", "peer `agg1` is ourselves", ["2:13", "8:8"]),
        ("  peer lb1 10.0.0.3:10000\n", "two peers are called `lb1`", ["6:8", "8:8"]),
        ("  peer lb3 10.0.0.1:10000\n", "peers `lb1` and `lb3` have one address", ["6:12", "8:12"]),
        ("  peer agg1 127.0.0.1:9 local\n  peer x 127.0.0.1:9\n", "`127.0.0.1:9` is our own address", ["8:13", "9:10"]),
        ("  stale keep\n  stale stop\n", "`stale` twice in one section", ["8:9", "9:9"]),
        ("  from any to .sum\n", "`from` twice in one section", ["5:8", "8:8"]),
        ("  table a to b\n", "both a suffix and names say which tables are meant", ["5:8", "8:9"]),
        (
            "aggregations web\n  from any to .x\n  peer x 10.0.0.5:1\n",
            "two sections are called `web`",
            ["4:14", "8:14"],
        ),
        (
            "aggregations b\n  from any to .x\n  peer lb9 10.0.0.1:10000\n",
            "sections `web` and `b` call one address",
            ["6:12", "10:12"],
        ),
        (
            "aggregations b\n  from any to .x\n  peer lb1 10.0.0.1:10001\n",
            "when `lb1` calls, nobody knows which of its sections is meant",
            ["6:8", "10:8"],
        ),
    ] {
        refused(&with(lines), message, &places);
    }
    let many: String = (3..66).map(|n| format!("  peer lb{n} 10.0.0.{n}:10000\n")).collect();
    refused(&with(&many), "section `web` has 65 sources; 64 are the most", &["70:8"]);
    let standby = many.replace("lb65 10.0.0.65:10000\n", "agg2 10.0.0.65:10000 standby\n");
    refused(&with(&standby), "section `web` has 65 peers; 64 are the most", &["70:8"]);
    let global = with("").replacen("localpeer agg1\n", "localpeer agg1\n  localpeer agg2\n", 1);
    refused(&global, "`localpeer` twice in one section", &["2:13", "3:13"]);
}

#[test]
fn a_name_may_be_in_two_sections_where_each_has_its_own_listener() {
    let own = "aggregations b\n  from any to .x\n  peer agg1 127.0.0.1:10001 local\n  peer lb1 10.0.0.1:10001\n";
    assert_eq!(valid(&with(own)), "");
}

#[test]
fn totals_that_come_back_as_sources_are_refused() {
    let section = |lines: &str| format!("{GLOBAL}aggregations web\n{lines}{PEERS}");
    for (lines, message) in [
        ("  from .agg to .agg\n", "`from` and `to` are the same"),
        ("  from .agg to .x.agg\n", "the total would be a source again"),
        ("  from .x.agg to .agg\n", "the source would be taken for a total"),
        ("  table a to a\n", "the total would be written over its own source"),
        ("  table a to b\n  table b to c\n", "a total is a source again"),
        ("  table a to b\n  table /b to c\n", "a total is a source again"),
    ] {
        refused(&section(lines), message, &["5:8"].map(|p| if lines.contains("table") { "5:9" } else { p }));
    }
    refused(&section("  table a to b\n  table a to c\n"), "one table is added up into two", &["5:9", "6:9"]);
    refused(&section("  table a to c\n  table b to c\n"), "two tables are added up into one", &["5:9", "6:9"]);
    refused(&section("  table a to c\n  table /b to /c\n"), "two tables are added up into one", &["5:9", "6:9"]);
    refused(&section("  table a to b\n  table /a to /c\n"), "one table is added up into two", &["5:9", "6:9"]);
    refused(&section("  table lease to sum\n  lease lease\n"), "the lease would be added up", &["6:9"]);
    let levels = |last: &str| {
        format!(
            "{GLOBAL}aggregations a\n  from .l1 to .l2\n  peer a1 10.0.0.1:1 down\naggregations b\n  from .l2 to .l3\n  \
             peer b1 10.0.0.2:1 down\naggregations c\n  from .l3 to {last}\n  peer c1 10.0.0.3:1 down\n"
        )
    };
    assert_eq!(valid(&levels(".l4")), "");
    refused(&levels(".l1"), "the totals of `a` come back to it as sources, over `c`", &["5:8", "11:8"]);
}

#[test]
fn what_is_missing_is_said() {
    refused(GLOBAL, "there is no aggregations section", &["1:1"]);
    refused(&with("").replacen("  localpeer agg1\n", "", 1), "nothing says our own name", &["1:1"]);
    refused(&with("").replacen("  from any to .agg\n", "", 1), "`web` doesn't say which tables", &["4:14"]);
    refused(
        &with("").replacen(PEERS, "  peer agg2 10.0.0.8:1 standby\n", 1),
        "`web` has nobody to learn from",
        &["4:14"],
    );
    let nodes = |count: usize| (3..=count).map(|n| format!("  peer lb{n} 10.0.1.{n}:10000\n")).collect::<String>();
    assert_eq!(valid(&with(&nodes(64))), "");
    refused(&with(&nodes(65)), "section `web` has 65 sources; 64 are the most", &["70:8"]);
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let text = with("  stale kep\n  lease 'a b'\n").replacen("localpeer", "localper", 1);
    let output = check(&text);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2));
    let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text} in\n{said}"));
    assert!(at("`localper`") < at("`kep`") && at("`kep`") < at("`a b`"), "{said}");
    assert_eq!(said.matches("error: ").count(), 3, "{said}");
}

#[test]
fn plain_listeners_that_others_can_reach_have_to_be_asked_for() {
    let text = with("").replacen("127.0.0.1:10000", "0.0.0.0:10000", 1);
    refused(&text, "would take plain calls from other machines", &["3:8"]);
    let dir = tempfile::tempdir().expect("a folder");
    assert_eq!(check_in(dir.path(), &text, &["--insecure-plaintext"]).status.code(), Some(0));
    refused(&with("  peer agg1 :10001 local\n"), "would take plain calls from other machines", &["8:13"]);
}

#[test]
fn certificates_are_read_and_checked_with_the_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    fs::copy(authority.certificate(), dir.path().join("ca.pem")).expect("copied");
    fs::copy(authority.issue("agg1"), dir.path().join("agg1.pem")).expect("copied");
    let tls = "ssl crt agg1.pem ca-file ca.pem verify required";
    let text = with("").replacen("127.0.0.1:10000", &format!("0.0.0.0:10000 {tls}"), 1);
    let text = text.replacen("10.0.0.1:10000", &format!("10.0.0.1:10000 {tls} verifyhost lb1.example weight 3"), 1);
    let output = check_in(dir.path(), &text, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("`weight` has no meaning here"), "{}", stderr(&output));

    let unchecked = text.replacen(
        "0.0.0.0:10000 ssl crt agg1.pem ca-file ca.pem verify required",
        "0.0.0.0:10000 ssl crt agg1.pem",
        1,
    );
    let output = check_in(dir.path(), &unchecked, &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("callers aren't checked"), "{}", stderr(&output));

    fs::copy(dir.path().join("ca.pem"), dir.path().join("keyless.pem")).expect("copied");
    for (wrong, code, message) in
        [("crt nope.pem", 3, "nope.pem"), ("crt keyless.pem", 2, "a certificate without its key")]
    {
        let output = check_in(dir.path(), &text.replacen("crt agg1.pem", wrong, 1), &[]);
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(stderr(&output).contains(message) && stderr(&output).contains("[agg.conf:3:8]"), "{}", stderr(&output));
    }
    let no_ca = text.replacen("ca-file ca.pem verify required", "verify required", 1);
    let output = check_in(dir.path(), &no_ca, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no `ca-file` says with what"), "{}", stderr(&output));
}

#[test]
fn the_short_form_needs_a_name_peers_and_tables() {
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
        let output = command.arg("aggregate").args(words).stdin(Stdio::null()).output().expect("peerctl runs");
        (output.status.code(), stderr(&output))
    };
    let node = "lb1=10.0.0.1:10000";
    for (words, message) in [
        (&[][..], "nothing says our own name"),
        (&["-L", "agg1"], "nobody to learn from"),
        (&["-L", "agg1", node], "nothing says which tables are added up"),
        (&["-L", "agg1", node, "--table", "a"], "no `=` between source and total"),
        (&["-L", "agg1", node, "--table", "a=a"], "a total is a source, too"),
        (&["-L", "agg1", node, "--table", "a=b", "--table", "c=b"], "a table is given twice"),
        (&["-L", "lb1", node, "--table", "a=b"], "would be both HAProxy's name and ours"),
        (&["-L", "agg1", node, "--table", "a=b", "--listen", ":10000"], "would take plain calls from other machines"),
        (&["-f", "x", "-L", "agg1"], "cannot be used with"),
        (&["-c"], "--file"),
        (&["-f", "/nonexistent/agg.conf", "-c"], "there is no file"),
    ] {
        let (code, said) = run(words);
        let expected = if words.contains(&"/nonexistent/agg.conf") { 3 } else { 2 };
        assert!(code == Some(expected) && said.contains(message), "{words:?}: {code:?} {said}");
    }
}
