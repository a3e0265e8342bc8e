//! Our listener: real HAProxy processes that call, and callers that mean no good.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use peerctl::node::{Address, ListenOptions, Target};

mod support;

use support::{
    Network, Setup, Stopwatch,
    fake_peer::FakePeer,
    frames::{RESYNC_FINISHED, hello, message},
    live::GUEST_PORT,
    node::{Diary, Plan, with_node},
    wait_until,
};

fn listen(network: &Network, expect: &[&'static str]) -> Plan {
    let address = network.address(GUEST_PORT);
    Plan::listen(expect, move || ListenOptions {
        address: Address::parse_listening(&address).expect("an address"),
        tls: None,
        insecure_plaintext: false,
        allow: Vec::new(),
    })
}

/// Whether the listener closed the connection without a word.
fn is_turned_away(peer: &FakePeer) -> bool {
    peer.wait_for_end();
    peer.heard().is_empty()
}

#[test]
fn haproxy_calls_and_teaches_us() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        with_node(&network, listen(&network, &["lb1"]), |diary| {
            diary.wait_for("listening", 1);
            let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k store gpc0").start();
            lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 7");
            diary.wait_for("lb1: established Accepted", 1);
            diary.wait_for("lb1: /t [10, 0, 0, 1] [7]", 1);
            lb1.wait_established("peerctl");
            assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0);
        });
    }
}

#[test]
fn a_proxy_header_before_the_hello_is_skipped() {
    for haproxy in support::haproxies() {
        for option in ["send-proxy", "send-proxy-v2"] {
            let network = Network::reachable();
            with_node(&network, listen(&network, &["lb1"]), |diary| {
                diary.wait_for("listening", 1);
                let dir = tempfile::tempdir().expect("a folder");
                let text = format!(
                    "defaults\n    mode http\npeers mesh\n    bind 127.0.0.1:10001\n    server lb1\n    \
                     server peerctl 127.0.0.1:{GUEST_PORT} {option}\n    table t type ip size 1k\n"
                );
                fs::write(dir.path().join("lb1.cfg"), text).expect("the folder takes files");
                let _lb1 = haproxy.start(&network, dir.path(), &["lb1.cfg"], Some("lb1"));
                diary.wait_for("lb1: established Accepted", 1);
            });
        }
    }
    let network = Network::reachable();
    with_node(&network, listen(&network, &["lb1"]), |diary| {
        diary.wait_for("listening", 1);
        for header in [&b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
            let peer = FakePeer::connect(&network, GUEST_PORT);
            peer.drip(header, Duration::from_millis(1));
            peer.send(&hello("2.1", "peerctl", "lb1"));
            assert_eq!(peer.wait_for_line(), "200");
        }
        let _ = diary;
    });
}

#[test]
fn wrong_callers_are_closed_silently_with_the_reason_told() {
    let network = Network::reachable();
    with_node(&network, listen(&network, &["lb1", "lb2"]), |diary| {
        diary.wait_for("listening", 1);
        let long = format!("HAProxyS 2.1\npeerctl\n{} 1 1\n", "x".repeat(4096)).into_bytes();
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (hello("2.1", "peerctl", "stranger"), "unknown_peer"),
            (hello("2.1", "peerctl", ""), "unknown_peer"),
            (hello("2.1", "peerctl", "lb1\0"), "unknown_peer"),
            (hello("2.1", "peerctl", "LB1"), "unknown_peer"),
            (hello("2.1", "peerctl", "peerctl"), "our_name"),
            (hello("2.1", "lb9", "lb1"), "other_host"),
            (hello("2.1", "peerctl ", "lb1"), "other_host"),
            (hello("1.0", "peerctl", "lb1"), "version"),
            (hello("2.2", "peerctl", "lb1"), "version"),
            (hello("2.", "peerctl", "lb1"), "version"),
            (hello("-2.1", "peerctl", "lb1"), "version"),
            (hello("18446744073709551616.1", "peerctl", "lb1"), "version"),
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "not_a_hello"),
            (b"HAProxyS 2.1\npeerctl\nlb1\n".to_vec(), "not_a_hello"),
            (long, "line_too_long"),
            (vec![b'A'; 70_000], "line_too_long"),
        ];
        for (bytes, label) in cases {
            let before = diary.refused(label);
            let peer = FakePeer::connect(&network, GUEST_PORT);
            peer.send(&bytes);
            assert!(is_turned_away(&peer), "{label}: {:?}", String::from_utf8_lossy(&bytes));
            wait_until("it is counted", || (diary.refused(label) > before).then_some(()));
        }
        for version in ["2.0", "2.1"] {
            let peer = FakePeer::connect(&network, GUEST_PORT);
            peer.send(&hello(version, "peerctl", "lb1"));
            assert_eq!(peer.wait_for_line(), "200", "{version}");
        }
        assert_eq!(
            diary.count("turned away a caller from 127.0.0.1"),
            1,
            "a line in ten seconds: {:#?}",
            diary.lines()
        );
    });
}

#[test]
fn a_hello_has_five_seconds_in_all() {
    let network = Network::reachable();
    with_node(&network, listen(&network, &["lb1"]), |diary| {
        diary.wait_for("listening", 1);
        let begin = Instant::now();
        let silent = FakePeer::connect(&network, GUEST_PORT);
        let dripping = FakePeer::connect(&network, GUEST_PORT);
        let watch = Stopwatch::start();
        std::thread::scope(|scope| {
            scope.spawn(|| dripping.drip(&hello("2.1", "peerctl", "lb1")[..12], Duration::from_millis(500)));
            for peer in [&silent, &dripping] {
                peer.wait_for_end();
                let took = [begin.elapsed(), watch.elapsed()].map(|took| took.as_secs_f64());
                assert!(took[0] >= 4.5 && took[1] < 6.5 && peer.heard().is_empty(), "{took:?} s");
            }
        });
        assert_eq!(diary.refused("silent"), 2);
    });
}

#[test]
fn the_newest_session_wins_after_its_whole_hello() {
    let network = Network::reachable();
    with_node(&network, listen(&network, &["lb1"]), |diary| {
        diary.wait_for("listening", 1);
        let first = FakePeer::call(&network, GUEST_PORT, "peerctl", "lb1");
        assert_eq!(first.wait_for_line(), "200");
        let second = FakePeer::connect(&network, GUEST_PORT);
        let bytes = hello("2.1", "peerctl", "lb1");
        second.send(&bytes[..bytes.len() - 1]);
        first.send(b"\0\x04");
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(first.end(), None, "half a hello takes nobody's place");
        second.send(b"\n");
        assert_eq!(second.wait_for_line(), "200");
        first.wait_for_end();
        let lines = diary.lines();
        let at = |part: &str| {
            lines.iter().position(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {lines:#?}"))
        };
        assert!(at("closed: a newer session") > at("established"), "{lines:#?}");
        assert_eq!(diary.count("established"), 2);
        assert_eq!(diary.count("closed"), 1, "each end is told once: {lines:#?}");
    });
}

/// A port where a call of ours ends when it is let go.
const CALLED: u16 = 10_001;

#[test]
fn a_call_of_ours_that_fails_is_not_the_end_of_a_session_that_the_peer_began() {
    let network = Network::reachable();
    let (called, address) = (network.listen(CALLED), network.address(CALLED));
    let mut plan = listen(&network, &[]);
    plan.dial = Box::new(move || vec![Target::new(b"lb1", Address::parse(&address).expect("an address"))]);
    with_node(&network, plan, |diary| {
        diary.wait_for("listening", 1);
        // Our hello gets no answer, and meanwhile the peer calls us.
        let unanswered = FakePeer::accept_hello(&called);
        let caller = FakePeer::call(&network, GUEST_PORT, "peerctl", "lb1");
        assert_eq!(caller.wait_for_line(), "200");
        diary.wait_for("lb1: established Accepted", 1);
        unanswered.half_close();
        unanswered.wait_for_end();
        caller.send(&message(RESYNC_FINISHED, &[]));
        diary.wait_for("lb1: resync ended", 1);
        assert_eq!(diary.count("closed"), 0, "{:#?}", diary.lines());
        assert_eq!(caller.end(), None);
        // When it has ended, we call again.
        drop(caller);
        diary.wait_for("lb1: closed", 1);
        FakePeer::accept_hello(&called);
    });
}

#[test]
fn a_file_that_is_no_socket_is_never_listened_at() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("haproxy.cfg");
    fs::write(&path, "global\n").expect("written");
    let network = Network::new();
    let (at, state) = (path.to_string_lossy().into_owned(), dir.path().join("state").to_string_lossy().into_owned());
    for words in [
        ["hold", "lb1=127.0.0.1:1", "-L", "agent", "--state", &state, "--control", &at],
        ["hold", "lb1=127.0.0.1:1", "-L", "agent", "--state", &state, "--metrics", &format!("unix@{at}")],
    ] {
        let ended = network.peerctl(&words).wait();
        assert_eq!(ended.status.code(), Some(3), "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("in use"), "{}", ended.stderr);
        assert_eq!(fs::read_to_string(&path).expect("it is still there"), "global\n");
    }
}

#[test]
fn a_used_port_and_plain_for_all_are_refused_at_once() {
    let network = Network::reachable();
    let _taken = network.listen(GUEST_PORT);
    with_node(&network, listen(&network, &["lb1"]), |diary| {
        assert!(diary.wait_for("not listening", 1).contains("Address already in use"));
    });
    let everywhere = Plan::listen(&["lb1"], || ListenOptions {
        address: Address::parse_listening(":10998").expect("an address"),
        tls: None,
        insecure_plaintext: false,
        allow: Vec::new(),
    });
    with_node(&network, everywhere, |diary| {
        assert!(diary.wait_for("not listening", 1).contains("--insecure-plaintext"));
    });
}

#[test]
fn only_allowed_addresses_may_call() {
    let network = Network::reachable();
    let address = network.address(GUEST_PORT);
    let plan = Plan::listen(&["lb1"], move || ListenOptions {
        address: Address::parse_listening(&address).expect("an address"),
        tls: None,
        insecure_plaintext: false,
        allow: vec![[10, 0, 0, 1].into()],
    });
    with_node(&network, plan, |diary| {
        diary.wait_for("listening", 1);
        assert!(is_turned_away(&FakePeer::call(&network, GUEST_PORT, "peerctl", "lb1")));
        assert!(diary.count("no peer has that address") == 1, "{:#?}", diary.lines());
    });
}

/// Held while the memory of this process is measured: tests that take much of it wait for each other.
static MEASURED: Mutex<()> = Mutex::new(());

/// Kilobytes of this process in memory.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("in Linux");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

/// Connections with this local port whose sockets a process still holds.
fn connections(network: &Network, port: u16) -> usize {
    let table = network.within(|| fs::read_to_string("/proc/thread-self/net/tcp").expect("Linux"));
    let local = format!(":{port:04X}");
    let held = table.lines().skip(1).filter(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // Neither listening nor, without a socket any more, in TIME_WAIT; what nobody holds has no inode.
        words[1].ends_with(&local) && !matches!(words[3], "0A" | "06") && words[9] != "0"
    });
    held.count()
}

/// Waits until `peer` has heard `count` heartbeats and returns the longest time between two of them.
fn longest_gap(peer: &FakePeer, seconds: u64) -> Duration {
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut heard, mut last, mut longest) = (peer.frames().len(), Stopwatch::start(), Duration::ZERO);
    while Instant::now() < end {
        peer.send(b"\0\x04");
        std::thread::sleep(Duration::from_millis(20));
        let now = peer.frames().len();
        if now > heard {
            longest = longest.max(last.elapsed());
            (heard, last) = (now, Stopwatch::start());
        }
        assert_eq!(peer.end(), None, "the good peer's session goes on");
    }
    longest.max(last.elapsed())
}

#[test]
fn two_thousand_idle_sockets_cost_little_and_disturb_nobody() {
    let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    let network = Network::reachable();
    with_node(&network, listen(&network, &["lb1", "lb2"]), |diary| {
        diary.wait_for("listening", 1);
        let good = FakePeer::call(&network, GUEST_PORT, "peerctl", "lb1");
        assert_eq!(good.wait_for_line(), "200");
        let before = resident();
        let gap = std::thread::scope(|scope| {
            let hostile = scope.spawn(|| {
                network.within(|| {
                    let idle: Vec<TcpStream> = (0..2000)
                        .map(|_| TcpStream::connect(network.address(GUEST_PORT)).expect("the listener listens"))
                        .collect();
                    std::thread::sleep(Duration::from_secs(3));
                    idle.len()
                })
            });
            let gap = longest_gap(&good, 9);
            assert_eq!(hostile.join().expect("it only connects"), 2000);
            gap
        });
        let grown = resident().saturating_sub(before);
        println!("2,000 idle sockets: {grown} KiB, longest time between two signs of life {gap:?}");
        assert!(gap < Duration::from_secs(4), "{gap:?}");
        assert!(grown < 16 * 1024, "{grown} KiB");
        assert!(diary.refused("full") >= 1900, "the oldest went: {}", diary.refused("full"));
        let newcomer = FakePeer::call(&network, GUEST_PORT, "peerctl", "lb2");
        assert_eq!(newcomer.wait_for_line(), "200", "others still get in");
    });
}

/// A peer that floods: what it does must not delay another one's heartbeat, nor fill the memory.
#[test]
fn floods_of_an_accepted_peer_disturb_nobody() {
    let _alone = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    let requests = b"\0\0".repeat(32 * 1024);
    let definition = [&b"\x0a\x82\x09\x01\x02/t\x04\x04\x04\0\0"[..]].concat();
    let huge = b"\x0a\x80\xff\xff\xff\xff\xff\xff\xff\xff".to_vec();
    for (what, bytes, reads) in [
        ("resync requests, unread", requests.clone(), false),
        ("resync requests, read", requests, true),
        ("definitions", definition.repeat(4096), true),
        ("heartbeats", b"\0\x04".repeat(32 * 1024), true),
        ("huge lengths", huge, true),
    ] {
        let network = Network::reachable();
        with_node(&network, listen(&network, &["lb1", "lb2"]), |diary: &Diary| {
            diary.wait_for("listening", 1);
            let good = FakePeer::call(&network, GUEST_PORT, "peerctl", "lb1");
            assert_eq!(good.wait_for_line(), "200");
            let before = resident();
            let gap = std::thread::scope(|scope| {
                scope.spawn(|| {
                    let end = Instant::now() + Duration::from_secs(6);
                    while Instant::now() < end {
                        let mut stream = network.connect(GUEST_PORT).expect("the listener listens");
                        stream.set_write_timeout(Some(Duration::from_secs(1))).expect("a socket");
                        stream.set_read_timeout(Some(Duration::from_millis(1))).expect("a socket");
                        let mut sent = stream.write_all(&hello("2.1", "peerctl", "lb2"));
                        while sent.is_ok() && Instant::now() < end {
                            sent = stream.write_all(&bytes);
                            if reads {
                                let _whatever = stream.read(&mut [0; 1 << 14]);
                            }
                        }
                        std::thread::sleep(Duration::from_millis(50));
                    }
                });
                longest_gap(&good, 7)
            });
            let grown = resident().saturating_sub(before);
            println!("{what}: {grown} KiB, longest time between two signs of life {gap:?}");
            assert!(gap < Duration::from_secs(4), "{what}: {gap:?}");
            assert!(grown < 64 * 1024, "{what}: {grown} KiB");
        });
    }
}

#[test]
fn thousands_of_connections_leave_nothing_behind() {
    let network = Network::reachable();
    with_node(&network, listen(&network, &["lb1"]), |diary| {
        diary.wait_for("listening", 1);
        let one = FakePeer::connect(&network, GUEST_PORT);
        wait_until("it is seen", || (connections(&network, GUEST_PORT) == 1).then_some(()));
        drop(one);
        network.within(|| {
            for _ in 0..5000 {
                drop(TcpStream::connect(network.address(GUEST_PORT)).expect("the listener listens"));
            }
        });
        wait_until("all are closed", || (connections(&network, GUEST_PORT) == 0).then_some(()));
        // Whoever is let in now came behind all of them.
        let last = FakePeer::call(&network, GUEST_PORT, "peerctl", "lb1");
        assert_eq!(last.wait_for_line(), "200");
        wait_until("it is the only one", || (connections(&network, GUEST_PORT) == 1).then_some(()));
    });
}

/// Seconds of a processor that a process has used.
fn processor_time(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let ticks = |n: usize| fields[n].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

#[test]
fn without_free_descriptors_it_waits_and_makes_room() {
    for haproxy in support::haproxies().into_iter().take(1) {
        let network = Network::reachable();
        let address = network.address(GUEST_PORT);
        let mut command = network.command("prlimit");
        let program = env!("CARGO_BIN_EXE_peerctl");
        command.args(["--nofile=24", program, "dump", "lb1", "--listen", &address, "--timeout", "60s"]);
        let program = support::Program::start(command);
        wait_until("it listens", || network.connect(GUEST_PORT).ok());
        let idle: Vec<FakePeer> = (0..100).map(|_| FakePeer::connect(&network, GUEST_PORT)).collect();
        std::thread::sleep(Duration::from_secs(2));
        let used = processor_time(program.pid());
        std::thread::sleep(Duration::from_secs(3));
        let used = processor_time(program.pid()) - used;
        println!("100 idle connections, 24 descriptors: {used} s of the processor in 3 s");
        assert!(used < 0.3, "{used} s in 3 s");
        let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k store gpc0").start();
        let ended = program.wait();
        assert!(ended.stdout.contains("\"established\""), "{ended:?}");
        drop((idle, lb1));
    }
}
