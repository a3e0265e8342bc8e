//! What the tests of the live half stand on: a HAProxy with peers, what it prints of its tables, the captures.

use std::{collections::BTreeMap, time::Instant};

use peerctl::stick::FreqCtr;

mod support;

use support::{
    Authority, Network, Setup,
    generate_tables::{RandomEntry, RandomTable},
    random::Random,
    shown::ShownTable,
    wait_until, wire,
};

#[test]
fn every_key_type_and_hostile_keys_are_read_as_they_were_sent() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = Setup::new(&haproxy, &network).every_table().start();
        let mut keys: Vec<Vec<u8>> = (1..=u8::MAX).map(|byte| vec![b'<', byte, b'>']).collect();
        for hostile in
            ["\u{1b}]0;pwn\u{7}", "use=0 exp=3", "\\x41", "\\\\", "\u{202e}abc", "=cmd|' /C calc'!A0", "a\\ ", ""]
        {
            keys.push(hostile.as_bytes().to_vec());
        }
        for key in &keys {
            lb1.track("arrays", key, 1);
        }
        keys.sort();
        let table = lb1.shown("mesh/arrays");
        assert_eq!(table.by_key().into_keys().collect::<Vec<_>>(), keys, "{:?}", haproxy.version);
        assert_eq!(usize::try_from(table.used).expect("few"), keys.len());

        lb1.track("bin", b"\0\x01\xff", 2);
        lb1.set_entry("mesh/every_ip", "10.20.30.40", "data.gpc0 7 data.http_req_rate 12 data.bytes_in_cnt 4000000000");
        lb1.set_entry("mesh/ints", "4294967295", "data.server_id -7");
        lb1.set_entry("mesh/v6", "::ffff:1.2.3.4", "data.conn_cnt 3");
        let only = |table: &str| lb1.shown(table).entries.into_iter().next().expect("an entry");
        let (bin, ip, int, v6) = (only("mesh/bin"), only("mesh/every_ip"), only("mesh/ints"), only("mesh/v6"));
        assert_eq!(
            (bin.key.as_slice(), bin.number("gpc0"), bin.number("gpt0")),
            (b"\0\x01\xff\0\0\0\0\0".as_slice(), 2, 7)
        );
        assert_eq!(
            (ip.key.as_slice(), ip.number("gpc0"), ip.number("http_req_rate(60000)")),
            ([10, 20, 30, 40].as_slice(), 7, 12)
        );
        assert_eq!(ip.number("bytes_in_cnt"), 4_000_000_000);
        assert_eq!((int.key.as_slice(), int.number("server_id")), ([255; 4].as_slice(), -7));
        assert_eq!(v6.key, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4]);
        assert!(ip.exp_ms <= 600_000 && ip.exp_ms > 590_000, "{ip:?}");
        assert_eq!(ip.shard.is_some(), haproxy.version >= (2, 8, 0));
    }
}

#[test]
fn requests_count_and_clients_stick() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let mut lb1 = Setup::new(&haproxy, &network).every_table().start();
        lb1.track("every_ip", b"10.0.0.1", 5);
        lb1.stick("shop", b"client 1");
        let entry = lb1.shown("mesh/every_ip").entries.remove(0);
        assert_eq!((entry.number("http_req_cnt"), entry.number("gpc0")), (5, 5));
        let entry = lb1.shown("shop").entries.remove(0);
        assert_eq!((entry.key.as_slice(), entry.fields["server_key"].as_str()), (b"client 1".as_slice(), "srv1"));
        assert_eq!(entry.number("server_id"), 101);
        let pid = lb1.pid();
        lb1.restart_empty();
        assert!(lb1.pid() != pid && lb1.all_shown().iter().all(|table| table.entries.is_empty()), "it knows nothing");
    }
}

/// Random tables and entries hold what was set: keys and numbers exactly, rates within the time that has passed.
#[test]
fn thousands_of_random_entries_are_set_quickly_and_exactly() {
    let mut random = Random::new(7);
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let tables = RandomTable::some(&mut random, 6, 10_000);
        let setup = tables.iter().fold(Setup::new(&haproxy, &network), |s, t| s.table(&t.name, &t.definition));
        let lb1 = setup.start();
        let begin = Instant::now();
        let filled: Vec<_> = (tables.iter())
            .map(|table| {
                let entries = table.entries(&mut random, 1000);
                lb1.set_entries(&format!("mesh/{}", table.name), &entries);
                entries
            })
            .collect();
        println!("{}: 6,000 entries in {:?}", haproxy.branch(), begin.elapsed());
        for (table, entries) in tables.iter().zip(&filled) {
            let shown = lb1.shown(&format!("mesh/{}", table.name));
            let by_key = shown.by_key();
            assert_eq!(by_key.len(), entries.len(), "{}", table.definition);
            for entry in entries {
                let found = by_key.get(&*entry.key).unwrap_or_else(|| panic!("{entry:?} of {}", table.definition));
                for (field, value) in &entry.values {
                    let is = found.number(field);
                    if RandomEntry::is_rate(field) {
                        // The shortest period is a minute; the fill takes seconds.
                        assert!(is <= *value && is >= *value / 2 - 1, "{field} of {entry:?} is {is}");
                    } else {
                        assert_eq!(is, *value, "{field} of {entry:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn two_of_them_teach_each_other_over_tls() {
    let authority = Authority::new();
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let setup = |name: &str, port, other: &str, at| {
            let setup = Setup::new(&haproxy, &network).named(name, port).without_guest().peer(other, at);
            setup.tls(&authority).table("t", "type string size 1k expire 5m store gpc0").start()
        };
        let mut lb1 = setup("lb1", 10_001, "lb2", 10_002);
        let lb2 = setup("lb2", 10_002, "lb1", 10_001);
        lb1.wait_established("lb2");
        lb1.set_entry("mesh/t", "a", "data.gpc0 7");
        let arrives = |at: &support::Live<'_>| {
            wait_until("the entry is there", || at.shown("mesh/t").entries.first().map(|entry| entry.number("gpc0")))
        };
        assert_eq!(arrives(&lb2), 7);
        lb1.freeze();
        lb1.thaw();
        lb1.restart_empty();
        assert_eq!(arrives(&lb1), 7, "it is taught by the other one");
        wait_until("lb1 has learnt all it could", || lb1.is_synchronised().then_some(()));
        let old = lb1.reload_with(|setup| setup.section("# nothing new"));
        assert_eq!(arrives(&lb1), 7);
        old.wait();
    }
}

#[test]
fn the_program_runs_inside_the_network() {
    let network = Network::new();
    let ended = network.peerctl(&["--version"]).wait();
    assert!(ended.status.success() && ended.stdout.starts_with("peerctl ") && ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn captures_are_whole() {
    for capture in wire::captures() {
        for (to_haproxy, stream) in [(true, &capture.to_haproxy), (false, &capture.from_haproxy)] {
            let mut ends = 0;
            for range in stream.messages.iter().map(|message| &message.range).chain(&stream.undecoded_tail) {
                assert_eq!(range.start, ends, "{}: no gap between messages", capture.name);
                ends = range.end;
            }
            assert_eq!(ends, stream.bytes.len(), "{}: nothing behind the messages", capture.name);
            let chunks: Vec<u8> = (capture.chunks.iter().filter(|chunk| chunk.to_haproxy == to_haproxy))
                .flat_map(|chunk| capture.bytes(chunk).to_vec())
                .collect();
            assert_eq!(chunks, stream.bytes, "{}: chunks are the stream", capture.name);
        }
        let (caller, called) = capture.by_role();
        assert!(caller.bytes.starts_with(b"HAProxy") || caller.bytes.starts_with(b"XX"), "{}", capture.name);
        assert_eq!(
            called.messages.first().map(|message| message.name.as_str()),
            Some("status_line"),
            "{}",
            capture.name
        );
    }
    assert_eq!(wire::capture("3.2", "full-dump").version, (3, 2, 26));
}

/// The last values on the wire are what `show table` printed, rates included.
#[test]
fn captures_agree_with_what_haproxy_showed() {
    let mut compared = 0;
    for capture in wire::captures() {
        for (full_name, shown) in &capture.show_table {
            let wire_name = full_name.strip_prefix(&capture.peers_section).unwrap_or(full_name);
            let mut last = BTreeMap::new();
            let mut periods = BTreeMap::new();
            for message in &capture.from_haproxy.messages {
                let fields = &message.fields;
                if fields["table_name"] != wire_name {
                    continue;
                }
                for param in fields["params"].as_array().into_iter().flatten() {
                    periods.insert(param["type"].as_str().expect("a type").to_owned(), param["period_ms"].as_u64());
                }
                if let Some(key) = fields["key_hex"].as_str() {
                    let at = |chunk: &&wire::Chunk| !chunk.to_haproxy && chunk.range.contains(&message.range.start);
                    let ms = capture.chunks.iter().find(at).expect("a chunk").ms;
                    last.insert(wire::unhex(key), (ms, &fields["data"]));
                }
            }
            let table = ShownTable::parse(&shown.text);
            for (key, (ms, data)) in last {
                let by_key = table.by_key();
                let entry = by_key.get(key.as_slice()).unwrap_or_else(|| panic!("{}: {key:?}", capture.name));
                for (name, value) in data.as_object().expect("data") {
                    let Some(number) = value.as_u64() else {
                        if let Some(elapsed) = value["elapsed_ms"].as_u64() {
                            let small = |value: &serde_json::Value| {
                                u32::try_from(value.as_u64().expect("a count")).expect("32 bits")
                            };
                            let counter = FreqCtr {
                                elapsed_ms: u32::try_from(elapsed).expect("32 bits"),
                                current: small(&value["curr"]),
                                previous: small(&value["prev"]),
                            };
                            let period = u32::try_from(periods[name].expect("a period")).expect("32 bits");
                            let age = u32::try_from(shown.ms.saturating_sub(ms)).expect("32 bits");
                            let printed = entry.number(&format!("{name}({period})"));
                            let near = |age| i128::from(counter.rate(period, age)) == printed;
                            assert!((0..6).any(|off| near(age + off)), "{}: {name} {value} is {printed}", capture.name);
                            compared += 1;
                        }
                        continue;
                    };
                    let same = entry.number(name) == i128::from(number) || name == "conn_cur";
                    assert!(same, "{}: {name} of {key:?} is {number}, not {entry:?}", capture.name);
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 1000, "{compared} values were compared");
}
