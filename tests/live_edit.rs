//! The main job, end to end: two real configurations whose tables don't replicate, one `peerctl add`, two real processes
//! whose tables do, both ways.

use std::{fs, path::Path, process::Command};

mod support;

use support::{Haproxy, Network, wait_until};

/// Nobody's example: odd blanks, comments, a table with a comment behind it, two proxies, one name for both machines.
fn configuration(port: u16) -> String {
    format!(
        "# edge, {port}\nglobal\n\tmaxconn 200\n\ndefaults\n  mode http\n  timeout client  5s\n  timeout server 5s\n  \
         timeout connect 5s\n\nfrontend web\n    bind 127.0.0.1:{port}\n    default_backend shop\n\nbackend shop # caf\u{e9}\n    \
         stick-table type string len 40 size 10k expire 5m store gpc0,http_req_rate(10s) # who\n    stick on req.cook(S)\n    \
         server a 127.0.0.1:9001\n\nbackend api\n    stick-table type ip size 10k expire 1m store gpc1\n    server b 127.0.0.1:9002\n"
    )
}

fn peerctl(dir: &Path, haproxy: &Haproxy, words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peerctl"));
    let output =
        command.current_dir(dir).args(words).arg("--haproxy").arg(&haproxy.path).output().expect("peerctl runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}");
    said
}

/// Whether `key` arrives in `table` of `at` with `data`.
fn arrives(at: &support::Running<'_>, table: &str, key: &str, data: &str) {
    wait_until(&format!("{key} with {data} is in {table}"), || {
        at.entries(table).get(key).filter(|entry| entry.contains(data)).cloned()
    });
}

#[test]
fn tables_replicate_both_ways_after_one_command() {
    let peers = ["--peer", "lb1=127.0.0.1:10001", "--peer", "lb2=127.0.0.1:10002", "--attach-all"];
    let plain: Vec<&str> = peers.into_iter().chain(["--set-localpeer"]).collect();
    for haproxy in support::haproxies() {
        let dir = tempfile::tempdir().expect("a folder");
        let network = Network::new();
        for (name, port) in [("lb1.cfg", 8081), ("lb2.cfg", 8082)] {
            fs::write(dir.path().join(name), configuration(port)).expect("written");
        }
        {
            let lb1 = haproxy.start(&network, dir.path(), &["lb1.cfg"], None);
            let lb2 = haproxy.start(&network, dir.path(), &["lb2.cfg"], None);
            lb1.set_entry("shop", "before", "data.gpc0 1");
            assert!(
                lb2.entries("shop").is_empty() && lb2.cli("show peers").trim().is_empty(),
                "nothing replicates yet"
            );
        }
        let words: Vec<&str> = ["add", "mesh", "lb1.cfg", "lb2.cfg"].into_iter().chain(plain.iter().copied()).collect();
        let said = peerctl(dir.path(), &haproxy, &words);
        assert!(said.contains("both valid"), "{said}");
        for (name, port) in [("lb1.cfg", 8081), ("lb2.cfg", 8082)] {
            let (old, new) = (configuration(port), fs::read_to_string(dir.path().join(name)).expect("read"));
            let without: Vec<&str> = new
                .split("\npeers mesh")
                .next()
                .expect("the section is last")
                .lines()
                .filter(|line| !line.contains("localpeer"))
                .collect();
            let without = without.join("\n").replace(" peers mesh", "") + "\n";
            assert_eq!(without, old, "all that isn't about peers is as before");
        }

        let lb1 = haproxy.start(&network, dir.path(), &["lb1.cfg"], None);
        let lb2 = haproxy.start(&network, dir.path(), &["lb2.cfg"], None);
        wait_until("both sides are connected", || {
            (lb1.is_established("lb2") && lb2.is_established("lb1")).then_some(())
        });
        lb1.set_entry("shop", "from-lb1", "data.gpc0 11");
        lb2.set_entry("shop", "from-lb2", "data.gpc0 22");
        lb2.set_entry("api", "10.1.2.3", "data.gpc1 33");
        arrives(&lb2, "shop", "from-lb1", "gpc0=11");
        arrives(&lb1, "shop", "from-lb2", "gpc0=22");
        arrives(&lb1, "api", "10.1.2.3", "gpc1=33");
    }
}

#[test]
fn tables_replicate_over_tls_made_by_one_command_per_instance() {
    for haproxy in support::haproxies() {
        let dir = tempfile::tempdir().expect("a folder");
        let network = Network::new();
        support::self_signed_certificate(dir.path());
        for (name, port) in [("lb1.cfg", 8081), ("lb2.cfg", 8082)] {
            fs::write(dir.path().join(name), configuration(port)).expect("written");
        }
        let words = [
            "add",
            "mesh",
            "lb1.cfg",
            "lb2.cfg",
            "--peer",
            "lb1=127.0.0.1:10001",
            "--peer",
            "lb2=127.0.0.1:10002",
            "--attach-all",
            "--set-localpeer",
            "--ssl",
            "--crt",
            "tls.pem",
            "--ca-file",
            "tls.pem",
        ];
        peerctl(dir.path(), &haproxy, &words);
        let mut lb1 = haproxy.start(&network, dir.path(), &["lb1.cfg"], None);
        let lb2 = haproxy.start(&network, dir.path(), &["lb2.cfg"], None);
        lb1.set_entry("shop", "from-lb1", "data.gpc0 11");
        lb2.set_entry("shop", "from-lb2", "data.gpc0 22");
        arrives(&lb2, "shop", "from-lb1", "gpc0=11");
        arrives(&lb1, "shop", "from-lb2", "gpc0=22");
        drop(lb2);
        // With the other side gone only the old process can teach the new one: over TLS, too.
        wait_until("lb1 has learnt all it could", || lb1.is_synchronised().then_some(()));
        let old = lb1.reload(&["lb1.cfg"]);
        arrives(&lb1, "shop", "from-lb2", "gpc0=22");
        old.wait();
    }
}
