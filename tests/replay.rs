//! `peerctl replay` against running HAProxy: what was dumped is there again after a restart that emptied all tables.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

mod support;

use support::shown::ShownTable;
use support::{Authority, Haproxy, Live, Network, Setup, Stopwatch, wait_until};

/// A HAProxy with entries of all kinds, in sync.
fn filled(setup: Setup<'_>) -> Live<'_> {
    let lb1 = setup.every_table().start();
    for n in 1..=3_u8 {
        lb1.track("every_ip", &[b"10.0.0.", n.to_string().as_bytes()].concat(), n.into());
        lb1.track("bin", &[n, 0, 255, b'\n', n], 1);
        lb1.track("v6", format!("2001:db8::{n}").as_bytes(), 2);
        lb1.track("ints", (u32::MAX - u32::from(n)).to_string().as_bytes(), 1);
        lb1.stick("shop", format!("client {n}").as_bytes());
        lb1.track("arrays", format!("k\u{1b}[{n}m").as_bytes(), 2);
        lb1.track("keys_only", format!("key {n}").as_bytes(), 1);
    }
    lb1.set_entry("mesh/every_ip", "10.9.9.9", "data.bytes_in_cnt 9223372036854775807 data.gpc0 4294967295");
    lb1.set_entry("mesh/every_ip", "10.9.9.8", "data.server_id -7 data.http_req_rate 1200");
    lb1.set_entry("mesh/forever", "10.0.0.1", "data.gpc0 3 data.http_req_rate 77");
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    lb1
}

/// Runs it to its end: exit code, standard output, standard error.
fn peerctl(network: &Network, words: &[&str]) -> (i32, String, String) {
    let ended = network.peerctl(words).wait();
    (ended.status.code().expect("no signal"), ended.stdout, ended.stderr)
}

fn dump(network: &Network, lb1: &Live<'_>, file: &Path, tls: &[&str]) {
    let peer = format!("lb1={}", lb1.address());
    let words = [&["dump", &peer, "-o", file.to_str().expect("a path")], tls].concat();
    let (code, _, stderr) = peerctl(network, &words);
    assert_eq!(code, 0, "{stderr}");
}

fn replay(network: &Network, lb1: &Live<'_>, file: &Path, more: &[&str]) -> (i32, String, String) {
    let peer = format!("lb1={}", lb1.address());
    peerctl(network, &[&["replay", file.to_str().expect("a path"), &peer], more].concat())
}

/// All that is shown of all tables, and from when to when that took.
type Shown = (Vec<ShownTable>, [Instant; 2]);

fn all(lb1: &Live<'_>) -> Shown {
    let began = Instant::now();
    (lb1.all_shown(), [began, Instant::now()])
}

/// The same entries with the same values; rates may have faded as the time that passed makes them, and lives must have gone on.
fn assert_equal(before: &Shown, after: &Shown, what: &str) {
    let ms = |from: Instant, to: Instant| u64::try_from((to - from).as_millis()).expect("a short time");
    let (at_least, at_most) = (ms(before.1[1], after.1[0]), ms(before.1[0], after.1[1]));
    for (before, after) in before.0.iter().zip(&after.0) {
        assert_eq!(before.name, after.name);
        let (was, is) = (before.by_key(), after.by_key());
        assert_eq!(was.keys().collect::<Vec<_>>(), is.keys().collect::<Vec<_>>(), "{what}: keys of {}", before.name);
        for (key, was) in was {
            let is = is[key];
            let place = format!("{what}: {} {key:?}", before.name);
            for (field, value) in &was.fields {
                // Not learned by HAProxy.
                if field == "conn_cur" {
                    continue;
                }
                let now = &is.fields[field];
                match field.split_once("_rate(").map(|(_, period)| period.trim_end_matches(')').parse::<u64>()) {
                    Some(period) => {
                        let (was, is): (f64, f64) = (value.parse().expect("a rate"), now.parse().expect("a rate"));
                        let period = period.expect("a period");
                        // It loses at most the share of its period that has passed, and one for rounding.
                        #[expect(clippy::cast_precision_loss, reason = "some thousand milliseconds")]
                        let least = was * (1.0 - (at_most + 500) as f64 / period as f64) - 1.0;
                        assert!(is <= was && is >= least.floor(), "{place} {field}: {was} became {is}");
                    }
                    None => assert_eq!(value, now, "{place} {field}"),
                }
            }
            let expected = was.exp_ms.saturating_sub(at_most + 2000)..=was.exp_ms.saturating_sub(at_least) + 2000;
            assert!(expected.contains(&is.exp_ms), "{place}: {} ms left, {expected:?} expected", is.exp_ms);
        }
    }
}

#[test]
fn a_restart_that_emptied_all_tables_is_made_good() {
    for haproxy in support::haproxies() {
        let authority = Authority::new();
        for tls in [false, true] {
            let what = format!("{} tls={tls}", haproxy.branch());
            let network = Network::reachable();
            let setup = Setup::new(&haproxy, &network);
            let mut lb1 = filled(if tls { setup.tls(&authority) } else { setup });
            let (crt, ca) = (authority.issue("peerctl"), authority.certificate());
            let options = ["--ssl", "--crt", crt.to_str().expect("a path"), "--ca-file", ca.to_str().expect("a path")];
            let options: &[&str] = if tls { &options } else { &[] };
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("lb1.ndjson");
            let before = all(&lb1);
            dump(&network, &lb1, &file, options);

            lb1.restart_empty();
            assert!(lb1.all_shown().iter().all(|table| table.entries.is_empty()), "{what}: it was emptied");
            let (code, stdout, stderr) = replay(&network, &lb1, &file, options);
            assert_eq!(code, 0, "{what}: {stdout}{stderr}");
            assert_equal(&before, &all(&lb1), &what);
            assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0, "{what}");
            let sent: u64 =
                stdout.lines().filter_map(|line| line.split("  ").nth(2)?.split(' ').next()?.parse::<u64>().ok()).sum();
            let entries: usize = before.0.iter().map(|table| table.entries.len()).sum();
            assert_eq!(sent, entries as u64, "{what}: {stdout}");
        }
    }
}

#[test]
fn what_is_there_is_left_alone_unless_it_is_to_be_overwritten() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).table("t", "type ip size 1k expire 10m store gpc0,server_key").start();
        lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 1");
        lb1.set_entry("mesh/t", "10.0.0.2", "data.gpc0 2");
        wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("lb1.ndjson");
        dump(&network, &lb1, &file, &[]);
        lb1.set_entry("mesh/t", "10.0.0.1", "data.gpc0 100");
        lb1.cli("clear table mesh/t key 10.0.0.2");

        let (code, stdout, stderr) = replay(&network, &lb1, &file, &["--check"]);
        assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
        assert!(stdout.contains("/t  1 entry would be sent; 1 left alone because the key is there\n"), "{stdout}");
        assert_eq!(lb1.shown("mesh/t").entries.len(), 1, "--check sends nothing");

        let values = || {
            let table = lb1.shown("mesh/t");
            table.by_key().values().map(|entry| entry.fields["gpc0"].clone()).collect::<Vec<_>>()
        };
        let (code, stdout, _) = replay(&network, &lb1, &file, &[]);
        assert!(code == 0 && stdout.contains("1 sent, all acknowledged; 1 left alone"), "{stdout}");
        assert_eq!(values(), ["100", "2"]);
        let (code, stdout, _) = replay(&network, &lb1, &file, &["--existing", "overwrite"]);
        assert!(code == 0 && stdout.contains("2 sent, all acknowledged"), "{stdout}");
        assert_eq!(values(), ["1", "2"]);
    }
}

#[test]
fn definitions_that_do_not_match_are_said_and_nothing_is_sent() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let first = Setup::new(&haproxy, &network)
            .table("len", "type string len 20 size 1k expire 10m store gpc0")
            .table("period", "type ip size 1k expire 10m store gpc0,http_req_rate(10s)")
            .table("same", "type ip size 1k expire 10m store gpc0,gpc1")
            .start();
        for (table, key) in [("len", "k"), ("period", "10.0.0.1"), ("same", "10.0.0.1")] {
            first.set_entry(&format!("mesh/{table}"), key, "data.gpc0 5");
        }
        wait_until("HAProxy is in sync", || first.is_synchronised().then_some(()));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("lb1.ndjson");
        dump(&network, &first, &file, &[]);
        drop(first);

        let second = Setup::new(&haproxy, &network)
            .table("len", "type string len 21 size 1k expire 10m store gpc0")
            .table("period", "type ip size 1k expire 10m store gpc0,http_req_rate(1m)")
            .table("same", "type ip size 1k expire 10m store gpc0")
            .start();
        let (code, stdout, stderr) = replay(&network, &second, &file, &[]);
        assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
        assert!(stderr.contains("`/len` of lb1: the keys are of another type or length"), "{stderr}");
        assert!(stderr.contains("the period of http_req_rate is 10000 ms in the file and 60000 ms there"), "{stderr}");
        assert!(stderr.contains("--without http_req_rate"), "{stderr}");
        assert!(second.all_shown().iter().all(|table| table.entries.is_empty()), "nothing was sent");

        let words = ["--table", "period,same", "--without", "http_req_rate"];
        let (code, stdout, stderr) = replay(&network, &second, &file, &words);
        assert_eq!(code, 0, "{stdout}{stderr}");
        assert!(stdout.contains("not sent: gpc1 (the table there has no such column)"), "{stdout}");
        for table in ["mesh/period", "mesh/same"] {
            assert_eq!(second.shown(table).entries[0].fields["gpc0"], "5", "{table}");
        }
        let (code, _, stderr) = replay(&network, &second, &file, &["--table", "len", "--map-table", "len=/elsewhere"]);
        assert!(
            code == 1 && stderr.contains("announces no table `/elsewhere`, only `/len`, `/period`, `/same`"),
            "{stderr}"
        );
    }
}

#[test]
fn a_file_that_is_none_or_is_damaged_ends_before_anybody_is_called() {
    let network = Network::reachable();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lb1.ndjson");
    let records = |entry: &str| {
        format!(
            "{{\"type\":\"header\",\"version\":1,\"peerctl\":\"0.1.0\",\"time\":\"2026-01-01T00:00:00.000Z\"}}\n\
             {{\"type\":\"table\",\"peer\":\"lb1\",\"table\":\"/t\",\"key_type\":\"ip\",\"key_len\":4,\"expire_ms\":1000,\
             \"store\":[{{\"name\":\"gpc0\"}}]}}\n{entry}\n{{\"type\":\"end\",\"entries\":1,\"complete\":true}}\n"
        )
    };
    let good = "{\"type\":\"entry\",\"time\":\"2026-01-01T00:00:00.000Z\",\"peer\":\"lb1\",\"table\":\"/t\",\
                \"key\":\"10.0.0.1\",\"expire_ms\":900,\"resync\":true,\"update_id\":1,\"data\":{\"gpc0\":1}}";
    for (text, said) in [
        (String::new(), "is empty"),
        ("hello\n".to_owned(), "line 1"),
        (records(&good.replace("10.0.0.1", "10.0.0.999")), "line 3"),
        (records(&good.replace("\"gpc0\":1", "\"gpc0\":-1")), "line 3"),
        (records(good).replace("\"version\":1", "\"version\":2"), "version"),
    ] {
        fs::write(&file, &text).expect("the folder takes files");
        let words = ["replay", file.to_str().expect("a path"), "lb1=127.0.0.1:1"];
        let (code, stdout, stderr) = peerctl(&network, &words);
        assert_eq!((code, stdout.as_str()), (2, ""), "{text}\n{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
    fs::write(&file, records(good)).expect("the folder takes files");
    let (code, _, stderr) = peerctl(&network, &["replay", file.to_str().expect("a path"), "lb1=127.0.0.1:1"]);
    assert_eq!(code, 3, "a good file, but nobody there: {stderr}");
}

/// A recording made by hand: `entries` are (milliseconds since the beginning, key, value).
fn recording(folder: &Path, entries: &[(u64, String, u64)]) -> PathBuf {
    let time = |ms: u64| format!("2026-01-01T00:00:{:02}.{:03}Z", ms / 1000, ms % 1000);
    let mut text = format!(
        "{{\"type\":\"header\",\"version\":1,\"peerctl\":\"0.1.0\",\"time\":\"{}\"}}\n\
         {{\"type\":\"table\",\"peer\":\"lb1\",\"table\":\"/t\",\"key_type\":\"string\",\"key_len\":32,\"expire_ms\":600000,\
         \"store\":[{{\"name\":\"gpc0\"}}]}}\n",
        time(0)
    );
    for (ms, key, value) in entries {
        text += &format!(
            "{{\"type\":\"entry\",\"time\":\"{}\",\"peer\":\"lb1\",\"table\":\"/t\",\"key\":\"{key}\",\"expire_ms\":600000,\
             \"resync\":false,\"update_id\":1,\"data\":{{\"gpc0\":{value}}}}}\n",
            time(*ms)
        );
    }
    text += &format!("{{\"type\":\"end\",\"entries\":{},\"complete\":true}}\n", entries.len());
    let file = folder.join("recording.ndjson");
    fs::write(&file, text).expect("the folder takes files");
    file
}

#[test]
fn a_recording_keeps_its_order_and_its_pace() {
    for haproxy in support::haproxies() {
        // After a standstill much is due at once, and nobody sees its pace.
        let seen = || Some(paced(&haproxy)).filter(|(_, stood)| *stood < Duration::from_millis(300));
        let (seen, _) = (0..5).find_map(|_| seen()).expect("an undisturbed run");
        assert!(seen.len() >= 5, "{}: seen on the way: {seen:?}", haproxy.branch());
    }
}

/// Replays a counter from 0 to 20 at ten times its pace. Returns its values that were seen, and how long the machine stood still.
fn paced(haproxy: &Haproxy) -> (Vec<u64>, Duration) {
    let network = Network::reachable();
    let lb1 = Setup::new(haproxy, &network).table("t", "type string size 1k expire 10m store gpc0").start();
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    let folder = tempfile::tempdir().expect("a folder");
    // 20 s of a counter that grows, and of keys that come one after the other.
    let entries: Vec<_> =
        (0..=20_u64).flat_map(|n| [(n * 1000, "counter".to_owned(), n), (n * 1000, format!("key{n:02}"), n)]).collect();
    let file = recording(folder.path(), &entries);
    let peer = format!("lb1={}", lb1.address());
    let (began, watch) = (Instant::now(), Stopwatch::start());
    let mut program = network.peerctl(&["replay", file.to_str().expect("a path"), &peer, "--speed", "10"]);
    let (mut seen, mut keys_before) = (Vec::new(), 0);
    while !program.has_ended() {
        let table = lb1.shown("mesh/t");
        let value = |key: &str| {
            let entry = table.entries.iter().find(|entry| entry.key == key.as_bytes())?;
            entry.fields["gpc0"].parse::<u64>().ok()
        };
        if let Some(counter) = value("counter") {
            let keys = table.entries.len() as u64 - 1;
            // HAProxy shows the counter first and the keys then, between which time may pass.
            assert!(keys >= counter, "{keys} keys when the counter was {counter}");
            assert!(keys_before <= counter + 1, "{keys_before} keys before the counter was {counter}");
            assert!(seen.last().is_none_or(|last| *last <= counter), "it never goes back: {seen:?} {counter}");
            keys_before = keys;
            seen.push(counter);
        }
    }
    let took = began.elapsed();
    let stood = watch.stood();
    let ended = program.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(took >= Duration::from_secs(2), "20 s at ten times: {took:?}");
    seen.dedup();
    let table = lb1.shown("mesh/t");
    assert_eq!(table.entries.len(), 22);
    assert!(table.entries.iter().any(|entry| entry.key == b"counter" && entry.fields["gpc0"] == "20"));
    (seen, stood)
}

#[test]
fn a_haproxy_that_calls_us_is_taught_too() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).table("t", "type string size 1k expire 10m store gpc0").start();
        wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
        let folder = tempfile::tempdir().expect("a folder");
        let file = recording(folder.path(), &[(0, "a".into(), 1), (10, "b".into(), 2)]);
        let guest = network.address(support::live::GUEST_PORT);
        let words = ["replay", file.to_str().expect("a path"), "lb1", "--listen", &guest, "--life", "as-dumped"];
        let peer = format!("lb1={}", lb1.address());
        let words: Vec<&str> = words.iter().map(|word| if *word == "lb1" { peer.as_str() } else { word }).collect();
        let (code, stdout, stderr) = peerctl(&network, &words);
        assert_eq!(code, 0, "{stdout}{stderr}");
        assert!(stdout.contains("2 sent, all acknowledged"), "{stdout}");
        assert_eq!(lb1.shown("mesh/t").entries.len(), 2, "{}", haproxy.branch());
    }
}

#[test]
fn dead_entries_are_not_raised() {
    let network = Network::reachable();
    let haproxy = &support::haproxies()[0];
    let lb1 = Setup::new(haproxy, &network).table("t", "type string size 1k expire 10m store gpc0").start();
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    let folder = tempfile::tempdir().expect("a folder");
    let file = recording(folder.path(), &[(0, "a".into(), 1), (10, "b".into(), 2)]);
    let (code, stdout, _) = replay(&network, &lb1, &file, &[]);
    assert!(code == 0 && stdout.contains("nothing sent; 2 dead by now"), "{stdout}");
    let (code, stdout, _) = replay(&network, &lb1, &file, &["--life", "as-dumped"]);
    assert!(code == 0 && stdout.contains("2 sent, all acknowledged"), "{stdout}");
    assert_eq!(lb1.shown("mesh/t").entries.len(), 2);
}

#[test]
fn a_haproxy_killed_on_the_way_gets_everything_again() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let mut lb1 = Setup::new(&haproxy, &network).table("t", "type string size 10k expire 10m store gpc0").start();
        wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
        let folder = tempfile::tempdir().expect("a folder");
        let entries: Vec<_> = (0..40_u64).map(|n| (n * 1000, format!("key{n:02}"), n)).collect();
        let file = recording(folder.path(), &entries);
        let peer = format!("lb1={}", lb1.address());
        let program = network.peerctl(&["replay", file.to_str().expect("a path"), &peer, "--speed", "10"]);
        wait_until("some came", || (lb1.shown("mesh/t").entries.len() > 5).then_some(()));
        lb1.restart_empty();
        let ended = program.wait();
        assert_eq!(ended.status.code(), Some(0), "{}\n{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains("everything is sent again"), "{}", ended.stderr);
        let values: BTreeMap<_, _> = lb1
            .shown("mesh/t")
            .entries
            .iter()
            .map(|entry| (String::from_utf8_lossy(&entry.key).into_owned(), entry.fields["gpc0"].clone()))
            .collect();
        assert_eq!(values, (0..40).map(|n| (format!("key{n:02}"), n.to_string())).collect(), "{}", haproxy.branch());
    }
}

#[test]
fn a_peer_that_does_not_know_us_is_said_with_what_to_do() {
    let network = Network::reachable();
    let haproxy = &support::haproxies()[0];
    let lb1 = Setup::new(haproxy, &network).table("t", "type string size 1k").without_guest().start();
    let folder = tempfile::tempdir().expect("a folder");
    let file = recording(folder.path(), &[(0, "a".into(), 1)]);
    let (code, stdout, stderr) = replay(&network, &lb1, &file, &[]);
    assert_eq!((code, stdout.as_str()), (3, ""), "{stderr}");
    assert!(stderr.contains("504") && stderr.contains("--guest"), "{stderr}");
}
