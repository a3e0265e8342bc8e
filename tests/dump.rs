//! `peerctl dump` against running HAProxy: what it writes is what `show table` prints.

use std::collections::BTreeMap;

use serde_json::Value;

mod support;

#[path = "dump/ends.rs"]
mod ends;

use support::shown::{ShownEntry, ShownTable};
use support::{Authority, Live, Network, Setup, wait_until};

/// Keys that mean something to a terminal, a shell, a spreadsheet, or a reader of lines.
const HOSTILE: [&[u8]; 10] = [
    b"\x1b]0;pwn\x07",
    b"use=0 exp=3",
    b"\\x41",
    "\u{202e}abc".as_bytes(),
    b"=cmd|' /C calc'!A0",
    b"a\nb\r\n",
    b"caf\xe9",
    b"tab\there, \"quoted\", 'too'; and more",
    b"",
    b"{\"type\":\"end\"}",
];

/// A HAProxy with entries of all kinds in tables of all kinds, in sync.
fn filled(setup: Setup<'_>) -> Live<'_> {
    let lb1 = setup.every_table().start();
    for n in 1..=3_u8 {
        lb1.track("every_ip", &[b"10.0.0.", n.to_string().as_bytes()].concat(), n.into());
        lb1.track("bin", &[n, 0, 255, b'\n', n], 1);
        lb1.track("v6", format!("2001:db8::{n}").as_bytes(), 2);
        lb1.track("ints", (u32::MAX - u32::from(n)).to_string().as_bytes(), 1);
        lb1.stick("shop", format!("client {n}").as_bytes());
    }
    for key in HOSTILE {
        lb1.track("arrays", key, 2);
        lb1.track("keys_only", key, 1);
    }
    lb1.set_entry("mesh/every_ip", "10.9.9.9", "data.bytes_in_cnt 9223372036854775807 data.gpc0 4294967295");
    lb1.set_entry("mesh/every_ip", "10.9.9.8", "data.server_id -7 data.http_req_rate 12");
    lb1.set_entry("mesh/forever", "10.0.0.1", "data.gpc0 3 data.http_req_rate 77");
    wait_until("HAProxy is in sync", || lb1.is_synchronised().then_some(()));
    lb1
}

/// What `peerctl dump …` printed, each line an object; it ended with `code`.
fn dumped(network: &Network, words: &[&str], code: i32) -> Vec<Value> {
    let ended = network.peerctl(&[&["dump", "--format", "ndjson"], words].concat()).wait();
    assert_eq!(ended.status.code(), Some(code), "{words:?}: {}\n{}", ended.stderr, ended.stdout);
    assert!(!ended.stdout.chars().any(|c| c.is_control() && c != '\n'), "no terminal acts on it: {:?}", ended.stdout);
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("JSON: {line}"))).collect()
}

/// The entries of a dump by table and key, and whether it says that it is complete.
fn entries(records: &[Value]) -> (BTreeMap<(String, Vec<u8>), Value>, bool) {
    let mut entries = BTreeMap::new();
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    for record in records {
        match record["type"].as_str() {
            Some("table") => {
                types.insert(record["table"].as_str().expect("a name"), record["key_type"].as_str().expect("a type"));
            }
            Some("entry") => {
                let table = record["table"].as_str().expect("a name");
                let key = key_of(types.get(table).expect("defined before"), record);
                entries.insert((table.to_owned(), key), record.clone());
            }
            _ => {}
        }
    }
    let end = records.last().expect("a last record");
    assert_eq!((end["type"].as_str(), end["entries"].as_u64()), (Some("end"), Some(entries.len() as u64)));
    (entries, end["complete"].as_bool().expect("a word"))
}

fn key_of(key_type: &str, record: &Value) -> Vec<u8> {
    let Some(text) = record["key"].as_str() else {
        return support::wire::unhex(record["key_hex"].as_str().expect("a key"));
    };
    match key_type {
        "integer" => text.parse::<u32>().expect("a number").to_be_bytes().to_vec(),
        "ip" => text.parse::<std::net::Ipv4Addr>().expect("an address").octets().to_vec(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().expect("an address").octets().to_vec(),
        _ => text.as_bytes().to_vec(),
    }
}

fn wire_name(table: &ShownTable) -> &str {
    table.name.rfind('/').map_or(table.name.as_str(), |at| &table.name[at..])
}

/// Whether a dump holds what HAProxy shows, value for value.
fn assert_same(lb1: &Live<'_>, records: &[Value], what: &str) {
    let (mut entries, complete) = entries(records);
    assert!(complete, "{what}: complete");
    let mut compared = 0;
    for table in lb1.all_shown() {
        let wire = wire_name(&table);
        let rows = records.iter().filter(|record| record["type"] == "table" && record["table"] == wire);
        assert_eq!(rows.count(), 1, "{what}: {wire} is announced, empty or not");
        for (key, shown) in table.by_key() {
            let entry = entries.remove(&(wire.to_owned(), key.to_vec()));
            let entry = entry.unwrap_or_else(|| panic!("{what}: {wire} has {key:?}"));
            assert_same_entry(&table, shown, &entry, what);
            compared += 1;
        }
    }
    assert!(entries.is_empty(), "{what}: entries that HAProxy doesn't show: {entries:?}");
    assert!(compared > 30, "{what}: {compared} entries");
}

fn assert_same_entry(table: &ShownTable, shown: &ShownEntry, entry: &Value, what: &str) {
    let data = entry["data"].as_object().expect("values");
    let mut count = 0;
    for (name, value) in data {
        let many: Vec<&Value> = value.as_array().map_or_else(|| vec![value], |values| values.iter().collect());
        for (n, value) in many.iter().enumerate() {
            let printed = match (value.get("rate"), many.len() > 1) {
                (Some(_), true) => prefix(shown, &format!("{}{n}_rate(", name.trim_end_matches("_rate"))),
                (Some(_), false) => prefix(shown, &format!("{name}(")),
                (None, true) => shown.fields.get(&format!("{name}{n}")).cloned(),
                (None, false) => shown.fields.get(name).cloned(),
            };
            let printed = printed.unwrap_or_else(|| panic!("{what}: {name} {n} in {shown:?}"));
            count += 1;
            match value.get("rate").map_or(*value, |rate| rate) {
                Value::String(text) => assert_eq!(*text, printed, "{what}: {name}"),
                Value::Number(number) if value.get("rate").is_some() => {
                    let (rate, printed) = (number.as_f64().expect("a rate"), printed.parse::<f64>().expect("a rate"));
                    assert!((rate - printed).abs() <= 1.0 + rate / 10.0, "{what}: {name} is {printed}, not {rate}");
                }
                Value::Number(number) => assert_eq!(number.to_string(), printed, "{what}: {name} of {entry}"),
                other => panic!("{what}: {name} is {other}"),
            }
        }
    }
    let none = usize::from(shown.fields.get("server_key").is_some_and(|text| text == "-"));
    assert_eq!(count + none, shown.fields.len(), "{what}: every value of {}: {shown:?} {entry}", table.name);
    match entry["expire_ms"].as_u64() {
        Some(left) => assert!(left.abs_diff(shown.exp_ms) < 5000, "{what}: {left} ms left, HAProxy: {}", shown.exp_ms),
        None => assert_eq!(shown.exp_ms, 0, "{what}: {} never expires", table.name),
    }
    assert_eq!(entry["resync"], true);
}

fn prefix(shown: &ShownEntry, start: &str) -> Option<String> {
    shown.fields.iter().find(|(name, _)| name.starts_with(start)).map(|(_, value)| value.clone())
}

#[test]
fn a_dump_is_what_show_table_prints_whoever_calls() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = filled(Setup::new(&haproxy, &network));
        let version = haproxy.version;
        let peer = format!("lb1={}", lb1.address());
        assert_same(&lb1, &dumped(&network, &[&peer], 0), &format!("{version:?}, called"));
        assert_same(&lb1, &dumped(&network, &[&peer, "--borrow-local"], 0), &format!("{version:?}, borrowed"));
        let config = format!("lb1={}", lb1.file().display());
        assert_same(&lb1, &dumped(&network, &["-f", &config, &peer], 0), &format!("{version:?}, by configuration"));
        let own = network.address(support::live::GUEST_PORT);
        let waits = dumped(&network, &["lb1", "--listen", &own], 0);
        assert_same(&lb1, &waits, &format!("{version:?}, calling"));
        assert_eq!(lb1.peer_counter("peerctl", "proto_err"), 0);
    }
}

#[test]
fn a_dump_over_tls_is_what_show_table_prints_whoever_calls() {
    let authority = Authority::new();
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = filled(Setup::new(&haproxy, &network).tls(&authority));
        let version = haproxy.version;
        let peer = format!("lb1={}", lb1.address());
        let config = format!("lb1={}", lb1.file().display());
        assert_same(&lb1, &dumped(&network, &["-f", &config, &peer], 0), &format!("{version:?}, called"));
        let own = network.address(support::live::GUEST_PORT);
        let waits = dumped(&network, &["-f", &config, "lb1", "--listen", &own], 0);
        assert_same(&lb1, &waits, &format!("{version:?}, calling"));

        let (ca, crt) = (authority.certificate(), authority.issue("peerctl"));
        let by_hand = ["--ssl", "--ca-file", &ca.to_string_lossy(), "--crt", &crt.to_string_lossy()].map(str::to_owned);
        let with = |more: &[&str]| -> Vec<String> {
            [peer.clone()].into_iter().chain(by_hand.clone()).chain(more.iter().map(|&word| word.to_owned())).collect()
        };
        let words = with(&["--verifyhost", "lb1"]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_same(&lb1, &dumped(&network, &words, 0), &format!("{version:?}, by hand"));
        let ended = network.peerctl(&[vec!["dump".to_owned()], with(&["--verifyhost", "lb2"])].concat()).wait();
        assert_eq!(ended.status.code(), Some(3), "another name: {}", ended.stderr);
        assert!(ended.stderr.contains("lb2") && ended.stderr.contains("TLS"), "{}", ended.stderr);
        let ended = network.peerctl(&["dump", &peer]).wait();
        assert_eq!(ended.status.code(), Some(3), "in plain: {}", ended.stderr);
    }
}

#[test]
fn a_dump_through_the_runtime_socket_is_the_same_without_a_line_for_us() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let lb1 = filled(Setup::new(&haproxy, &network).without_guest().peer("lb2", 10_002));
        let version = haproxy.version;
        let socket = lb1.socket().display().to_string();
        assert_same(&lb1, &dumped(&network, &["--socket", &socket], 0), &format!("{version:?}, socket"));
        let (config, named) = (lb1.file().display().to_string(), format!("front={socket}"));
        let records = dumped(&network, &["--socket", &named, "-f", &config], 0);
        assert_same(&lb1, &records, &format!("{version:?}, socket and configuration"));
        let table =
            records.iter().find(|record| record["table"] == "/bin" && record["type"] == "table").expect("a table");
        assert_eq!(
            (&table["peer"], &table["key_len"], &table["expire_ms"]),
            (&"front".into(), &8.into(), &90_000.into())
        );
        assert!(records.iter().all(|record| record.get("update_id").is_none()), "HAProxy prints no numbers of updates");
        let cli = network.peerctl(&["dump", "--socket", &socket, "--format", "cli", "--table", "ints"]).wait();
        assert_eq!(cli.stdout.matches("set table mesh/ints key ").count(), 3, "{}{}", cli.stdout, cli.stderr);
    }
    let network = Network::new();
    let gone = network.peerctl(&["dump", "--socket", "/nonexistent/haproxy.sock"]).wait();
    assert_eq!(gone.status.code(), Some(3), "{}", gone.stderr);
}

#[test]
fn no_format_lets_a_key_act_on_a_terminal_or_a_spreadsheet() {
    for haproxy in support::haproxies().into_iter().take(1) {
        let network = Network::reachable();
        let lb1 = filled(Setup::new(&haproxy, &network));
        let peer = format!("lb1={}", lb1.address());
        for format in ["table", "csv", "json", "cli", "ndjson"] {
            let words = ["dump", &peer, "--format", format, "--table", "mesh/arrays"];
            let ended = network.peerctl(&words).wait();
            assert_eq!(ended.status.code(), Some(0), "{format}: {}", ended.stderr);
            for text in [&ended.stdout, &ended.stderr] {
                assert!(!text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{format}: {text:?}");
            }
        }
        let csv = network.peerctl(&["dump", &peer, "--format", "csv", "--table", "arrays"]).wait().stdout;
        assert!(csv.lines().all(|line| !line.contains(",=")), "no formula: {csv}");
        assert_eq!(csv.lines().count(), 1 + HOSTILE.len(), "a line for each key");
        let json = network.peerctl(&["dump", &peer, "--format", "json"]).wait().stdout;
        let json: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!((json["version"].as_u64(), json["complete"].as_bool()), (Some(1), Some(true)));
        let total: usize =
            json["tables"].as_array().expect("tables").iter().map(|t| t["entries"].as_array().expect("").len()).sum();
        assert_eq!(json["entries"].as_u64(), Some(total as u64));
    }
}

#[test]
fn runtime_commands_of_a_dump_make_the_entries_again() {
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let mut lb1 = filled(Setup::new(&haproxy, &network));
        let config = format!("lb1={}", lb1.file().display());
        let peer = format!("lb1={}", lb1.address());
        let ended = network.peerctl(&["dump", "-f", &config, &peer, "--format", "cli"]).wait();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        assert!(ended.stderr.contains("not expressible as `set table`"), "{}", ended.stderr);
        let before = lb1.all_shown();
        lb1.restart_empty();
        for line in ended.stdout.lines() {
            let answer = lb1.cli(line);
            assert!(answer.trim().is_empty(), "{:?}: `{line}`: {answer}", haproxy.version);
        }
        let mut compared = 0;
        for table in before.iter().filter(|table| !matches!(table.name.as_str(), "mesh/bin" | "mesh/arrays")) {
            let now = lb1.shown(&table.name);
            let now = now.by_key();
            for (key, entry) in table.by_key() {
                let printable =
                    str::from_utf8(key).is_ok_and(|text| !text.chars().any(|c| c.is_control() || c == '\u{202e}'));
                if table.key_type == "string" && (key.is_empty() || !printable) {
                    continue;
                }
                let again = now.get(key).unwrap_or_else(|| panic!("{} has {key:?}", table.name));
                for (field, value) in &entry.fields {
                    if field == "server_key" || field == "conn_cur" {
                        continue;
                    }
                    let same = again.fields[field] == *value || field.contains("_rate(");
                    assert!(same, "{}: {field} of {key:?} is {}, was {value}", table.name, again.fields[field]);
                }
                compared += 1;
            }
        }
        assert!(compared > 15, "{compared} entries");
    }
}

#[test]
fn tables_are_chosen_by_either_name() {
    let haproxy = &support::haproxies()[0];
    let network = Network::reachable();
    let lb1 = filled(Setup::new(haproxy, &network));
    let peer = format!("lb1={}", lb1.address());
    for names in [&["--table", "/bin"][..], &["--table", "mesh/bin"], &["--table", "bin"], &["--table", "bin,shop"]] {
        let records = dumped(&network, &[&[peer.as_str()], names].concat(), 0);
        let tables: Vec<&Value> = records.iter().filter(|r| r["type"] == "table").map(|r| &r["table"]).collect();
        assert_eq!(tables.len(), if names[1].contains(',') { 2 } else { 1 }, "{names:?}: {tables:?}");
        assert!(tables.contains(&&Value::from("/bin")));
    }
    let ended = network.peerctl(&["dump", &peer, "--table", "shpo"]).wait();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("no table `shpo`") && ended.stderr.contains("`shop`"), "{}", ended.stderr);
    let top = network
        .peerctl(&["dump", &peer, "--table", "every_ip", "--sort", "http_req_cnt", "--limit", "1", "--format", "csv"])
        .wait();
    assert!(top.stdout.lines().nth(1).is_some_and(|line| line.contains(",10.0.0.3,")), "{}{}", top.stdout, top.stderr);
    let where_ = |text: &str| {
        let words = ["dump", &peer, "--where", text, "--format", "csv", "--table", "every_ip"];
        network.peerctl(&words).wait()
    };
    let some = where_("http_req_cnt >= 2 and key in 10.0.0.0/8");
    assert_eq!(some.stdout.lines().count(), 3, "a heading and 10.0.0.2, 10.0.0.3: {}{}", some.stdout, some.stderr);
    let (wrong, other) = (where_("http_req_cnt >="), where_("gpt[0] = 1"));
    assert_eq!((wrong.status.code(), other.status.code()), (Some(2), Some(2)), "{}{}", wrong.stderr, other.stderr);
    assert!(wrong.stderr.contains("--where") && wrong.stderr.contains("grammar where"), "{}", wrong.stderr);
    let all = dumped(&network, &[&peer, "--where", "gpc[3] = 0"], 0);
    let tables: Vec<&Value> = all.iter().filter(|r| r["type"] == "table").map(|r| &r["table"]).collect();
    assert_eq!(tables, ["/arrays"], "only tables that have it");
    let ended = network.peerctl(&["dump", &peer, "--sort", "nonsense", "--format", "table"]).wait();
    assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
}

#[test]
fn a_revoked_certificate_is_refused_as_haproxy_refuses_it() {
    let (authority, other) = (Authority::new(), Authority::new());
    for haproxy in support::haproxies() {
        let network = Network::reachable();
        let setup = Setup::new(&haproxy, &network).tls(&authority);
        let lb1 = setup.peer("lb2", 10_009).table("t", "type ip size 1k expire 1h store gpc0").start();
        authority.issue("old");
        let cases = [
            (authority.revoke("others", &["old"], false), None),
            (authority.revoke("lb1", &["old", "lb1"], false), Some("was revoked")),
            (authority.revoke("expired", &[], true), Some("has expired")),
            (other.revoke("foreign", &[], false), Some("has no list of")),
        ];
        for (list, refused) in cases {
            let what = format!("{:?}, {}", haproxy.version, list.display());
            let line = format!("default-server crl-file {}", list.display());
            let lb2 = Setup::new(&haproxy, &network).named("lb2", 10_002).tls(&authority).peer("lb1", 10_001);
            let lb2 = lb2.section(&line).table("t", "type ip size 1k expire 1h store gpc0").start();
            // lb1 calls where nobody is, so a session is one that lb2 has begun.
            wait_until("lb2 has called", || {
                (lb2.is_established("lb1") || lb2.peer_counter("lb1", "new_conn") >= 2).then_some(())
            });
            assert_eq!(lb2.is_established("lb1"), refused.is_none(), "{what}: {}", lb2.cli("show peers"));
            wait_until("lb1 is in sync", || lb1.is_synchronised().then_some(()));
            let config = format!("lb2={}", lb2.file().display());
            let ended = network.peerctl(&["dump", "-f", &config, "lb1"]).wait();
            assert_eq!(ended.status.code(), Some(if refused.is_some() { 3 } else { 0 }), "{what}: {}", ended.stderr);
            assert!(ended.stderr.contains(refused.unwrap_or_default()), "{what}: {}", ended.stderr);
        }
    }
}
