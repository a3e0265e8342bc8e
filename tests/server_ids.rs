//! Server ids, compared with those of a running HAProxy.

mod probe;
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use peerctl::model::server_id::{Declaration, ExplicitId, assign, parse_id, parse_template};

use crate::probe::{DEFAULTS, Random, chance, escaped, verdicts, version};
use crate::support::{Network, Running, haproxies};

/// One backend: its text and the ids we expect, by server.
struct Backend {
    text: String,
    expected: BTreeMap<String, u32>,
}

/// A random backend named `name`: single servers and templates, with and without ids.
fn backend(random: &mut Random, name: &str) -> Backend {
    let mut text = format!("backend {name}\n");
    let (mut declarations, mut names) = (Vec::new(), Vec::new());
    let mut free: Vec<u32> = (1..=20).collect();
    for line in 0..random.below(12) {
        let template = chance(random, 20);
        let count = u32::try_from(if template { 1 + random.below(5) } else { 1 }).expect("small");
        let id = chance(random, 40).then(|| free.swap_remove(random.below(free.len())));
        let parameter = id.map_or(String::new(), |id| format!(" id {id}"));
        let _ = if template {
            writeln!(text, " server-template s{line}- {count} 127.0.0.1:80{parameter} check")
        } else {
            writeln!(text, " server s{line}-1 127.0.0.1:80 weight 5{parameter}")
        };
        let explicit = id.map_or(ExplicitId::Automatic, ExplicitId::Given);
        declarations.push(Declaration { explicit, count: Some(count), certain: true });
        names.extend((1..=count).map(|number| format!("s{line}-{number}")));
    }
    let ids = assign(&declarations);
    let ids = ids.iter().flat_map(|ids| ids.iter().collect::<Vec<_>>()).map(|id| id.expect("everything is known"));
    Backend { text, expected: names.into_iter().zip(ids).collect() }
}

/// Backend → server → id, from the runtime socket.
fn running_ids(running: &Running<'_>) -> BTreeMap<String, BTreeMap<String, u32>> {
    let mut ids: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    for line in running.cli("show servers state").lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
    {
        let fields: Vec<_> = line.split(' ').collect();
        let [_, backend, id, server, ..] = fields[..] else { continue };
        ids.entry(backend.to_owned()).or_default().insert(server.to_owned(), id.parse().expect("an id"));
    }
    ids
}

#[test]
fn random_backends_have_the_ids_that_haproxy_gives() {
    let mut random = Random::new(7);
    let backends: Vec<_> = (0..300).map(|index| backend(&mut random, &format!("b{index}"))).collect();
    let servers: usize = backends.iter().map(|backend| backend.expected.len()).sum();
    assert!(servers > 1000, "a comparison worth the name: {servers}");
    let dir = tempfile::tempdir().expect("a folder for temporary files");
    let text: String = backends.iter().map(|backend| backend.text.as_str()).collect();
    std::fs::write(dir.path().join("ids.cfg"), format!("{DEFAULTS}{text}")).expect("the folder takes files");
    for haproxy in haproxies() {
        let network = Network::new();
        let running = haproxy.start(&network, dir.path(), &["ids.cfg"], Some("lb1"));
        let ids = running_ids(&running);
        for (index, backend) in backends.iter().enumerate() {
            let theirs = ids.get(&format!("b{index}")).cloned().unwrap_or_default();
            assert_eq!(backend.expected, theirs, "{}:\n{}", haproxy.branch(), backend.text);
        }
    }
}

#[test]
fn the_fixture_with_random_ids_has_the_ids_that_were_recorded() {
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/config/cases");
    let text = std::fs::read_to_string(format!("{cases}/53-ids-random.cfg")).expect("the fixture");
    let expected = std::fs::read_to_string(format!("{cases}/expected.json")).expect("the fixture");
    let expected: serde_json::Value = serde_json::from_str(&expected).expect("JSON");
    let recorded = &expected["cases"]["53-ids-random.cfg"]["runtime"][0]["servers"];
    let mut sections: BTreeMap<&str, Vec<Declaration>> = BTreeMap::new();
    let mut section = "";
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["backend" | "listen", name, ..] => section = name,
            [keyword @ ("server" | "server-template"), rest @ ..] => {
                let count =
                    if *keyword == "server" { 1 } else { parse_template(rest[1].as_bytes()).expect("a range").count() };
                let id = rest.iter().position(|word| *word == "id").and_then(|at| rest.get(at + 1));
                let explicit = id.map_or(ExplicitId::Automatic, |id| {
                    ExplicitId::Given(parse_id(id.as_bytes(), None).expect("an id"))
                });
                let count = Some(u32::try_from(count).expect("small"));
                sections.entry(section).or_default().push(Declaration { explicit, count, certain: true });
            }
            _ => {}
        }
    }
    assert!(!sections.is_empty(), "the fixture has servers");
    for (name, declarations) in sections {
        let ours: Vec<_> = assign(&declarations).iter().flat_map(|ids| ids.iter().collect::<Vec<_>>()).collect();
        let theirs: Vec<_> = recorded[name]
            .as_array()
            .expect("a recorded backend")
            .iter()
            .map(|server| server[1].as_u64().and_then(|id| u32::try_from(id).ok()))
            .collect();
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn values_of_id_are_read_as_haproxy_reads_them() {
    let mut values: Vec<String> =
        ["", "0", "00", "x", "0x10", "-1", "+7", " 7", "7 ", "7x", "\t9", "1e3", "1.5", "--1", "+-1"]
            .map(str::to_owned)
            .into();
    for number in
        [1_u64, 255, 65_536, 2_147_483_647, 2_147_483_648, 4_294_967_295, 4_294_967_296, 4_294_967_297, 1 << 62]
    {
        values.extend([format!("{number}"), format!("-{number}"), format!("0{number}"), format!("{number}9999999999")]);
    }
    let words: Vec<_> = values.iter().map(|value| escaped(value.as_bytes())).collect();
    for haproxy in haproxies() {
        let piece = |(index, word)| format!("backend b{index}\n server s 127.0.0.1:80 id {word}\n").into_bytes();
        let pieces: Vec<_> = words.iter().enumerate().map(piece).collect();
        let verdicts = verdicts(&haproxy, &pieces);
        let mut text = DEFAULTS.to_owned();
        let mut expected = BTreeMap::new();
        for (index, (value, verdict)) in values.iter().zip(&verdicts).enumerate() {
            let ours = parse_id(value.as_bytes(), Some(version(&haproxy)));
            assert_eq!(ours.is_ok(), verdict.accepted(), "{} of `{value}`: {verdict:?}", haproxy.branch());
            if let Ok(id) = ours {
                let _ = write!(text, "backend b{index}\n server s 127.0.0.1:80 id {}\n", words[index]);
                expected.insert(format!("b{index}"), BTreeMap::from([("s".to_owned(), id)]));
            }
        }
        let dir = tempfile::tempdir().expect("a folder for temporary files");
        std::fs::write(dir.path().join("ids.cfg"), text).expect("the folder takes files");
        let network = Network::new();
        let running = haproxy.start(&network, dir.path(), &["ids.cfg"], Some("lb1"));
        assert_eq!(running_ids(&running), expected, "{}", haproxy.branch());
    }
}

#[test]
fn ranges_of_templates_are_read_as_haproxy_reads_them() {
    let ranges = [
        "0",
        "1",
        "3",
        "03",
        "+3",
        " 3",
        "3x",
        "x",
        "-3",
        "0-0",
        "0-2",
        "1-1",
        "5-8",
        "8-5",
        "1-x",
        "1-",
        "-",
        "1--2",
        "1-2-3",
        "2x-4y",
        "1-+3",
        "4294967297",
        "1-4294967298",
        "2147483648",
        "2147483648-2147483649",
    ];
    for haproxy in haproxies() {
        let piece = |(index, range): (usize, &&str)| {
            format!("backend b{index}\n server-template s {} 127.0.0.1:80\n", escaped(range.as_bytes()))
        };
        let pieces: Vec<_> = ranges.iter().enumerate().map(piece).collect();
        let bytes: Vec<_> = pieces.iter().map(|piece| piece.clone().into_bytes()).collect();
        let verdicts = verdicts(&haproxy, &bytes);
        let mut text = DEFAULTS.to_owned();
        let mut expected = BTreeMap::new();
        for (index, (range, verdict)) in ranges.iter().zip(&verdicts).enumerate() {
            let ours = parse_template(range.as_bytes());
            assert_eq!(ours.is_ok(), verdict.accepted(), "{} of `{range}`: {verdict:?}", haproxy.branch());
            if let Ok(numbers) = ours {
                text += &pieces[index];
                let servers = numbers.zip(1..).map(|(number, id)| (format!("s{number}"), id)).collect();
                expected.insert(format!("b{index}"), servers);
            }
        }
        let dir = tempfile::tempdir().expect("a folder for temporary files");
        std::fs::write(dir.path().join("ids.cfg"), text).expect("the folder takes files");
        let network = Network::new();
        let running = haproxy.start(&network, dir.path(), &["ids.cfg"], Some("lb1"));
        assert_eq!(running_ids(&running), expected, "{}", haproxy.branch());
    }
}
