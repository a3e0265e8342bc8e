//! What `peerctl generate` prints, given to real HAProxy: checked in all combinations of options, started, connected over
//! TLS, reloaded.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

mod support;

use support::{Haproxy, Network, Running, haproxies, self_signed_certificate, wait_until};

const TABLE: &str = "limits type ip size 1k expire 10m store gpc0";

fn peerctl(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_peerctl")).arg("generate").args(words).output().expect("peerctl runs")
}

/// A section, and nothing on standard error.
fn generate(words: &[&str]) -> String {
    let output = peerctl(words);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words:?}");
    assert_eq!(output.status.code(), Some(0), "{words:?}");
    let section = String::from_utf8(output.stdout).expect("text");
    assert!(section.starts_with("peers mesh\n"), "the header comes first: {section}");
    assert!(section.lines().skip(1).all(|line| line.starts_with("  ")), "one section and nothing else: {section}");
    section
}

/// A configuration around a section, with a table that travels through it.
fn around(section: &str, local: &str) -> String {
    format!(
        "global\n  localpeer {local}\n\n{section}\nbackend shop\n  stick-table type ip size 1k peers mesh store gpc0\n"
    )
}

/// HAProxy takes it and has nothing to say.
fn accepts(haproxy: &Haproxy, dir: &Path, section: &str, words: &[&str]) {
    fs::write(dir.join("haproxy.cfg"), around(section, "lb1")).expect("written");
    let check = haproxy.check_in(dir, &["haproxy.cfg"], None, &[]);
    let said = [check.warnings(), check.alerts()].concat();
    assert!(check.valid() && said.is_empty(), "{} takes what {words:?} prints: {check:?}\n{section}", haproxy.branch());
}

#[test]
fn haproxy_takes_every_combination_of_options() {
    let dir = tempfile::tempdir().expect("a folder");
    self_signed_certificate(dir.path());
    let peers: [&[&str]; 5] = [
        &["--peer", "lb1=127.0.0.1:10001"],
        &["--peer", "lb1=127.0.0.1:10001", "--peer", "lb2=127.0.0.1:10002"],
        &["--peer", "lb2=localhost:10002", "--peer", "lb1=*:10001", "--peer", "lb.3-x_y:z=[::1]:10003"],
        &["--peer", "lb1=[::1]:10001", "--peer", "lb2=::1:10002", "--peer", "lb3=ipv6@[::1]:10003"],
        &["--peer", "lb1=unix@lb1.sock", "--peer", "lb2=unix@/run/lb2.sock", "--peer", "lb3=abns@lb3"],
    ];
    let styles: [&[&str]; 6] = [
        &[],
        &["-L", "lb1"],
        &["-L", "lb1", "--style", "server"],
        &["-L", "lb1", "--ssl", "--crt", "tls.pem", "--verify", "none"],
        &["-L", "lb1", "--ssl", "--crt", "tls.pem", "--ca-file", "tls.pem"],
        &[
            "-L",
            "lb1",
            "--ssl",
            "--crt",
            "tls.pem",
            "--ca-file",
            "tls.pem",
            "--verify",
            "required",
            "--verifyhost",
            "lb1=localhost",
        ],
    ];
    let extras: [&[&str]; 4] = [
        &[],
        &["--shards", "1"],
        &["--table", TABLE],
        &[
            "--table",
            TABLE,
            "--table",
            "'a table' type string len 40 size 2k nopurge srvkey addr store 'gpc0,http_req_rate(10s)'",
        ],
    ];
    for haproxy in haproxies() {
        for peers in peers {
            for style in styles {
                for extra in extras {
                    let words = [&["mesh"], peers, style, extra].concat();
                    let shards = words.contains(&"--shards");
                    if !shards || haproxy.version >= SHARDS && words.contains(&"-L") {
                        accepts(&haproxy, dir.path(), &generate(&words), &words);
                    }
                }
            }
        }
    }
}

/// The first version that knows `shards`.
const SHARDS: (u16, u16, u16) = (2, 7, 0);

#[test]
fn file_names_are_quoted_where_they_need_it() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::rename(self_signed_certificate(dir.path()), dir.path().join("it's #1.pem")).expect("renamed");
    let words =
        ["mesh", "--peer", "lb1=127.0.0.1:10001", "-L", "lb1", "--ssl", "--crt", "it's #1.pem", "--verify", "none"];
    for haproxy in haproxies() {
        accepts(&haproxy, dir.path(), &generate(&words), &words);
    }
}

#[test]
fn a_started_process_lists_the_peers() {
    let peers = ["mesh", "--peer", "lb1=127.0.0.1:10001", "--peer", "lb2=127.0.0.1:10002", "--table", TABLE];
    let styles: [&[&str]; 2] = [&[], &["-L", "lb1", "--style", "server"]];
    for haproxy in haproxies() {
        for style in styles {
            let (dir, network) = (tempfile::tempdir().expect("a folder"), Network::new());
            let section = generate(&[&peers, style].concat());
            fs::write(dir.path().join("lb1.cfg"), around(&section, "lb1")).expect("written");
            let lb1 = haproxy.start(&network, dir.path(), &["lb1.cfg"], None);
            let shown = lb1.cli("show peers");
            for expected in ["id=mesh ", "id=lb1(local", "id=lb2(remote", ":10002", "id=shop ", "/limits "] {
                assert!(shown.contains(expected), "{} shows {expected}\n{section}\n{shown}", haproxy.branch());
            }
        }
    }
}

/// Both sides of a TLS section, from the same two peers.
fn start_tls<'a>(haproxy: &'a Haproxy, network: &'a Network, dir: &Path, local: &str) -> Running<'a> {
    let tls = [
        "--ssl",
        "--crt",
        "tls.pem",
        "--ca-file",
        "tls.pem",
        "--verifyhost",
        "lb1=localhost",
        "--verifyhost",
        "lb2=localhost",
    ];
    let peers =
        ["mesh", "--peer", "lb1=127.0.0.1:10001", "--peer", "lb2=127.0.0.1:10002", "--table", TABLE, "-L", local];
    let file = format!("{local}.cfg");
    fs::write(dir.join(&file), around(&generate(&[&peers[..], &tls].concat()), local)).expect("written");
    haproxy.start(network, dir, &[&file], None)
}

#[test]
fn two_processes_reach_each_other_over_tls() {
    for haproxy in haproxies() {
        let (dir, network) = (tempfile::tempdir().expect("a folder"), Network::new());
        self_signed_certificate(dir.path());
        let lb1 = start_tls(&haproxy, &network, dir.path(), "lb1");
        let lb2 = start_tls(&haproxy, &network, dir.path(), "lb2");
        lb1.set_entry("mesh/limits", "10.0.0.1", "data.gpc0 1");
        lb2.set_entry("shop", "10.0.0.2", "data.gpc0 2");
        for (at, table, key) in [(&lb2, "mesh/limits", "10.0.0.1"), (&lb1, "shop", "10.0.0.2")] {
            wait_until(&format!("{key} is in {table}"), || at.entries(table).get(key).cloned());
        }
    }
}

#[test]
fn a_reload_over_tls_keeps_the_tables() {
    for haproxy in haproxies() {
        let (dir, network) = (tempfile::tempdir().expect("a folder"), Network::new());
        self_signed_certificate(dir.path());
        let mut lb1 = start_tls(&haproxy, &network, dir.path(), "lb1");
        wait_until("all that can be learnt is learnt", || lb1.is_synchronised().then_some(()));
        lb1.set_entry("mesh/limits", "10.0.0.1", "data.gpc0 1");
        lb1.reload(&["lb1.cfg"]).wait();
        wait_until("all that can be learnt is learnt", || lb1.is_synchronised().then_some(()));
        assert!(lb1.entries("mesh/limits").contains_key("10.0.0.1"), "{} hands the entry over", haproxy.branch());
    }
}

#[test]
fn each_peer_gets_its_part_of_the_keys_and_a_reload_all_of_them() {
    const KEYS: usize = 60;
    for haproxy in haproxies().iter().filter(|haproxy| haproxy.version >= SHARDS) {
        let (dir, network) = (tempfile::tempdir().expect("a folder"), Network::new());
        let words = "mesh --peer lb1=127.0.0.1:10001 --peer lb2=127.0.0.1:10002 --peer lb3=127.0.0.1:10003 --shards 3";
        let start = |name: &str| {
            let file = format!("{name}.cfg");
            let section = generate(&words.split(' ').chain(["--table", TABLE, "-L", name]).collect::<Vec<_>>());
            fs::write(dir.path().join(&file), around(&section, name)).expect("written");
            haproxy.start(&network, dir.path(), &[&file], None)
        };
        let mut lb1 = start("lb1");
        wait_until("all that can be learnt is learnt", || lb1.is_synchronised().then_some(()));
        for key in 0..KEYS {
            lb1.set_entry("mesh/limits", &format!("10.0.0.{key}"), "data.gpc0 1");
        }
        lb1.reload(&["lb1.cfg"]).wait();
        wait_until("all that can be learnt is learnt", || lb1.is_synchronised().then_some(()));
        assert_eq!(lb1.entries("mesh/limits").len(), KEYS, "{} hands all keys over", haproxy.branch());

        let others = [start("lb2"), start("lb3")];
        let parts = others.each_ref().map(|other| {
            wait_until("all that can be learnt is learnt", || other.is_synchronised().then_some(()));
            other.entries("mesh/limits")
        });
        let [lb2, lb3] = parts;
        assert!(lb2.keys().all(|key| !lb3.contains_key(key)), "no key is in two parts");
        assert!(!lb2.is_empty() && !lb3.is_empty() && lb2.len() + lb3.len() < KEYS, "each has a part, lb1 one, too");
    }
}

#[test]
fn what_would_not_work_is_refused_with_what_to_do() {
    let lb1 = "lb1=127.0.0.1:10001";
    let cases: [(&[&str], &str); 19] = [
        (&["--peer", lb1, "--style", "server"], "-L NAME"),
        (&["--peer", lb1, "-L", "lb9"], "lb9"),
        (&["--peer", lb1, "-L", "lb9", "--style", "server"], "--peer"),
        (&["--peer", lb1, "--style", "peer", "--ssl", "--crt", "a", "--verify", "none", "-L", "lb1"], "--style server"),
        (&["--peer", lb1, "-L", "lb1", "--ssl", "--crt", "a"], "--ca-file"),
        (&["--peer", lb1, "-L", "lb1", "--ssl", "--crt", "a", "--verify", "required"], "--ca-file"),
        (&["--peer", lb1, "-L", "lb1", "--ssl", "--crt", "a", "--verify", "none", "--ca-file", "b"], "leave one"),
        (&["--peer", lb1, "-L", "lb1", "--ssl", "--crt", "a", "--ca-file", "b", "--verifyhost", "lb7=x"], "lb7"),
        (&["--peer", lb1, "--crt", "a"], "--ssl"),
        (&["--peer", "lb1"], "lb1=10.0.0.1:10000"),
        (&["--peer", "lb1=10.0.0.1"], "10.0.0.1:10000"),
        (&["--peer", "l b=10.0.0.1:1"], "letters"),
        (&["--peer", lb1, "--peer", lb1], "twice"),
        (&["--peer", lb1, "--shards", "1"], "-L NAME"),
        (&["--peer", lb1, "-L", "lb1", "--shards", "0"], "from 1"),
        (&["--peer", lb1, "-L", "lb1", "--shards", "2"], "2 shards for 1 peer"),
        (&["--peer", lb1, "--table", "t type ip size 1k peers mesh"], "peers"),
        (&["--peer", lb1, "--table", TABLE, "--table", TABLE], "twice"),
        (&["--peer", lb1, "--table", "t type ip size \"$SIZE\""], "environment"),
    ];
    for (words, help) in cases {
        let output = peerctl(&[&["mesh"], words].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(output.stdout.is_empty(), "{words:?}: nothing is printed that could be taken for a section");
        assert!(said.contains(help), "{words:?} says `{help}`: {said}");
    }
}
