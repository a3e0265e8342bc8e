//! `--metrics`, and the sums that it tells.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::support::chaos::{Act, Chaos, Fault, Place, Plan};
use super::support::wire::Initiator;
use super::*;

pub(super) const PORT: u16 = 9199;

/// The answer to a request, as text; nothing if there is none.
fn ask(network: &Network, request: &str) -> String {
    let Ok(mut stream) = network.connect(PORT) else { return String::new() };
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
    let _may_be_closed = stream.write_all(request.as_bytes());
    let mut answer = String::new();
    let _may_be_reset = stream.read_to_string(&mut answer);
    answer
}

pub(super) fn get(network: &Network, path: &str) -> String {
    ask(network, &format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"))
}

/// The value of a sample.
pub(super) fn sample<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

#[test]
fn metrics_are_those_of_haproxy_and_sums_are_arithmetic() {
    let haproxy = &support::haproxies()[0];
    let network = Network::reachable();
    let lb1 = setup(haproxy, &network).start();
    let lb2 = setup(haproxy, &network).named("lb2", 10_002).start();
    let mut wanted = BTreeMap::new();
    for (lb, factor) in [(&lb1, 1_000_000_007_u64), (&lb2, 3_000_000_019)] {
        for key in 1..=9 {
            let (key, count) = (format!("10.0.0.{key}"), key * factor % u64::from(u32::MAX));
            lb.set_entry("mesh/t", &key, &format!("data.gpc0 {count}"));
            *wanted.entry(key).or_insert(0) += count;
        }
    }
    let metrics = network.address(PORT);
    let words = ["--metrics", &metrics, "--metrics-top", "9", "--sum", "--sort", "gpc0"];
    let peers = [peer(&lb1, "lb1"), peer(&lb2, "lb2")];
    let program = watch(&network, &[&[peers[0].as_str(), &peers[1]], &words[..]].concat());
    wait_until("it is ready", || {
        let up = network.connect(PORT).is_ok();
        (up && get(&network, "/readyz").starts_with("HTTP/1.1 200 ")).then_some(())
    });
    let text = get(&network, "/metrics");
    for (key, sum) in &wanted {
        let name = format!("peerctl_top{{table=\"/t\",type=\"gpc0\",key=\"{key}\"}}");
        assert_eq!(sample(&text, &name), Some(sum.to_string().as_str()), "{key}: {text}");
    }
    for name in ["lb1", "lb2"] {
        assert_eq!(sample(&text, &format!("peerctl_peer_up{{peer=\"{name}\"}}")), Some("1"), "{text}");
        assert_eq!(sample(&text, &format!("peerctl_handshake_status{{peer=\"{name}\"}}")), Some("200"));
        assert_eq!(sample(&text, &format!("peerctl_table_entries{{peer=\"{name}\",table=\"/t\"}}")), Some("9"));
        let age = sample(&text, &format!("peerctl_source_age_seconds{{peer=\"{name}\"}}"));
        assert!(age.and_then(|age| age.parse::<f64>().ok()).is_some_and(|age| age < 5.0), "{age:?}");
    }
    drop(lb2);
    wait_until("it isn't ready any more", || get(&network, "/readyz").starts_with("HTTP/1.1 503 ").then_some(()));
    let text = get(&network, "/metrics");
    assert_eq!(sample(&text, "peerctl_peer_up{peer=\"lb2\"}"), Some("0"), "{text}");
    assert!(get(&network, "/healthz").contains("\r\n\r\nok\n"));
    interrupt(program);
}

#[test]
fn what_asks_too_much_gets_nothing_and_holds_nobody_up() {
    let haproxy = &support::haproxies()[0];
    let network = Network::reachable();
    let lb1 = setup(haproxy, &network).start();
    let program = watch(&network, &[&peer(&lb1, "lb1"), "--metrics", &network.address(PORT)]);
    wait_until("it answers", || network.connect(PORT).is_ok().then_some(()));
    assert!(ask(&network, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert!(ask(&network, "GET /secret HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(ask(&network, "\x16\x03\x01\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let long = format!("GET /metrics HTTP/1.1\r\nx: {}", "a".repeat(5000));
    let answer = ask(&network, &long);
    assert!(answer.starts_with("HTTP/1.1 431 ") || answer.is_empty(), "{answer}");
    assert!(!get(&network, "/metrics").contains("10.0.0."), "no keys unless asked for");

    let (began, watch) = (Instant::now(), Stopwatch::start());
    let mut slow = network.connect(PORT).expect("it listens");
    while slow.write_all(b"G").is_ok() && began.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let took = [began.elapsed(), watch.elapsed()];
    assert!(
        took[0].as_secs() >= 4 && took[1].as_secs() < 7,
        "byte by byte there is no more time than at once: {took:?}"
    );

    let idle: Vec<TcpStream> = (0..100).map(|_| network.connect(PORT).expect("it listens")).collect();
    let full = get(&network, "/healthz");
    assert_eq!(full, "", "the connections are all taken");
    let began = Stopwatch::start();
    wait_until("they have had their time", || get(&network, "/healthz").contains("ok").then_some(()));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    drop(idle);
    interrupt(program);
}

#[test]
fn monitoring_is_answered_in_every_state_of_a_session() {
    const PROXY: u16 = 10_901;
    let haproxy = &support::haproxies()[0];
    let network = Network::reachable();
    let lb1 = setup(haproxy, &network).start();
    let acts = [Act::Reset, Act::HalfClose, Act::Close, Act::Stall];
    let cut = move |connection: usize| Plan {
        from_haproxy: vec![Fault::new(Place::Byte(connection % 7), acts[connection % acts.len()])],
        ..Plan::default()
    };
    let chaos = Chaos::start(&network, PROXY, lb1.port(), Initiator::Observer, cut);
    let metrics = network.address(PORT);
    let words = [&*format!("lb1={}", network.address(PROXY)), "--metrics", &metrics, "--metrics-top", "9"];
    let mut program = watch(&network, &words);
    wait_until("it answers", || network.connect(PORT).is_ok().then_some(()));
    let (mut asked, began) = (0, Instant::now());
    while chaos.connections() < 4 || began.elapsed() < Duration::from_secs(2) {
        assert!(!program.has_ended(), "{}", program.stderr());
        assert!(began.elapsed() < support::DEADLINE, "it calls again and again: {}", chaos.connections());
        let text = get(&network, "/metrics");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("half an answer: {text}"));
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        assert_eq!(length.and_then(|length| length.parse().ok()), Some(body.len()), "{head}");
        let up = sample(&text, "peerctl_peer_up{peer=\"lb1\"}");
        assert!(matches!(up, Some("0" | "1")), "{text}");
        assert!(get(&network, "/healthz").ends_with("ok\n"));
        asked += 2;
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("{asked} answers over {} connections that broke", chaos.connections());
    interrupt(program);
}
