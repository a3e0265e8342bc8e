//! The ways to connect and to be told what to do: TLS on both sides, and the short form.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use serde_json::json;

use crate::star::{Aggregator, KEY, PORT, file, has_lease, node, wait_leased, wait_total};
use crate::support::frames::hello;
use crate::support::{self, Authority, Live, Network};

#[test]
fn with_tls_on_both_sides_everything_is_as_without() {
    let authority = Authority::new();
    let (own, ca) = (authority.issue("agg1"), authority.certificate());
    let words = format!(" ssl crt {} ca-file {} verify required", own.display(), ca.display());
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let [lb1, mut lb2] = [1, 2].map(|number| node(&haproxy, &network, number, 10_000).tls(&authority).start());
        let text = file(&[&lb1, &lb2], "", "    teach-back on\n")
            .replace(&format!(":{PORT}\n"), &format!(":{PORT}{words}\n"))
            .replace(":10001\n", &format!(":10001{words}\n"))
            .replace(":10002\n", &format!(":10002{words}\n"));
        let mut aggregator = Aggregator::start(&network, dir.path(), &text);
        wait_leased(&[&lb1, &lb2]);
        lb1.track("st_src", KEY.as_bytes(), 5);
        lb2.track("st_src", KEY.as_bytes(), 7);
        wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 12);
        let said = aggregator.program.stderr().matches("lb2: in sync").count();
        lb2.restart_empty();
        aggregator.wait_said("lb2: in sync", said + 1);
        wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 12);
        lb2.track("st_src", KEY.as_bytes(), 1);
        wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 13);
        wait_leased(&[&lb1, &lb2]);
    }
}

#[test]
fn in_plain_it_has_no_session_where_tls_is_asked_for() {
    let Some(haproxy) = support::haproxies().pop() else { return };
    let (authority, network) = (Authority::new(), Network::reachable());
    let dir = tempfile::tempdir().expect("a folder");
    let lb1 = node(&haproxy, &network, 1, 10_000).start();
    let lb2 = node(&haproxy, &network, 2, 10_000).tls(&authority).start();
    let mut aggregator = Aggregator::start(&network, dir.path(), &file(&[&lb1, &lb2], "", "    start-grace 300ms\n"));
    aggregator.wait_for("/fresh_sources", &json!(1));
    aggregator.wait_for("/publishing", &json!(true));
    lb1.track("st_src", KEY.as_bytes(), 5);
    lb2.track("st_src", KEY.as_bytes(), 7);
    wait_total(&[&lb1], "st_src", KEY, "http_req_cnt", 5);
    assert!(!has_lease(&lb1, "agg1"));
    assert!(aggregator.program.stderr().contains("lb2: "), "{}", aggregator.program.stderr());
    println!("{}", aggregator.program.stderr());
}

#[test]
fn the_short_form_adds_up_the_tables_that_are_named() {
    let haproxies = support::haproxies();
    thread::scope(|scope| {
        for haproxy in &haproxies {
            scope.spawn(|| {
                let network = Network::reachable();
                let [lb1, lb2] = [1, 2].map(|number| node(haproxy, &network, number, 10_000).start());
                let peers = [&lb1, &lb2].map(Live::address);
                let listen = network.address(PORT);
                let mut program = network.peerctl(&[
                    "aggregate",
                    "-L",
                    "agg1",
                    "--listen",
                    &listen,
                    "--table",
                    "st_src=st_src.agg",
                    &format!("lb1={}", peers[0]),
                    &format!("lb2={}", peers[1]),
                ]);
                lb1.track("st_src", KEY.as_bytes(), 5);
                lb2.track("st_src", KEY.as_bytes(), 7);
                wait_total(&[&lb1, &lb2], "st_src", KEY, "http_req_cnt", 12);
                assert!(!program.has_ended(), "{}", program.stderr());
                program.signal(rustix::process::Signal::TERM);
                let ended = program.wait();
                assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
                println!("{}", ended.stderr);
            });
        }
    });
}

/// Says hello as `lb1` from an address of this machine; returns what comes back before the connection is closed, four bytes at most.
fn hello_from(network: &Network, from: [u8; 4]) -> Vec<u8> {
    let mut stream: TcpStream = network.within(|| {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&socket, &SocketAddr::from((from, 0))).expect("an address of the loopback");
        connect(&socket, &SocketAddr::from(([127, 0, 0, 1], PORT))).expect("it listens");
        socket.into()
    });
    let _may_be_closed = stream.write_all(&hello("2.1", "agg1", "lb1"));
    let mut answer = Vec::new();
    let _may_be_reset = stream.take(4).read_to_end(&mut answer);
    answer
}

#[test]
fn in_plain_only_the_addresses_of_the_peers_may_call() {
    let network = Network::reachable();
    assert!(network.is_own(), "this test calls from several addresses of a loopback of its own: run it as root");
    let dir = tempfile::tempdir().expect("a folder");
    for (lb2, allowed) in [("127.0.0.8:10002", false), ("lb2.example:10002", true)] {
        let text = format!(
            "global\n    localpeer agg1\n    bind 0.0.0.0:{PORT}\naggregations web\n    from any to .agg\n    \
             peer lb1 127.0.0.7:10001\n    peer lb2 {lb2}\n"
        );
        let mut aggregator = Aggregator::start_as(&network, dir.path(), "agg1", 0, &text, &["--insecure-plaintext"]);
        aggregator.wait_said("insecure: ", 1);
        assert_eq!(hello_from(&network, [127, 0, 0, 7]), b"200\n", "an address of a peer");
        let other = hello_from(&network, [127, 0, 0, 9]);
        assert_eq!(other == b"200\n", allowed, "beside {lb2}: {other:?}");
        aggregator.kill();
    }
}
