//! Calls of real HAProxy processes, and of peers that fail.

use std::{io::Write as _, time::Duration};

use peerctl::node::{Address, Retry, Target};

use rustix::process::Signal;

mod support;

use support::{
    Network, Setup, Stopwatch,
    fake_peer::FakePeer,
    frames::{HEARTBEAT, RESYNC_REQUEST, hello},
    node::{Diary, Moment, Plan, with_node},
    wait_until,
};

fn call(address: &str) -> Plan {
    let address = Address::parse(address).expect("an address");
    Plan::call(move || Target::new(b"lb1", address.clone()))
}

/// The milliseconds between the lines that have `part`: all, and without those in which the machine stood still.
fn gaps(diary: &Diary, part: &str) -> Vec<(u128, u128)> {
    let times: Vec<Moment> =
        diary.timed().into_iter().filter(|(_, line)| line.contains(part)).map(|(time, _)| time).collect();
    let gap =
        |pair: &[Moment]| ((pair[1].at - pair[0].at).as_millis(), pair[0].watch.until(&pair[1].watch).as_millis());
    times.windows(2).map(gap).collect()
}

#[test]
fn a_call_learns_what_haproxy_holds() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k expire 10m store gpc0").start();
        lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 7");
        with_node(&network, call(&lb1.address()), |diary| {
            diary.wait_for("lb1: /t [10, 0, 0, 1] [7]", 1);
            diary.wait_for("lb1: resync ended", 1);
            lb1.set_entry("mesh/t", "10.0.0.2", "data.gpc0 8");
            diary.wait_for("lb1: /t [10, 0, 0, 2] [8]", 1);
            std::thread::sleep(Duration::from_secs(7));
            assert_eq!(diary.count("closed"), 0, "heartbeats go both ways: {:#?}", diary.lines());
        });
        assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0);
    }
}

#[test]
fn sockets_of_files_and_abstract_names_are_called() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("peers.sock");
        for address in [format!("unix@{}", path.display()), "abns@peerctl-test".to_owned()] {
            let text = format!(
                "defaults\n    mode http\npeers mesh\n    bind {address}\n    server lb1\n    server peerctl \
                 127.0.0.1:10999\n    table t type ip size 1k store gpc0\n"
            );
            std::fs::write(dir.path().join("lb1.cfg"), text).expect("the folder takes files");
            let lb1 = haproxy.start(&network, dir.path(), &["lb1.cfg"], Some("lb1"));
            lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 7");
            with_node(&network, call(&address), |diary| {
                diary.wait_for("lb1: /t [10, 0, 0, 1] [7]", 1);
            });
        }
    }
}

#[test]
fn a_listener_with_accept_proxy_is_given_a_header() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let dir = tempfile::tempdir().expect("a folder");
        let text = "defaults\n    mode http\npeers mesh\n    bind 127.0.0.1:10001 accept-proxy\n    server lb1\n    \
                    server peerctl 127.0.0.1:10999\n";
        std::fs::write(dir.path().join("lb1.cfg"), text).expect("the folder takes files");
        let _lb1 = haproxy.start(&network, dir.path(), &["lb1.cfg"], Some("lb1"));
        let address = Address::parse(&network.address(10_001)).expect("an address");
        let plan = Plan::call(move || Target { proxy_header: true, ..Target::new(b"lb1", address.clone()) });
        with_node(&network, plan, |diary| {
            diary.wait_for("lb1: established Called", 1);
        });
    }
}

#[test]
fn after_a_kill_it_is_called_again_and_asked_for_everything() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let mut lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k expire 10m store gpc0").start();
        with_node(&network, call(&lb1.address()), |diary| {
            diary.wait_for("resync ended", 1);
            lb1.restart_empty();
            lb1.set_entry("mesh/t", "10.0.0.9", "data.gpc0 9");
            diary.wait_for("lb1: established", 2);
            diary.wait_for("lb1: /t [10, 0, 0, 9] [9]", 1);
            diary.wait_for("resync ended", 2);
            assert_eq!(diary.count("taken over"), 0, "{:#?}", diary.lines());
        });
    }
}

#[test]
fn a_reload_is_followed_at_once() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let mut lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k expire 10m store gpc0").start();
        with_node(&network, call(&lb1.address()), |diary| {
            diary.wait_for("lb1: established", 1);
            wait_until("lb1 has learnt all it could", || lb1.is_synchronised().then_some(()));
            let old = lb1.reload_with(|setup| setup.section("# nothing new"));
            diary.wait_for("lb1: established", 2);
            let closed = diary.timed().into_iter().find(|(_, line)| line.contains("closed")).expect("it was lost").0;
            let again = diary.timed().into_iter().rfind(|(_, line)| line.contains("established")).expect("again").0;
            let after = closed.watch.until(&again.watch);
            assert!(after < Duration::from_millis(1500), "{after:?}: {:#?}", diary.lines());
            old.wait();
        });
    }
}

#[test]
fn a_stopped_process_is_noticed_within_its_silence() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k").start();
        with_node(&network, call(&lb1.address()), |diary| {
            diary.wait_for("lb1: established", 1);
            lb1.freeze();
            let begin = Stopwatch::start();
            let why = diary.wait_for("closed", 1);
            let took = begin.elapsed().as_secs_f64();
            assert!(why.contains("silent for too long") && took < 6.0, "{took} s: {why}");
            // A stopped process still has its connections taken by the kernel: they get no answer.
            lb1.thaw();
            diary.wait_for("lb1: established", 2);
        });
    }
}

#[test]
fn another_client_of_our_name_is_noticed() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k").start();
        let address = lb1.address();
        with_node(&network, call(&address), |ours| {
            ours.wait_for("lb1: established", 1);
            with_node(&network, call(&address), |other| {
                wait_until("one of them gives up", || {
                    (ours.count("taken over") + other.count("taken over") > 0).then_some(())
                });
                let loser = if ours.count("taken over") > 0 { ours } else { other };
                assert!(
                    loser.lines().iter().any(|line| line.contains("another client uses our name")),
                    "{:#?}",
                    loser.lines()
                );
                let calls = loser.count("dialling");
                std::thread::sleep(Duration::from_secs(2));
                assert_eq!(loser.count("dialling"), calls, "and calls no more: {:#?}", loser.lines());
            });
        });
        assert!(lb1.peer_counter("peerctl", "coll") < 60);
    }
}

#[test]
fn calls_to_nobody_become_rare() {
    let network = Network::reachable();
    with_node(&network, call(&network.address(10_077)), |diary| {
        std::thread::sleep(Duration::from_secs(20));
        let gaps = gaps(diary, "dialling");
        println!("refused: {gaps:?}");
        assert!(gaps.len() <= 12, "{gaps:?}");
        assert!(gaps.iter().all(|(gap, at_most)| *gap >= 250 && *at_most <= 5200), "{gaps:?}");
        assert!(gaps.last().is_some_and(|(last, _)| *last >= 2500), "{gaps:?}");
    });
}

#[test]
fn a_peer_that_hangs_up_is_not_stormed() {
    let network = Network::reachable();
    let listener = network.listen(10_050);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            listener.set_nonblocking(true).expect("a socket");
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                drop(listener.accept());
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        with_node(&network, call(&network.address(10_050)), |diary| {
            std::thread::sleep(Duration::from_secs(15));
            let calls = diary.count("dialling");
            assert!((4..=12).contains(&calls), "{calls}: {:#?}", diary.lines());
            assert_eq!(diary.count("taken over"), 0, "it was never established");
        });
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn a_process_that_was_stopped_reads_before_it_looks_at_the_clock() {
    let network = Network::reachable();
    let listener = network.listen(10_053);
    let program = network.peerctl(&["dump", &format!("lb1={}", network.address(10_053)), "--timeout", "60s"]);
    let peer = FakePeer::accept(&listener);
    peer.send(b"200\n");
    peer.wait_for(RESYNC_REQUEST, 1);
    program.signal(Signal::STOP);
    for _ in 0..14 {
        peer.send(b"\0\x04");
        std::thread::sleep(Duration::from_millis(500));
    }
    program.signal(Signal::CONT);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(peer.end(), None, "what has come meanwhile counts");
    peer.wait_for(HEARTBEAT, 2);
    peer.send(b"\0\x01");
    let ended = program.wait();
    assert!(ended.status.success(), "{ended:?}");
}

/// What a peer does wrong, and what is said of it.
#[test]
fn each_way_to_fail_is_named() {
    let network = Network::reachable();
    let listener = network.listen(10_051);
    for (answer, expected) in [
        (&b"503\n"[..], "refused our hello: 503"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "but HTTP"),
        (b"\x15\x03\x03\0\x02\x02\x46", "but TLS"),
        (b"\x1b]0;pwn\x07\n", "it said `\\x1b]0;pwn\\x07\\x0a`"),
        (b"", "the peer closed the connection"),
        (b"200\n\x0a\x80\xff\xff\xff\xff\xff\xff\xff", "can't be read"),
        (b"200\n\x0a\x82\x05\x01", "closed the connection 4 bytes into a message"),
        (b"200\n\x01\0", "couldn't read what we sent"),
    ] {
        let address = Address::parse(&network.address(10_051)).expect("an address");
        let plan = Plan::call(move || Target { retry: Retry::Never, ..Target::new(b"lb1", address.clone()) });
        with_node(&network, plan, |diary| {
            let peer = FakePeer::accept(&listener);
            wait_until("the hello is there", || {
                (peer.heard().starts_with(&hello("2.1", "lb1", "peerctl")[..20])).then_some(())
            });
            peer.send(answer);
            peer.half_close();
            let end = diary.wait_for("closed", 1);
            assert!(end.contains(expected), "{expected}: {end}");
            assert!(!end.contains("again in"), "one call: {end}");
        });
    }
}

#[test]
fn both_directions_fill_without_waiting_for_each_other() {
    // The peer floods with definitions while it reads nothing for a while: reading goes on.
    let network = Network::reachable();
    let listener = network.listen(10_052);
    with_node(&network, call(&network.address(10_052)), |diary| {
        let (mut stream, _) = listener.accept().expect("a call");
        stream.write_all(b"200\n").expect("it reads");
        let requests = b"\0\0".repeat(1 << 19);
        stream.set_write_timeout(Some(Duration::from_secs(3))).expect("a socket");
        stream.write_all(&requests).expect("it reads a million bytes while nobody reads its answers");
        diary.wait_for("lb1: established", 1);
        let end = diary.wait_for("closed", 1);
        assert!(end.contains("read nothing for 5 s") || end.contains("silent"), "{end}");
    });
}
