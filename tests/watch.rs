//! `peerctl watch` against real HAProxy processes, and against a peer that does what it is told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

mod support;

#[path = "watch/metrics.rs"]
mod metrics;
#[path = "watch/recording.rs"]
mod recording;
#[path = "watch/screen.rs"]
mod screen;
#[path = "watch/sessions.rs"]
mod sessions;
#[path = "watch/slow.rs"]
mod slow;
#[path = "watch/suspended.rs"]
mod suspended;
#[path = "watch/takeover.rs"]
mod takeover;

use support::{Authority, Haproxy, Live, Network, Program, Setup, Stopwatch, wait_until};

/// A table that most tests use.
const TABLE: &str = "type ip size 10k expire 10m store gpc0,http_req_rate(10s)";

fn setup<'a>(haproxy: &'a Haproxy, network: &'a Network) -> Setup<'a> {
    Setup::new(haproxy, network).table("t", TABLE)
}

/// `lb1=127.0.0.1:10001`.
fn peer(lb: &Live<'_>, name: &str) -> String {
    format!("{name}={}", lb.address())
}

/// `peerctl watch …` with records on standard output.
fn watch(network: &Network, words: &[&str]) -> Program {
    network.peerctl(&[&["watch", "--format", "ndjson"], words].concat())
}

/// The records that were printed so far.
fn records(text: &str) -> Vec<Value> {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Waits until there is a record of that kind.
fn wait_for(program: &mut Program, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_until(what, || {
        let ended = program.has_ended();
        let found = records(&program.stdout()).into_iter().find(|record| wanted(record));
        assert!(found.is_some() || !ended, "no {what}: it ended: {}\n{}", program.stdout(), program.stderr());
        found
    })
}

fn is_session(record: &Value, event: &str) -> bool {
    record["type"] == "session" && record["event"] == event
}

fn is_entry(record: &Value, key: &str, gpc0: u64) -> bool {
    record["type"] == "entry" && record["key"] == key && record["data"]["gpc0"] == gpc0
}

/// What a reader of the stream holds: what a finished resync didn't teach again is gone.
#[derive(Debug, Default)]
struct Copy {
    /// The counter and the number of the session for each peer, table and key.
    entries: BTreeMap<(String, String, String), (u64, usize)>,
    sessions: BTreeMap<String, usize>,
    /// Peers whose last session has finished a resync.
    finished: BTreeMap<String, bool>,
}

impl Copy {
    fn of(records: &[Value]) -> Self {
        let mut copy = Self::default();
        for record in records {
            let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            let peer = text("peer");
            match (record["type"].as_str(), record["event"].as_str()) {
                (Some("session"), Some("established")) => {
                    *copy.sessions.entry(peer.clone()).or_default() += 1;
                    copy.finished.insert(peer, false);
                }
                (Some("session"), Some("resync_finished")) => {
                    let session = copy.sessions[&peer];
                    copy.entries.retain(|(of, ..), (_, since)| *of != peer || *since == session);
                    copy.finished.insert(peer, true);
                }
                (Some("entry"), _) => {
                    let session = copy.sessions[&peer];
                    let gpc0 = record["data"]["gpc0"].as_u64().unwrap_or_default();
                    copy.entries.insert((peer, text("table"), text("key")), (gpc0, session));
                }
                _ => {}
            }
        }
        copy
    }

    /// The counters of one table of one peer by key.
    fn table(&self, peer: &str, table: &str) -> BTreeMap<String, u64> {
        let of = self.entries.iter().filter(|((p, t, _), _)| p == peer && t == table);
        of.map(|((_, _, key), (gpc0, _))| (key.clone(), *gpc0)).collect()
    }
}

/// The counters that HAProxy shows by key.
fn shown(lb: &Live<'_>, table: &str) -> BTreeMap<String, u64> {
    let shown = lb.shown(table);
    let key = |key: &[u8]| std::net::Ipv4Addr::from(<[u8; 4]>::try_from(key).expect("an address")).to_string();
    let gpc0 = |entry: &support::shown::ShownEntry| u64::try_from(entry.number("gpc0")).expect("a counter");
    shown.entries.iter().map(|entry| (key(&entry.key), gpc0(entry))).collect()
}

/// Waits until a reader of the stream holds what HAProxy shows, in a session number `session` or later.
fn wait_same(program: &mut Program, lb: &Live<'_>, name: &str, session: usize) {
    let (mut held, mut there) = (BTreeMap::new(), BTreeMap::new());
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(40) {
        assert!(!program.has_ended(), "it ended: {}", program.stderr());
        let copy = Copy::of(&records(&program.stdout()));
        (held, there) = (copy.table(name, "/t"), shown(lb, "mesh/t"));
        let finished = copy.finished.get(name) == Some(&true);
        if held == there && finished && copy.sessions.get(name).is_some_and(|sessions| *sessions >= session) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the stream says {held:?}, HAProxy {there:?}; {}", program.stderr());
}

/// Ends it as Ctrl-C does; returns what it printed.
fn interrupt(program: Program) -> Vec<Value> {
    let began = Stopwatch::start();
    program.signal(Signal::INT);
    let ended = program.wait();
    assert!(began.elapsed() < Duration::from_secs(1), "it ends within a second: {:?}", began.elapsed());
    assert_eq!(ended.status.code(), Some(130), "{}", ended.stderr);
    let records = records(&ended.stdout);
    assert_eq!(records.last().expect("records")["type"], "end");
    assert!(ended.stderr.contains("entries written"), "a summary: {}", ended.stderr);
    records
}
