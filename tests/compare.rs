//! `peerctl compare` against running HAProxy: planted differences are found, and no others.

use serde_json::{Value, json};

mod support;

use support::{Haproxy, Live, Network, Setup, wait_until};

const TABLE: &str =
    "type string len 20 size 10k expire 10m store server_id,gpt0,gpc0,conn_cur,http_req_rate(1m),bytes_in_cnt";

/// Two load balancers that don't know of each other, in sync.
fn two<'a>(haproxy: &'a Haproxy, network: &'a Network, second: &str) -> (Live<'a>, Live<'a>) {
    let start = |name: &str, port, table: &str| {
        Setup::new(haproxy, network)
            .named(name, port)
            .table("t", table)
            .table("same", "type ip size 1k expire 1h store gpc0")
            .start()
    };
    let (lb1, lb2) = (start("lb1", 10_001, TABLE), start("lb2", 10_002, second));
    for lb in [&lb1, &lb2] {
        wait_until("HAProxy is in sync", || lb.is_synchronised().then_some(()));
    }
    (lb1, lb2)
}

fn words(lb1: &Live<'_>, lb2: &Live<'_>, more: &[&str]) -> Vec<String> {
    let peers = ["compare".to_owned(), format!("lb2={}", lb2.address()), format!("lb1={}", lb1.address())];
    peers.into_iter().chain(more.iter().map(|&word| word.to_owned())).collect()
}

fn document(network: &Network, words: &[String], code: i32) -> Value {
    let ended = network.peerctl(words).wait();
    assert_eq!(ended.status.code(), Some(code), "{words:?}: {}{}", ended.stdout, ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("JSON: {}", ended.stdout))
}

#[test]
fn planted_differences_are_found_and_no_others() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let (lb1, lb2) = two(&haproxy, &network, TABLE);
        for n in 0..50 {
            for lb in [&lb1, &lb2] {
                lb.set_entry("mesh/t", &format!("k{n}"), "data.gpc0 100 data.http_req_rate 1000 data.gpt0 5");
            }
        }
        let same = document(&network, &words(&lb1, &lb2, &["--format", "json"]), 0);
        assert_eq!(same["version"], 1);
        let table = |document: &Value| -> Value {
            let tables = document["tables"].as_array().expect("tables");
            tables.iter().find(|table| table["name"] == "/t").expect("the table").clone()
        };
        assert_eq!(table(&same)["entries"], json!({"lb1": 50, "lb2": 50}));
        assert_eq!((&table(&same)["only"], &table(&same)["differ"]), (&json!({"lb1": 0, "lb2": 0}), &json!([])));

        lb1.set_entry("mesh/t", "k1", "data.gpc0 120");
        lb1.set_entry("mesh/t", "k2", "data.gpc0 104");
        lb2.set_entry("mesh/t", "k3", "data.gpt0 6");
        lb2.set_entry("mesh/t", "k4", "data.http_req_rate 2000");
        lb2.set_entry("mesh/t", "k5", "data.http_req_rate 1030");
        lb2.set_entry("mesh/t", "k6", "data.conn_cur 3");
        lb1.set_entry("mesh/t", "k7", "data.server_id 4");
        lb1.set_entry("mesh/t", "mine", "data.gpc0 1");
        lb1.cli("clear table mesh/t key k9");
        let found = table(&document(&network, &words(&lb1, &lb2, &["--format", "json"]), 1));
        let keys: Vec<&str> =
            found["differ"].as_array().expect("a list").iter().filter_map(|d| d["key"].as_str()).collect();
        assert_eq!(keys, ["k1", "k3", "k4", "k7"], "{:?}: {found}", haproxy.version);
        assert_eq!(found["only"], json!({"lb1": 1, "lb2": 1}));
        let first = &found["differ"][0]["values"];
        assert_eq!((&first["lb1"]["gpc0"], &first["lb2"]["gpc0"]), (&json!(120), &json!(100)), "{first}");
        assert_eq!(first["lb1"]["http_req_rate"]["current"], 1000);

        let exact = table(&document(&network, &words(&lb1, &lb2, &["--format", "json", "--tolerance", "0%"]), 1));
        assert_eq!(exact["differ"].as_array().map(Vec::len), Some(6), "{exact}");
        let sorted = ["--format", "json", "--sort", "http_req_rate", "--limit", "1"];
        let sorted = table(&document(&network, &words(&lb1, &lb2, &sorted), 1));
        assert_eq!((&sorted["differ"][0]["key"], sorted["differ"].as_array().map(Vec::len)), (&json!("k4"), Some(1)));

        let text = network.peerctl(&words(&lb1, &lb2, &["--table", "t"])).wait();
        assert_eq!(text.status.code(), Some(1), "{}", text.stderr);
        for line in [
            "/t: lb1 50, lb2 50; 6 not the same, 1 only on lb1, 1 only on lb2",
            "  k1  gpc0: lb1 120, lb2 100",
            "  k9  only on lb2",
            "  mine  only on lb1",
        ] {
            assert!(text.stdout.lines().any(|found| found == line), "`{line}` in\n{}", text.stdout);
        }
        assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0);
    }
}

#[test]
fn tables_that_are_defined_otherwise_are_said() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::reachable();
    let (lb1, lb2) =
        two(&haproxy, &network, "type string len 20 size 10k expire 10m store gpt0,gpc0,http_req_rate(30s)");
    for lb in [&lb1, &lb2] {
        lb.set_entry("mesh/t", "k", "data.gpc0 100");
    }
    let text = network.peerctl(&words(&lb1, &lb2, &[])).wait();
    assert_eq!(text.status.code(), Some(1), "{}{}", text.stdout, text.stderr);
    assert!(text.stdout.contains("/t: lb1 1, lb2 1; defined otherwise"), "{}", text.stdout);
    assert!(
        text.stdout.contains("  lb2: type string len 20 expire 10m store gpt0,gpc0,http_req_rate(30s)"),
        "{}",
        text.stdout
    );
    assert!(text.stdout.contains("/same: lb1 0, lb2 0; the same"), "{}", text.stdout);
}

#[test]
fn what_a_peer_tells_is_what_its_runtime_socket_shows() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).every_table().start();
        wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
        for n in 0..20 {
            lb1.track("every_ip", format!("10.0.0.{n}").as_bytes(), 1);
            lb1.track("arrays", format!("key {n}").as_bytes(), 2);
            lb1.stick("shop", format!("client {n}").as_bytes());
        }
        let (peer, socket) = (format!("lb1={}", lb1.address()), format!("shown={}", lb1.socket().display()));
        let ended = network.peerctl(&["compare", &peer, "--socket", &socket, "--tolerance", "0%"]).wait();
        assert_eq!(ended.status.code(), Some(0), "{:?}: {}{}", haproxy.version, ended.stdout, ended.stderr);
        assert!(ended.stdout.contains("/every_ip: lb1 20, shown 20; the same"), "{}", ended.stdout);
        let again = format!("again={}", lb1.socket().display());
        let ended = network.peerctl(&["compare", "--socket", &socket, "--socket", &again]).wait();
        assert_eq!(ended.status.code(), Some(0), "{:?}: {}{}", haproxy.version, ended.stdout, ended.stderr);
    }
}

#[test]
fn what_cannot_be_compared_is_said() {
    let haproxy = support::haproxies().pop().expect("a HAProxy");
    let network = Network::reachable();
    let (lb1, mut lb2) = two(&haproxy, &network, TABLE);
    let alone = network.peerctl(&["compare", &format!("lb1={}", lb1.address())]).wait();
    assert_eq!(alone.status.code(), Some(2), "{}", alone.stderr);
    assert!(alone.stderr.contains("nothing to compare with"), "{}", alone.stderr);
    let unknown = network.peerctl(&words(&lb1, &lb2, &["--table", "nope"])).wait();
    assert_eq!(unknown.status.code(), Some(2), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("no table `nope`") && unknown.stderr.contains("`/t`"), "{}", unknown.stderr);
    let sort = network.peerctl(&words(&lb1, &lb2, &["--sort", "gpc1"])).wait();
    assert_eq!(sort.status.code(), Some(2), "{}", sort.stderr);
    lb2.restart_empty();
    let young = network.peerctl(&words(&lb1, &lb2, &[])).wait();
    assert_eq!(young.status.code(), Some(5), "{}{}", young.stdout, young.stderr);
    let words = words(&lb1, &lb2, &[]);
    lb2.kill();
    let gone = network.peerctl(&words).wait();
    assert_eq!(gone.status.code(), Some(3), "{}{}", gone.stdout, gone.stderr);
    assert!(gone.stdout.is_empty() && gone.stderr.contains("lb2: can't connect"), "{}{}", gone.stdout, gone.stderr);
}
