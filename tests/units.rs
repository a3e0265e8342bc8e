//! Sizes and delays, compared with HAProxy.

mod probe;
mod support;

use peerctl::units::{Delay, Size};

use crate::probe::{DEFAULTS, Random, chance, line, verdicts};
use crate::support::{Haproxy, Network, haproxies};

/// Texts around every limit and every spelling of `unit`s, and random ones.
fn texts(units: &[&str], limits: &[u64], seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    let mut texts: Vec<String> =
        ["-1", "+1", "k", "s", "1.5", "1.5k", "0x10", "1_0", "007", "1 ", " 1"].map(str::to_owned).into();
    let beyond = [
        "9223372036854775808",
        "18446744073709550617",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551617",
        "99999999999999999999999",
    ];
    for number in limits.iter().flat_map(|limit| [limit - 1, *limit, limit + 1]).map(|n| n.to_string()) {
        texts.extend(units.iter().map(|unit| format!("{number}{unit}")));
    }
    for number in ["0", "1", "2", "999"].iter().chain(&beyond) {
        texts.extend(units.iter().map(|unit| format!("{number}{unit}")));
    }
    for _ in 0..100 {
        let number = random.below(100_000);
        let unit = random.pick(units);
        let tail = if chance(&mut random, 20) { random.pick(&["1", "k", "s", "m", "30m", ".", "-", " "]) } else { "" };
        texts.push(format!("{number}{unit}{tail}"));
    }
    texts
}

/// What HAProxy prints as size and as period of each accepted table of a running process.
fn running_values(haproxy: &Haproxy, tables: &[(String, Vec<u8>)]) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a folder for temporary files");
    let mut text = DEFAULTS.as_bytes().to_vec();
    for (name, definition) in tables {
        text.extend_from_slice(format!("backend {name}\n stick-table").as_bytes());
        text.extend_from_slice(definition);
    }
    std::fs::write(dir.path().join("tables.cfg"), text).expect("the folder takes files");
    let network = Network::new();
    let running = haproxy.start(&network, dir.path(), &["tables.cfg"], Some("lb1"));
    let value = |(name, _): &(String, Vec<u8>)| {
        running.set_entry(name, "127.0.0.1", "data.gpc0 1");
        running.cli(&format!("show table {name}"))
    };
    tables.iter().map(value).collect()
}

#[test]
fn sizes_are_read_as_haproxy_reads_them() {
    let texts =
        texts(&["", "k", "K", "m", "M", "g", "G", "kb", "t", "kk"], &[4, 4096, 4_194_304, u64::from(u32::MAX)], 1);
    for haproxy in haproxies() {
        let definition = |text: &String| line(&["type", "ip", "size", text, "store", "gpc0"]);
        let piece = |(index, text)| [format!("backend b{index}\n stick-table").into_bytes(), definition(text)].concat();
        let pieces: Vec<_> = texts.iter().enumerate().map(piece).collect();
        let mut accepted = Vec::new();
        for (text, verdict) in texts.iter().zip(verdicts(&haproxy, &pieces)) {
            // A table of size 0 is refused, but not because of its spelling.
            let ours = Size::parse(text.as_bytes()).ok();
            let readable = ours.is_some_and(|size| size.get() > 0);
            assert_eq!(readable, verdict.accepted(), "{} of `{text}`: {:?}", haproxy.branch(), verdict.alerts);
            accepted.extend(ours.filter(|_| readable).map(|size| (text, size)));
        }
        let tables: Vec<_> =
            accepted.iter().enumerate().map(|(index, (text, _))| (format!("b{index}"), definition(text))).collect();
        for ((text, size), shown) in accepted.iter().zip(running_values(&haproxy, &tables)) {
            // Printed as a signed number.
            let expected = format!("size:{},", i64::from(size.get()) - if size.get() >> 31 == 1 { 1 << 32 } else { 0 });
            assert!(
                shown.contains(&expected),
                "{} of `{text}`: we read {expected} HAProxy shows {shown}",
                haproxy.branch()
            );
        }
    }
}

#[test]
fn delays_are_read_as_haproxy_reads_them() {
    let units = ["", "us", "ms", "s", "m", "h", "d", "S", "w", "u", "min", "1h"];
    let texts = texts(&units, &[24, 596, 35_791, 2_147_483, 2_147_483_647, 2_147_483_647_000], 2);
    for haproxy in haproxies() {
        let definition =
            |text: &String| line(&["type", "ip", "size", "10", "store", &format!("gpc0,http_req_rate({text})")]);
        let piece = |(index, text)| [format!("backend b{index}\n stick-table").into_bytes(), definition(text)].concat();
        let pieces: Vec<_> = texts.iter().enumerate().map(piece).collect();
        let mut accepted = Vec::new();
        for (text, verdict) in texts.iter().zip(verdicts(&haproxy, &pieces)) {
            let ours = Delay::parse(text.as_bytes()).ok();
            assert_eq!(ours.is_some(), verdict.accepted(), "{} of `{text}`: {:?}", haproxy.branch(), verdict.alerts);
            // HAProxy crashes when it prints a rate whose period is 0.
            accepted.extend(ours.map(|parsed| (text, parsed.delay)).filter(|(_, delay)| delay.ms() > 0));
        }
        let tables: Vec<_> =
            accepted.iter().enumerate().map(|(index, (text, _))| (format!("b{index}"), definition(text))).collect();
        for ((text, delay), shown) in accepted.iter().zip(running_values(&haproxy, &tables)) {
            let expected = format!("http_req_rate({})=", delay.ms());
            assert!(
                shown.contains(&expected),
                "{} of `{text}`: we read {expected} HAProxy shows {shown}",
                haproxy.branch()
            );
        }
    }
}

#[test]
fn haproxy_warns_where_we_drop_text_behind_a_time() {
    for haproxy in haproxies() {
        for text in ["1h30m", "5sx", "10ms2", "1us1", "5s", "10", "1h"] {
            let dir = tempfile::tempdir().expect("a folder for temporary files");
            let file = dir.path().join("one.cfg");
            let table = line(&["type", "ip", "size", "10", "expire", text]);
            std::fs::write(&file, [DEFAULTS.as_bytes(), b"backend b\n stick-table", &table].concat()).expect("a file");
            let check = haproxy.check(&[file], None, &[]);
            let dropped = Delay::parse(text.as_bytes()).expect("a time").ignored;
            assert!(check.valid(), "{check:?}");
            assert_eq!(dropped.is_some(), !check.warnings().is_empty(), "{} of `{text}`: {check:?}", haproxy.branch());
        }
    }
}

#[test]
fn what_we_print_haproxy_reads_as_the_same_value() {
    let mut random = Random::new(3);
    let values: Vec<u32> = (0..60)
        .map(|_| {
            u32::try_from(random.below(2_000_000_000)).expect("31 bits") / random.pick(&[1, 1000, 60_000, 1 << 20])
        })
        .flat_map(|value| [value, value.saturating_mul(1024), value.saturating_mul(60_000)])
        .filter(|value| (1..=Delay::MAX_MS).contains(value))
        .collect();
    for haproxy in haproxies() {
        let definition = |value: &u32| {
            let (size, delay) = (Size::new(*value), Delay::from_ms(*value).expect("in range"));
            line(&["type", "ip", "size", &size.to_string(), "store", &format!("gpc0,http_req_rate({delay})")])
        };
        let tables: Vec<_> =
            values.iter().enumerate().map(|(index, value)| (format!("b{index}"), definition(value))).collect();
        for (value, shown) in values.iter().zip(running_values(&haproxy, &tables)) {
            let (size, period) = (format!("size:{value},"), format!("http_req_rate({value})="));
            assert!(shown.contains(&size) && shown.contains(&period), "{} of {value}: {shown}", haproxy.branch());
        }
    }
}
