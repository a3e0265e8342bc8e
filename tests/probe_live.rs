//! `probe` against real HAProxy processes and others that listen.

use std::io::{Read as _, Write as _};
use std::thread;

use serde_json::Value;

mod support;

use support::{Authority, Network, Setup, wait_until};

/// Runs `probe` in JSON and gives the exit code and the peers.
fn probe(network: &Network, words: &[&str]) -> (i32, Vec<Value>) {
    let ended = network.peerctl(&[&["probe", "--format", "json"], words].concat()).wait();
    let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    assert_eq!(document["version"], 1);
    (ended.status.code().expect("it exits"), document["peers"].as_array().expect("an array").clone())
}

fn text(network: &Network, words: &[&str]) -> String {
    network.peerctl(&[&["probe"], words].concat()).wait().stdout
}

#[test]
fn a_listed_guest_sees_tables_and_whether_all_is_in_sync() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network)
            .table("t1", "type string len 32 size 1k expire 5m store gpc0,conn_rate(10s)")
            .backend("shop", "type ip size 1k expire 1m store http_req_cnt")
            .start();
        lb1.set_entry("mesh/t1", "a", "data.gpc0 7");
        wait_until("lb1 considers itself in sync", || lb1.is_synchronised().then_some(()));
        let peer = format!("lb1={}", lb1.address());
        let (exit, peers) = probe(&network, &[&peer]);
        let found = &peers[0];
        assert_eq!(exit, 0, "{found}");
        assert_eq!((&found["status"], &found["result"]), (&200.into(), &"established".into()), "{found}");
        assert_eq!((&found["protocol"], &found["resync"]), (&"2.1".into(), &"finished".into()), "{found}");
        assert!(found["rtt_ms"].as_f64().is_some_and(|ms| ms > 0.0 && ms < 5000.0), "{found}");
        assert_eq!(
            found["tables"],
            serde_json::json!([
                {"name": "/t1", "type": "string", "len": 32, "expire_ms": 300_000,
                 "store": [{"name": "gpc0"}, {"name": "conn_rate", "period_ms": 10_000}]},
                {"name": "shop", "type": "ip", "len": null, "expire_ms": 60_000,
                 "store": [{"name": "server_id"}, {"name": "http_req_cnt"}, {"name": "server_key"}]},
            ])
        );
        let shown = text(&network, &[&peer]);
        assert!(shown.contains("200 established, in sync") && shown.contains("/t1, shop"), "{shown}");
        let (exit, peers) = probe(&network, &["--handshake-only", &peer]);
        assert_eq!((exit, &peers[0]["resync"], &peers[0]["tables"]), (0, &Value::Null, &serde_json::json!([])));
        assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0);
    }
}

#[test]
fn a_peer_that_is_still_learning_is_not_in_sync() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k").start();
        let (exit, peers) = probe(&network, &[&format!("lb1={}", lb1.address())]);
        assert_eq!((exit, &peers[0]["resync"]), (5, &"partial".into()), "{}", peers[0]);
    }
}

#[test]
fn each_status_says_what_to_change() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k").start();
        let address = lb1.address();
        let (right, wrong) = (format!("lb1={address}"), format!("lb2={address}"));

        let (exit, peers) = probe(&network, &["-L", "stranger", &right]);
        assert_eq!((exit, &peers[0]["status"]), (0, &504.into()), "{}", peers[0]);
        assert_eq!(peers[0]["summary"], "504 reachable, is `lb1`, doesn't list us");
        assert_eq!(probe(&network, &["--strict", "-L", "stranger", &right]).0, 1);

        let (exit, peers) = probe(&network, &[&wrong]);
        assert_eq!((exit, &peers[0]["status"]), (1, &503.into()), "{}", peers[0]);
        let advice = peers[0]["advice"][0].as_str().expect("a text");
        assert!(advice.contains("localpeer") && advice.contains("haproxy -L"), "{advice}");

        let (exit, peers) = probe(&network, &[&address]);
        assert_eq!((exit, &peers[0]["status"], &peers[0]["name"]), (0, &503.into(), &Value::Null), "{}", peers[0]);
        assert!(peers[0]["summary"].as_str().expect("a text").contains("its name isn't known"), "{}", peers[0]);

        // The worst of several counts, and each is told.
        let nobody = format!("lb3={}", network.address(10_077));
        let (exit, peers) = probe(&network, &[&wrong, "lb1=127.0.0.1:10001", &nobody]);
        assert_eq!((exit, peers.len()), (3, 3));
        assert_eq!(peers[2]["result"], "unreachable");
        assert!(peers[2]["summary"].as_str().expect("a text").contains("refused"), "{}", peers[2]);
    }
}

#[test]
fn statuses_that_haproxy_gives_to_others_are_explained_too() {
    let network = Network::reachable();
    for (line, status, part) in [
        ("300\n", 300, "its own name"),
        ("501\n", 501, "doesn't understand"),
        ("502\n", 502, "version 2.1"),
        ("999\n", 999, "no such status"),
    ] {
        let listener = network.listen(10_050);
        let peer = format!("lb1={}", network.address(10_050));
        let (exit, peers) = thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().expect("a call");
                let _ = stream.read(&mut [0; 256]);
                let _ = stream.write_all(line.as_bytes());
            });
            probe(&network, &[&peer])
        });
        assert_eq!((exit, &peers[0]["status"]), (1, &status.into()), "{}", peers[0]);
        assert!(peers[0].to_string().contains(part), "{}", peers[0]);
    }
}

#[test]
fn what_is_no_peer_is_named() {
    let authority = Authority::new();
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let _tls = Setup::new(&haproxy, &network).tls(&authority).start();
        let (exit, peers) = probe(&network, &["lb1=127.0.0.1:10001"]);
        assert_eq!((exit, &peers[0]["result"]), (3, &"foreign".into()), "{}", peers[0]);
        assert_eq!(peers[0]["summary"], "it wants TLS, and was called in plain");
        // The harness has a web server.
        let web = format!("lb1={}", network.address(8100));
        let (exit, peers) = probe(&network, &[&web]);
        assert_eq!((exit, &peers[0]["result"]), (3, &"foreign".into()), "{}", peers[0]);
        assert!(peers[0]["summary"].as_str().expect("a text").contains("HTTP"), "{}", peers[0]);
    }
    let network = Network::reachable();
    let _says_nothing = network.listen(10_060);
    let (exit, peers) = probe(&network, &["--timeout", "300ms", "lb1=127.0.0.1:10060"]);
    assert_eq!((exit, &peers[0]["result"]), (3, &"no-answer".into()), "{}", peers[0]);
    assert_eq!(peers[0]["summary"], "connected, no answer for 300 ms");
}

#[test]
fn what_the_file_says_otherwise_than_the_process_is_told() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network)
            .table("limits", "type string len 32 size 1k expire 5m store gpc0,conn_rate(10s)")
            .table("same", "type ip size 1k expire 5m store gpc0")
            .table("gone", "type ip size 1k")
            .start();
        wait_until("lb1 considers itself in sync", || lb1.is_synchronised().then_some(()));
        let file = lb1.file();
        let config = format!("lb1={}", file.display());
        let (exit, peers) = probe(&network, &["-f", &config]);
        assert_eq!((exit, &peers[0]["advice"]), (0, &serde_json::json!([])), "as it was started: {}", peers[0]);

        let changed = std::fs::read_to_string(&file).expect("it is there").replace(
            "table limits type string len 32 size 1k expire 5m store gpc0,conn_rate(10s)",
            "table limits type string len 64 size 1k expire 10m store gpc0,conn_rate(1m),gpc1",
        );
        let changed = changed.replace("    table gone type ip size 1k\n", "    table new type ip size 1k\n");
        std::fs::write(&file, changed.replace("table mesh/gone", "table mesh/new")).expect("it takes text");
        let (exit, peers) = probe(&network, &["-f", &config]);
        let advice: Vec<&str> =
            peers[0]["advice"].as_array().expect("an array").iter().filter_map(Value::as_str).collect();
        assert_eq!(exit, 1, "{advice:#?}");
        assert_eq!(
            advice,
            [
                "mesh/limits: lb1 announces len 32, its file says len 64; expire 5m, its file says 10m; conn_rate(10s), its \
                 file says conn_rate(1m); no gpc1, its file says gpc1: it was not reloaded after the change",
                "mesh/new: lb1 doesn't announce it: it was not reloaded after the change",
                "/gone: lb1 announces it, its file doesn't have it: it was not reloaded after the change",
            ]
        );
    }
}

#[test]
fn tls_failures_are_named_with_what_to_change() {
    let (authority, other) = (Authority::new(), Authority::new());
    let path = |path: std::path::PathBuf| path.display().to_string();
    let (own, ca) = (path(authority.issue("peerctl")), path(authority.certificate()));
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).tls(&authority).table("t", "type ip size 1k").start();
        wait_until("lb1 considers itself in sync", || lb1.is_synchronised().then_some(()));
        let peer = format!("lb1={}", lb1.address());
        let good = ["--ssl", "--crt", &own, "--ca-file", &ca, "--verifyhost", "lb1", &peer];
        let (exit, peers) = probe(&network, &good);
        assert_eq!((exit, &peers[0]["resync"]), (0, &"finished".into()), "{}", peers[0]);

        let config = format!("lb1={}", lb1.file().display());
        let (exit, peers) = probe(&network, &["-f", &config]);
        assert_eq!((exit, &peers[0]["result"]), (0, &"established".into()), "{}", peers[0]);

        let wrong_name = ["--ssl", "--crt", &own, "--ca-file", &ca, "--verifyhost", "lb-3.example", &peer];
        let no_certificate = ["--ssl", "--ca-file", &ca, &peer];
        let other_ca = path(other.certificate());
        let untrusted = ["--ssl", "--crt", &own, "--ca-file", &other_ca, &peer];
        for (words, says, advises) in [
            (&wrong_name[..], "its certificate is for `lb1`, `127.0.0.1`, expected `lb-3.example`", "verifyhost"),
            (&no_certificate[..], "it wants a client certificate", "--crt FILE"),
            (&untrusted[..], "same name, other key", "ca-file"),
        ] {
            let (exit, peers) = probe(&network, words);
            assert_eq!((exit, &peers[0]["result"]), (3, &"tls".into()), "{}", peers[0]);
            assert!(peers[0]["summary"].as_str().expect("a text").contains(says), "{}", peers[0]);
            assert!(peers[0]["advice"][0].as_str().expect("a text").contains(advises), "{}", peers[0]);
        }
    }
}

#[test]
fn tls_to_a_plain_listener_is_named() {
    let authority = Authority::new();
    let ca = authority.certificate().display().to_string();
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).start();
        let (exit, peers) = probe(&network, &["--ssl", "--ca-file", &ca, &format!("lb1={}", lb1.address())]);
        assert_eq!((exit, &peers[0]["summary"]), (3, &"TLS: it doesn't speak TLS there".into()), "{}", peers[0]);
        assert!(peers[0]["advice"][0].as_str().expect("a text").contains("ssl crt FILE"), "{}", peers[0]);
    }
}

#[test]
fn a_runtime_socket_tells_haproxys_own_view() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k").start();
        let socket = format!("lb1={}", lb1.socket().display());
        let ended = network.peerctl(&["probe", "--socket", &socket]).wait();
        assert_eq!(ended.status.code(), Some(1), "nobody listens for its guest: {ended:?}");
        assert!(ended.stdout.starts_with("What lb1 says of its peers\n  peers mesh\n"), "{}", ended.stdout);
        assert!(ended.stdout.contains("peerctl ("), "{}", ended.stdout);
        let ended = network.peerctl(&["probe", "--socket", "/nowhere/sock"]).wait();
        assert_eq!(ended.status.code(), Some(3), "{ended:?}");
        assert!(ended.stderr.contains("/nowhere/sock"), "{ended:?}");
    }
}
