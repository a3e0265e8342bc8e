//! `peerctl watch` against real HAProxy processes.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

mod support;

use support::{Haproxy, Live, Network, Program, Setup, wait_until};

/// A table that most tests use.
const TABLE: &str = "type ip size 10k expire 10m store gpc0,http_req_rate(10s)";

fn setup<'a>(haproxy: &'a Haproxy, network: &'a Network) -> Setup<'a> {
    Setup::new(haproxy, network).table("t", TABLE)
}

fn peer(lb: &Live<'_>, name: &str) -> String {
    format!("{name}={}", lb.address())
}

/// The records that were printed so far.
fn records(text: &str) -> Vec<Value> {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Waits until there is a record of that kind.
fn wait_for(program: &mut Program, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_until(what, || {
        assert!(!program.has_ended(), "it ended: {}\n{}", program.stdout(), program.stderr());
        records(&program.stdout()).into_iter().find(|record| wanted(record))
    })
}

fn is_session(record: &Value, event: &str) -> bool {
    record["type"] == "session" && record["event"] == event
}

fn is_entry(record: &Value, key: &str, gpc0: u64) -> bool {
    record["type"] == "entry" && record["key"] == key && record["data"]["gpc0"] == gpc0
}

#[test]
fn each_change_is_seen_at_once() {
    for haproxy in support::haproxies() {
        let network = Network::new();
        let lb1 = setup(&haproxy, &network).start();
        lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 1");
        let mut watch = network.peerctl(&["watch", &peer(&lb1, "lb1"), "--format", "ndjson"]);
        let first = wait_for(&mut watch, "the entry that was there", |record| is_entry(record, "10.0.0.1", 1));
        assert_eq!(first["resync"], true, "{first}");
        wait_for(&mut watch, "the end of the resync", |record| {
            record["type"] == "session" && record["event"] != "established"
        });
        let mut delays = Vec::new();
        for number in 2..=30 {
            lb1.set_entry("mesh/t", "10.0.0.1", &format!("data.gpc0 {number}"));
            let began = Instant::now();
            loop {
                let printed = watch.stdout();
                if records(&printed).iter().any(|record| is_entry(record, "10.0.0.1", number)) {
                    break;
                }
                assert!(began.elapsed() < Duration::from_secs(1), "{number} isn't there after a second: {printed}");
                std::thread::yield_now();
            }
            delays.push(began.elapsed());
        }
        delays.sort();
        println!("{:?}: median {:?}, worst {:?}", haproxy.version, delays[delays.len() / 2], delays[delays.len() - 1]);
        let began = Instant::now();
        watch.signal(Signal::INT);
        let ended = watch.wait();
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        assert_eq!(ended.status.code(), Some(130), "{}", ended.stderr);
        let last = records(&ended.stdout).pop().expect("records");
        assert_eq!(last["type"], "end", "{last}");
        assert!(ended.stderr.contains("entries written"), "{}", ended.stderr);
        let _ = is_session;
    }
}
