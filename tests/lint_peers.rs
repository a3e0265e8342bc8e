//! What rules about peers sections claim, shown with running HAProxy.

mod support;

use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

use peerctl::grammar::peers_ignored_params;
use support::{Haproxy, Network, Running, haproxies, wait_until};

const DEFAULTS: &str = "defaults\n  mode tcp\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\nbackend b\n  server s 127.0.0.1:9\n";

/// A value for each parameter that takes one.
fn with_value(keyword: &str) -> String {
    let value = match keyword {
        "addr" | "agent-addr" => "127.0.0.3",
        "agent-port" | "port" | "weight" | "error-limit" | "maxconn" | "maxqueue" | "rise" | "fall" => "1",
        "agent-inter" | "downinter" | "fastinter" | "inter" | "slowstart" => "3s",
        "agent-check" => "agent-port 1",
        "agent-send" => "text",
        "cookie" => "c",
        "init-addr" => "none",
        "minconn" => "1 maxconn 1",
        "observe" => "layer4",
        "on-error" => "fastinter",
        "on-marked-down" => "shutdown-sessions",
        "on-marked-up" => "shutdown-backup-sessions",
        "redir" => "/x",
        "resolvers" => "r",
        "track" => "b/s",
        _ => "",
    };
    format!("{keyword} {value}")
}

fn start<'a>(haproxy: &'a Haproxy, network: &'a Network, dir: &Path, name: &str, text: &str) -> Running<'a> {
    let file = format!("{name}.cfg");
    fs::write(dir.join(&file), text).expect("writable");
    haproxy.start(network, dir, &[file], Some(name))
}

#[test]
fn sessions_stand_whatever_ignored_parameters_say() {
    let params = peers_ignored_params();
    assert!(params.len() > 20, "the table was read");
    for haproxy in haproxies() {
        let (network, dir) = (Network::new(), tempfile::tempdir().expect("a folder"));
        let (mut caller, mut called) = (DEFAULTS.to_owned(), DEFAULTS.to_owned());
        caller += "resolvers r\n  nameserver n 127.0.0.1:53\n";
        for (n, param) in params.iter().enumerate() {
            let (own, other, nobody) = (10_000 + 3 * n, 10_001 + 3 * n, 10_002 + 3 * n);
            let param = with_value(param.keyword);
            // Only the line with the parameter leads to a session: nobody listens where the other side calls.
            writeln!(
                caller,
                "peers p{n}\n  peer lb1 127.0.0.1:{own}\n  peer lb2 127.0.0.1:{other} {param}\n  table t type ip size 1k"
            )
            .expect("a string");
            writeln!(
                called,
                "peers p{n}\n  peer lb1 127.0.0.1:{nobody}\n  peer lb2 127.0.0.1:{other}\n  table t type ip size 1k"
            )
            .expect("a string");
        }
        let _lb2 = start(&haproxy, &network, dir.path(), "lb2", &called);
        let lb1 = start(&haproxy, &network, dir.path(), "lb1", &caller);
        wait_until("all sessions stand", || {
            let peers = lb1.cli("show peers");
            let remote = peers.lines().filter(|line| line.contains("id=lb2(remote") && line.contains("=ESTA"));
            (remote.count() == params.len()).then_some(())
        });
    }
}

#[test]
fn haproxy_warns_of_the_ignored_parameters_that_the_table_says() {
    for haproxy in haproxies() {
        let dir = tempfile::tempdir().expect("a folder");
        for param in peers_ignored_params() {
            let line = with_value(param.keyword);
            let text = format!(
                "{DEFAULTS}resolvers r\n  nameserver n 127.0.0.1:53\n\
                 peers p\n  peer lb1 127.0.0.1:10000\n  peer lb2 127.0.0.1:10001 {line}\n"
            );
            fs::write(dir.path().join("a.cfg"), text).expect("writable");
            let check = haproxy.check_in(dir.path(), &["a.cfg"], Some("lb1"), &[]);
            assert!(check.valid(), "{} takes `{line}`", haproxy.branch());
            let warned = check.warnings().iter().any(|warning| warning.contains("are ignored for peers"));
            assert_eq!(warned, param.warned, "{} and `{line}`: {:?}", haproxy.branch(), check.warnings());
        }
    }
}

#[test]
fn wrong_names_are_answered_with_503_and_504() {
    for haproxy in haproxies() {
        let (network, dir) = (Network::new(), tempfile::tempdir().expect("a folder"));
        let config = |first: &str| {
            format!(
                "{DEFAULTS}peers p\n  peer {first} 127.0.0.1:10001\n  peer lb2 127.0.0.1:10002\n  table t type ip size 1k\n"
            )
        };
        let lb1 = start(&haproxy, &network, dir.path(), "lb1", &config("lb1"));
        let lb2 = start(&haproxy, &network, dir.path(), "lb2", &config("edge1"));
        wait_until("lb2 knows no lb1", || has_status(&lb1, "lb2", "UNKN"));
        wait_until("lb1 isn't called edge1", || has_status(&lb2, "edge1", "NAME"));
    }
}

#[test]
fn processes_of_one_name_refuse_each_other() {
    for haproxy in haproxies() {
        let (network, dir) = (Network::new(), tempfile::tempdir().expect("a folder"));
        let config = |own: u16, other: u16| {
            format!(
                "{DEFAULTS}peers p\n  peer lb1 127.0.0.1:{own}\n  peer lb2 127.0.0.1:{other}\n  table t type ip size 1k\n"
            )
        };
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        for dir in [&a, &b] {
            fs::create_dir(dir).expect("a folder");
        }
        let first = start(&haproxy, &network, &a, "lb1", &config(10001, 10002));
        let second = start(&haproxy, &network, &b, "lb1", &config(10002, 10001));
        for running in [&first, &second] {
            wait_until("the name is refused", || has_status(running, "lb2", "NAME"));
        }
    }
}

#[test]
fn one_direction_is_enough_for_a_session() {
    for haproxy in haproxies() {
        let (network, dir) = (Network::new(), tempfile::tempdir().expect("a folder"));
        let certificate = support::self_signed_certificate(dir.path());
        let certificate = certificate.display();
        let case = "peers p\n  table t type ip size 1k\n";
        // The listener of lb2 takes only TLS, and lb1 calls it in plain; lb2 calls lb1 as it should.
        let plain = format!("{DEFAULTS}{case}  bind 127.0.0.1:10001\n  server lb1\n  server lb2 127.0.0.1:10002\n");
        let tls = format!(
            "{DEFAULTS}{case}  bind 127.0.0.1:10002 ssl crt {certificate}\n  server lb1 127.0.0.1:10001\n  \
             server lb2 ssl ca-file {certificate}\n"
        );
        let lb1 = start(&haproxy, &network, dir.path(), "lb1", &plain);
        let _lb2 = start(&haproxy, &network, dir.path(), "lb2", &tls);
        wait_until("the session stands", || lb1.is_established("lb2").then_some(()));
    }
}

#[test]
fn keys_of_a_part_that_no_peer_has_travel_nowhere() {
    for haproxy in haproxies().into_iter().filter(|haproxy| haproxy.version >= (3, 0, 0)) {
        let learnt = |shards: u32| {
            let (network, dir) = (Network::new(), tempfile::tempdir().expect("a folder"));
            let table = "  table t type ip size 1k store gpc0\n";
            let own = "  peer lb1 127.0.0.1:10001\n";
            let stores = ["st1", "st2"].map(|name| {
                let port = if name == "st1" { 10011 } else { 10012 };
                let text = format!("{DEFAULTS}peers p\n{own}  peer {name} 127.0.0.1:{port}\n{table}");
                start(&haproxy, &network, dir.path(), name, &text)
            });
            let text = format!(
                "{DEFAULTS}peers p\n  shards {shards}\n{own}  peer st1 127.0.0.1:10011 shard 1\n  \
                 peer st2 127.0.0.1:10012 shard 2\n{table}"
            );
            let lb1 = start(&haproxy, &network, dir.path(), "lb1", &text);
            wait_until("both are called", || (lb1.is_established("st1") && lb1.is_established("st2")).then_some(()));
            // Updates arrive in their order: with one of the second lot, all of the first that come have come.
            for net in [1, 2] {
                for host in 1..=40 {
                    lb1.set_entry("p/t", &format!("10.0.{net}.{host}"), "data.gpc0 1");
                }
            }
            let mut keys = BTreeSet::new();
            for store in &stores {
                let known = wait_until("the second lot arrives", || {
                    let known: BTreeSet<String> = store.entries("p/t").into_keys().collect();
                    known.iter().any(|key| key.starts_with("10.0.2.")).then_some(known)
                });
                keys.extend(known.into_iter().filter(|key| key.starts_with("10.0.1.")));
            }
            keys.len()
        };
        assert_eq!(learnt(2), 40, "{}: both parts have a peer", haproxy.branch());
        assert!(learnt(3) < 40, "{}: no peer has part 3", haproxy.branch());
    }
}

/// Whether the last call to the remote peer `name` ended with `status`.
fn has_status(running: &Running<'_>, name: &str, status: &str) -> Option<()> {
    let (remote, status) = (format!("id={name}(remote"), format!("last_status={status}"));
    running.cli("show peers").lines().any(|line| line.contains(&remote) && line.contains(&status)).then_some(())
}
