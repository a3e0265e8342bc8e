//! `peerctl table set` and `table list` as a user runs them: which bytes change, which don't, what is refused, and how.

use std::{fs, path::PathBuf, process::Output};

use assert_cmd::Command;
use tempfile::TempDir;

/// Two instances in a folder of their own. Nothing in it is UTF-8 by accident, or indented alike.
struct Site(TempDir);

const LB1: &[u8] = b"\
global
    localpeer lb1
peers mesh
    peer lb1 127.0.0.1:10001
    peer lb2 127.0.0.1:10002
    table t1 type string len 64 size 1m expire 30m nopurge   # caf\xe9
peers empty
backend shop
\tstick-table  type ip size 1k\texpire 30m store gpc0,http_req_rate(10s)\t# caf\xe9
    stick on src
backend api
    stick-table type string size 1k peers mesh\r
";

impl Site {
    fn new() -> Self {
        let site = Self(tempfile::tempdir().expect("a folder"));
        fs::write(site.path("lb1.cfg"), LB1).expect("written");
        let text = String::from_utf8_lossy(LB1).into_owned();
        fs::write(site.path("lb2.cfg"), text.replace("localpeer lb1", "localpeer lb2")).expect("written");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("a file")
    }

    /// Runs `peerctl table …` where no HAProxy is found, so that the rules of 3.2 hold.
    fn table(&self, words: &[&str]) -> Output {
        let mut command = Command::cargo_bin("peerctl").expect("built");
        command.current_dir(self.0.path()).env_clear().env("PATH", "/nowhere").arg("table").args(words);
        command.output().expect("it runs")
    }

    fn set(&self, words: &[&str]) -> Output {
        self.table(&[&["set"], words].concat())
    }

    /// Runs `table set`, which has to be refused, and leaves all files as they were.
    fn refused(&self, words: &[&str]) -> String {
        let files = [self.read("lb1.cfg"), self.read("lb2.cfg")];
        let output = self.set(words);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {message}");
        assert!(output.stdout.is_empty(), "{words:?}: what is refused is said on standard error");
        assert_eq!([self.read("lb1.cfg"), self.read("lb2.cfg")], files, "{words:?}: nothing is written");
        message
    }
}

/// `text` with one place changed, which has to be there just once.
fn with(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<usize> = text.windows(from.len()).enumerate().filter(|(_, w)| *w == from).map(|(n, _)| n).collect();
    let [at] = places[..] else { panic!("{} places of {}", places.len(), String::from_utf8_lossy(from)) };
    [&text[..at], to, &text[at + from.len()..]].concat()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn only_the_words_that_were_named_change() {
    let cases: [(&[&str], &[u8], &[u8]); 16] = [
        (&["shop", "--size", "2k"], b"size 1k\t", b"size 2k\t"),
        (&["shop", "--expire", "1h"], b"expire 30m store", b"expire 1h store"),
        (&["shop", "--peers", "mesh"], b"rate(10s)\t# ", b"rate(10s) peers mesh\t# "),
        (&["shop", "--store", "gpc1"], b"gpc0,http_req_rate(10s)", b"gpc1"),
        (&["shop", "--store", ""], b" store gpc0,http_req_rate(10s)", b""),
        (
            &["shop", "--add-store", "http_req_rate(1m),gpc1"],
            b"gpc0,http_req_rate(10s)",
            b"gpc0,http_req_rate(1m),gpc1",
        ),
        (&["shop", "--remove-store", "http_req_rate"], b"gpc0,http_req_rate(10s)", b"gpc0"),
        (
            &["shop", "--remove-store", "gpc0", "--remove-store", "http_req_rate"],
            b" store gpc0,http_req_rate(10s)",
            b"",
        ),
        (&["shop", "--type", "string", "--len", "9"], b"type ip size", b"type string len 9 size"),
        (&["t1", "--no-nopurge"], b" nopurge   # ", b"   # "),
        (&["/t1", "--len", "32"], b"len 64", b"len 32"),
        (&["mesh/t1", "--type", "ip"], b"type string len 64", b"type ip"),
        (&["mesh/t1", "--type", "binary"], b"type string len 64", b"type binary len 64"),
        (&["api", "--no-peers"], b" peers mesh\r", b"\r"),
        (&["api", "--srvkey", "addr", "--nopurge", "--recv-only"], b"mesh\r", b"mesh nopurge recv-only srvkey addr\r"),
        (
            &["api", "--write-to", "t1", "--len", "64"],
            b"string size 1k peers mesh\r",
            b"string len 64 size 1k peers mesh write-to mesh/t1\r",
        ),
    ];
    for (words, from, to) in cases {
        let site = Site::new();
        let output = site.set(&[&words[..1], &["lb1.cfg"], &words[1..]].concat());
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", text(&output.stderr));
        let (seen, expected) = (site.read("lb1.cfg"), with(LB1, from, to));
        assert_eq!(text(&seen), text(&expected), "{words:?}");
        assert_eq!(seen, expected, "{words:?}");
    }
}

#[test]
fn a_second_run_changes_nothing_and_touches_no_file() {
    let site = Site::new();
    let words = ["--all", "lb1.cfg", "lb2.cfg", "--expire", "5m", "--add-store", "gpc1", "--remove-store", "gpc0"];
    let check = site.set(&[&words[..], &["--check"]].concat());
    assert_eq!(check.status.code(), Some(1), "{}", text(&check.stderr));
    assert_eq!(site.read("lb1.cfg"), LB1, "--check writes nothing");
    assert_eq!(site.set(&words).status.code(), Some(0));
    let state = |name: &str| {
        let metadata = fs::metadata(site.path(name)).expect("a file");
        (metadata.modified().expect("a time"), site.read(name))
    };
    let before = [state("lb1.cfg"), state("lb2.cfg")];
    assert_ne!(before[0].1, LB1);
    let again = site.set(&words);
    assert_eq!(again.status.code(), Some(0));
    assert!(text(&again.stdout).contains("nothing to do"), "{}", text(&again.stdout));
    assert_eq!([state("lb1.cfg"), state("lb2.cfg")], before);
    assert_eq!(site.set(&[&words[..], &["--check"]].concat()).status.code(), Some(0));
}

#[test]
fn what_is_there_already_in_other_words_is_left_alone() {
    let site = Site::new();
    for words in [
        &["shop", "--size", "1024", "--expire", "1800s", "--srvkey", "name", "--no-recv-only", "--no-peers"][..],
        &["shop", "--store", "http_req_rate(10000),gpc0", "--no-nopurge"],
        &["shop", "--add-store", "gpc0", "--remove-store", "gpc1", "--type", "ipv4"],
        &["api", "--len", "31", "--expire", "0", "--peers", "mesh"],
        &["t1", "--peers", "mesh"],
    ] {
        let output = site.set(&[&words[..1], &["lb1.cfg", "--check"], &words[1..]].concat());
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}{}", text(&output.stdout), text(&output.stderr));
    }
}

#[test]
fn what_cannot_be_done_is_refused_with_the_place_and_a_way_out() {
    let site = Site::new();
    for (words, message) in [
        (&["nix", "lb1.cfg", "--size", "1k"][..], "no stick table `nix`"),
        (&["shop", "lb1.cfg"], "nothing to change"),
        (&["lb1.cfg", "lb2.cfg", "--size", "1k"], "`lb1.cfg` is a file"),
        (&["shop", "lb1.cfg", "--size", "1kb"], "--size: "),
        (&["shop", "lb1.cfg", "--size", "-5"], "--size: "),
        (&["shop", "lb1.cfg", "--expire", "1h30m"], "--expire: "),
        (&["shop", "lb1.cfg", "--type", "string len 64"], "--type string --len N"),
        (&["shop", "lb1.cfg", "--store", "gpc0,gpc0"], "--store: "),
        (&["shop", "lb1.cfg", "--remove-store", "gcp0"], "--remove-store: `gcp0` is no data type"),
        (&["shop", "lb1.cfg", "--len", "5"], "lb1.cfg:9:2"),
        (&["shop", "lb1.cfg", "--add-store", "gpc(2)"], "--remove-store gpc0"),
        (&["shop", "lb1.cfg", "--peers", "nix"], "`mesh`, `empty`"),
        (&["shop", "lb1.cfg", "--peers", "empty"], "no peer"),
        (&["t1", "lb1.cfg", "--no-peers"], "always travels through `mesh`"),
        (&["t1", "lb1.cfg", "--peers", "empty"], "no peer"),
        (&["shop", "lb1.cfg", "--write-to", "api"], "its keys are of another type"),
        (&["shop", "lb1.cfg", "--write-to", "shop"], "it is the table itself"),
        (&["shop", "lb1.cfg", "--write-to", "nix"], "no stick table `nix`"),
    ] {
        let said = site.refused(words);
        assert!(said.contains(message), "{words:?}: `{message}` in {said}");
    }
    for words in [
        &["--size", "1k"][..],
        &["shop", "--peers", "a", "--no-peers"],
        &["shop", "--srvkey", "id"],
        &["shop", "--add-store", ""],
        &["shop", "--store", "gpc0", "--add-store", "gpc1"],
    ] {
        site.refused(words);
    }
}

#[test]
fn a_table_that_one_instance_lacks_stops_them_all() {
    let site = Site::new();
    fs::write(site.path("lb2.cfg"), "backend other\n    stick-table type ip size 1k\n").expect("written");
    let said = site.refused(&["shop", "lb1.cfg", "lb2.cfg", "--size", "2k"]);
    assert!(said.contains("lb2") && said.contains("`other`"), "{said}");
}

#[test]
fn what_depends_on_the_environment_or_on_a_condition_is_left_to_people() {
    let lines = [
        ("stick-table type ip size \"$SIZE\"", "--size=3k", "from the environment"),
        ("stick-table type ip size 1k peers \"$P\"", "--no-peers", "from the environment"),
        ("stick-table type \"$T\" size 1k", "--len=5", "from the environment"),
        ("stick-table type ip size 1k \"\" expire 1m", "--size=3k", "empty"),
        ("stick-table type ip size 1k \"expire", "--size=3k", "t.cfg"),
    ];
    let site = Site::new();
    let set = |text: &str, option: &str| {
        fs::write(site.path("t.cfg"), text).expect("written");
        let words = ["t", "t.cfg", option, "--env", "SIZE=1k", "--env", "P=mesh", "--env", "T=string"];
        (site.set(&words), fs::read_to_string(site.path("t.cfg")).expect("a file"))
    };
    let head = "peers mesh\n    peer lb1 127.0.0.1:10001\nbackend t\n";
    for (line, option, message) in lines {
        let before = format!("{head}    {line}\n");
        let (output, after) = set(&before, option);
        assert_eq!((output.status.code(), &after), (Some(2), &before), "{line}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(message), "{line}: {}", text(&output.stderr));
    }
    let conditional = |condition: &str| format!("{head}.if {condition}\n    stick-table type ip size 1k\n.endif\n");
    let (output, after) = set(&conditional("feature(OPENSSL)"), "--size=3k");
    assert_eq!((output.status.code(), after), (Some(2), conditional("feature(OPENSSL)")), "nobody knows this");
    let (output, after) = set(&conditional("1"), "--size=3k");
    assert_eq!((output.status.code(), after), (Some(0), conditional("1").replace("1k", "3k")), "a branch that is read");
    // What stands beside a reference can be changed, and new words keep clear of it.
    let (_, after) = set(&format!("{head}    stick-table type ip size \"$SIZE\" # why\n"), "--expire=5m");
    assert_eq!(after, format!("{head}    stick-table type ip expire 5m size \"$SIZE\" # why\n"));
}

#[test]
fn repeated_arguments_change_where_they_count() {
    let site = Site::new();
    for (line, option, expected) in [
        ("size 1k type ip size 2k", "--size=3k", "size 1k type ip size 3k"),
        ("peers mesh type ip size 2k peers mesh", "--no-peers", "type ip size 2k"),
        ("nopurge type ip nopurge size 2k", "--no-nopurge", "type ip size 2k"),
        ("type string len 5 type ip size 1k", "--type=string", "type string len 5 type string size 1k"),
        ("type ip store gpc0 size 1k store gpc1", "--store=conn_cnt", "type ip size 1k store conn_cnt"),
        (
            "type ip store gpc0 size 1k store gpc1,",
            "--add-store=conn_cnt",
            "type ip store gpc0 size 1k store gpc1,conn_cnt",
        ),
        (
            "type ip store gpc0 size 1k store gpc1,conn_cnt",
            "--remove-store=gpc0,gpc1",
            "type ip size 1k store conn_cnt",
        ),
        ("type ip size 1k store", "--expire=5m", "type ip size 1k expire 5m store"),
        ("type ip size 1k store", "--add-store=gpc0", "type ip size 1k store gpc0"),
    ] {
        let text_of =
            |line: &str| format!("peers mesh\n    peer lb1 127.0.0.1:10001\nbackend t\n    stick-table {line}\n");
        fs::write(site.path("t.cfg"), text_of(line)).expect("written");
        let output = site.set(&["t", "t.cfg", option]);
        let after = fs::read_to_string(site.path("t.cfg")).expect("a file");
        assert_eq!(
            (output.status.code(), after),
            (Some(0), text_of(expected)),
            "{line}: {option}: {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn people_are_told_what_peers_will_not_tell_them() {
    let site = Site::new();
    for (words, message) in [
        (&["api", "lb1.cfg", "--type", "ip"][..], "starts empty"),
        (&["api", "lb1.cfg", "--no-peers"], "replicates no more"),
        (&["shop", "lb1.cfg", "--peers", "mesh"], "overwrite each other's counts"),
        (&["shop", "lb1.cfg", "--remove-store", "server_id"], "a `stick` rule asks for it"),
        (&["shop", "lb1.cfg", "--remove-store", "http_req_rate(5s)"], "not http_req_rate(5s): left alone"),
        (&["--all", "lb1.cfg", "--no-peers"], "always travels through `mesh`"),
        (&["shop", "x9=lb1.cfg", "--peers", "mesh", "-L", "x9"], "HAProxy drops the section"),
    ] {
        let output = site.set(&[words, &["--check"]].concat());
        let said = text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(message), "{words:?}: `{message}` in {said}{}", text(&output.stderr));
    }
}

#[test]
fn tables_are_listed_for_people_and_for_programs() {
    let site = Site::new();
    let people = site.table(&["list", "lb1.cfg"]);
    let expected = "\
NAME     TYPE        SIZE  EXPIRE  PEERS  STORE                                OPTIONS  LINE
api      string(31)    1k   never  mesh   –                                             12
mesh/t1  string(64)    1m     30m  mesh   –                                    nopurge  6
shop     ip            1k     30m  –      server_id*,gpc0,http_req_rate(10s),           9
                                          server_key*
* added by a `stick` rule, not by `store`
";
    assert_eq!((people.status.code(), text(&people.stdout)), (Some(0), expected.to_owned()));
    let programs = site.table(&["list", "b=lb2.cfg", "a=lb1.cfg", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_slice(&programs.stdout).expect("JSON");
    let names: Vec<_> = document["instances"].as_array().expect("an array").iter().map(|i| &i["name"]).collect();
    assert_eq!(
        (&document["version"], names),
        (&serde_json::json!(1), vec![&serde_json::json!("a"), &serde_json::json!("b")])
    );
    assert_eq!(
        document["instances"][0]["tables"][0],
        serde_json::json!({
            "name": "api", "file": "lb1.cfg", "line": 12, "type": "string", "len": 31, "size": 1024, "expire_ms": 0,
            "nopurge": false, "recv_only": false, "peers": "mesh", "srvkey": "name", "write_to": null, "store": [],
        })
    );
}

#[test]
fn a_line_that_the_version_refuses_is_listed_with_a_note() {
    let site = Site::new();
    fs::write(site.path("t.cfg"), "backend t\n    stick-table type ip size 1k recv-only\n").expect("written");
    let note = |version: &str| text(&site.table(&["list", "t.cfg", "--haproxy-version", version]).stderr);
    assert_eq!(note("3.2"), "");
    assert!(note("2.6").contains("t.cfg:2:") && note("2.6").contains("recv-only"), "{}", note("2.6"));
    assert_eq!(site.table(&["list", "t.cfg", "--haproxy-version", "new"]).status.code(), Some(2));
    assert_eq!(site.table(&["list", "missing.cfg"]).status.code(), Some(3));
}
