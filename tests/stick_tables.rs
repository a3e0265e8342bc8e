//! Definitions of stick tables, compared with HAProxy: what it accepts, warns of and makes of them.

mod probe;
mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use peerctl::grammar::{DataArgument, DataKind, DataType, KeyType};
use peerctl::stick::{ParsedTable, Place, Problem, Schema, Severity, parse};

use crate::probe::{DEFAULTS, Random, Verdict, chance, line, verdicts, version};
use crate::support::{Haproxy, Network, Running, haproxies};

type Words = Vec<Vec<u8>>;

fn words(text: &str) -> Words {
    text.split(' ').filter(|word| !word.is_empty()).map(|word| word.as_bytes().to_vec()).collect()
}

/// The piece of configuration that holds a definition.
fn piece(index: usize, words: &Words, place: Place) -> Vec<u8> {
    let head = match place {
        Place::Proxy => format!("backend b{index}\n stick-table"),
        Place::Peers => format!("peers p{index}\n peer lb1 127.0.0.1:10001\n table t"),
    };
    [head.into_bytes(), line(words)].concat()
}

/// Compares what HAProxy and we say about definitions.
fn compare(definitions: &[Words], place: Place) {
    for haproxy in haproxies() {
        let pieces: Vec<_> = definitions.iter().enumerate().map(|(index, words)| piece(index, words, place)).collect();
        for (words, verdict) in definitions.iter().zip(verdicts(&haproxy, &pieces)) {
            compare_one(&haproxy, words, &parse(words, place, Some(version(&haproxy))), &verdict);
        }
    }
}

fn compare_one(haproxy: &Haproxy, words: &Words, parsed: &ParsedTable, verdict: &Verdict) {
    let text = String::from_utf8_lossy(&line(words)).into_owned();
    let context = || format!("{} of{text}HAProxy: {verdict:?}\nwe: {:?}", haproxy.branch(), parsed.problems);
    assert_eq!(parsed.accepted(), verdict.accepted(), "{}", context());
    // Only the warning about a column named twice has a line of its own; after an error there may be none.
    let duplicate = |problem: &Problem| problem.to_string().contains("stored already");
    let duplicates = parsed.problems.iter().filter(|problem| duplicate(problem)).count();
    if parsed.accepted() {
        assert_eq!(duplicates, verdict.warnings.len(), "{}", context());
    }
}

/// Every word belongs to one parameter.
fn assert_covered(words: &Words, parsed: &ParsedTable) {
    let mut next = 0;
    for argument in &parsed.arguments {
        assert_eq!(argument.keyword, next, "{words:?}: {:?}", parsed.arguments);
        assert_eq!(argument.value.start, next + 1);
        next = argument.value.end;
    }
    assert_eq!(next, words.iter().take_while(|word| !word.is_empty()).count(), "{words:?}: {:?}", parsed.arguments);
}

/// What may stand behind a type and a size.
const RESTS: [&str; 86] = [
    "",
    "size",
    "size 0",
    "size 1k",
    "size 1kb",
    "size x",
    "type",
    "type ip",
    "type foo",
    "expire",
    "expire 5s",
    "expire 25d",
    "expire 0",
    "peers",
    "nopurge",
    "nopurge nopurge",
    "srvkey",
    "srvkey name",
    "srvkey addr",
    "srvkey foo",
    "write-to",
    "brates-factor",
    "brates-factor 0",
    "brates-factor 1",
    "brates-factor 1k",
    "brates-factor 1025",
    "brates-factor x",
    "recv-only",
    "recv-only 1",
    "len",
    "len 4",
    "foo",
    "TYPE ip",
    "store",
    "store ,",
    "store gpc0",
    "store gpc0,",
    "store gpc0,gpc0",
    "store gpc0 store gpc0",
    "store gpc0,,gpc1",
    "store GPC0",
    "store gpc0, gpc1",
    "store (",
    "store )",
    "store ()",
    "store (5)",
    "store gpc0)",
    "store gpc0)x,gpc1",
    "store gpc(1)x(2)",
    "store gpc(1,2)",
    "store gpc()",
    "store gpc(",
    "store gpc(2",
    "store gpt(100)",
    "store gpt(101)",
    "store gpt(0)",
    "store gpt(-1)",
    "store gpt(2x)",
    "store gpt(4294967298)",
    "store gpt(+2)",
    "store gpc_rate(2)",
    "store gpc_rate(2,1s)",
    "store gpc_rate(,1s)",
    "store gpc_rate(2,)",
    "store gpc_rate(2,1s,)",
    "store gpc_rate(2,x,1s)",
    "store gpc_rate(2,1s)(3)",
    "store gpc_rate(1s)(3)",
    "store conn_rate(1s)(",
    "store conn_rate((1s)",
    "store conn_rate(1s))",
    "store conn_rate(,1s)",
    "store conn_rate(1s,)",
    "store conn_rate(x)",
    "store conn_rate(1h30m)",
    "store conn_rate(1h30m),conn_rate(x)",
    "store gpt(2),gpt0",
    "store gpt0 store gpt(2)",
    "store gpc(2),gpc0",
    "store gpc(2),gpc1",
    "store gpc_rate(2,1s),gpc0",
    "store gpc_rate(2,1s),gpc0_rate(1s)",
    "store gpc_rate(2,1s),gpc1_rate(1s)",
    "store gpc(2),gpc0_rate(1s)",
    "store server_id,server_key",
    "store server_name",
];

#[test]
fn every_single_parameter_is_judged_as_by_haproxy() {
    let mut definitions: Vec<_> = RESTS.iter().map(|rest| words(&format!("type ip size 1k {rest}"))).collect();
    definitions.extend(RESTS.iter().map(|rest| words(rest)));
    definitions.extend(RESTS.iter().map(|rest| words(&format!("{rest} type ip size 1k"))));
    for key in ["ip", "ipv4", "ipv6", "integer", "string", "binary", "IP", "str", "any"] {
        for len in
            ["", "len", "len 1", "len 0", "len -1", "len 64x", "len x", "len +5", "len 4294967296", "len 10 len 20"]
        {
            definitions.push(words(&format!("type {key} {len} size 1k")));
            definitions.push(words(&format!("size 1k type {key} {len}")));
        }
    }
    compare(&definitions, Place::Proxy);
    compare(&definitions, Place::Peers);
}

#[test]
fn every_data_type_is_known_since_its_version_and_no_earlier() {
    let argument = |argument| match argument {
        DataArgument::None => "",
        DataArgument::Period => "(10s)",
        DataArgument::Count => "(3)",
        DataArgument::CountAndPeriod => "(3,10s)",
    };
    let definitions: Vec<_> = DataType::spellings()
        .iter()
        .flat_map(|info| {
            ["", "(10s)", "(3)", "(3,10s)"]
                .map(|wrong| (wrong == argument(info.argument), format!("{}{wrong}", info.name)))
        })
        .collect();
    let texts: Vec<_> =
        definitions.iter().map(|(_, column)| words(&format!("type ip size 1k store {column}"))).collect();
    compare(&texts, Place::Proxy);
    for haproxy in haproxies() {
        let columns: Vec<_> = definitions.iter().filter(|(right, _)| *right).map(|(_, column)| column).collect();
        let pieces: Vec<_> = columns
            .iter()
            .enumerate()
            .map(|(i, column)| piece(i, &words(&format!("type ip size 1k store {column}")), Place::Proxy))
            .collect();
        for (info, verdict) in DataType::spellings().iter().zip(verdicts(&haproxy, &pieces)) {
            assert_eq!(
                info.lifetime.contains(Some(version(&haproxy))),
                verdict.accepted(),
                "{} {}",
                haproxy.branch(),
                info.name
            );
        }
    }
}

#[test]
fn random_definitions_are_judged_as_by_haproxy() {
    let mut random = Random::new(42);
    let definitions: Vec<_> = (0..700).map(|_| random_definition(&mut random)).collect();
    for words in &definitions {
        assert_covered(words, &parse(words, Place::Proxy, None));
    }
    compare(&definitions, Place::Proxy);
    compare(&definitions, Place::Peers);
}

#[test]
fn a_running_haproxy_has_the_tables_we_read() {
    let mut random = Random::new(4242);
    let definitions: Vec<_> = (0..1500).map(|_| random_definition(&mut random)).collect();
    for haproxy in haproxies() {
        // `peers` and `write-to` name things that do not exist here; a period of 0 crashes HAProxy when it is shown.
        let usable = |words: &&Words| {
            let parsed = parse(words, Place::Proxy, Some(version(&haproxy)));
            let alone = parsed.schema.peers.is_none() && parsed.schema.write_to.is_none();
            let sound = parsed.problems.iter().all(|problem| problem.severity() < Severity::Error)
                && parsed.schema.store.iter().all(|column| column.period.is_none_or(|period| period.ms() > 0));
            alone && sound && parsed.schema.len.is_none_or(|len| (1..=300).contains(&len))
        };
        let usable: Vec<_> = definitions.iter().filter(usable).collect();
        assert!(usable.len() > 100, "enough definitions to compare: {}", usable.len());
        let dir = tempfile::tempdir().expect("a folder for temporary files");
        let mut text = DEFAULTS.as_bytes().to_vec();
        for (index, words) in usable.iter().enumerate() {
            text.extend(piece(index, words, Place::Proxy));
        }
        std::fs::write(dir.path().join("tables.cfg"), text).expect("the folder takes files");
        let network = Network::new();
        let running = haproxy.start(&network, dir.path(), &["tables.cfg"], Some("lb1"));
        for (index, words) in usable.iter().enumerate() {
            let schema = parse(words, Place::Proxy, Some(version(&haproxy))).schema;
            assert_table(&running, &format!("b{index}"), &schema, words);
        }
    }
}

/// Compares type, size, columns, key length and life of an entry with what the process shows.
fn assert_table(running: &Running<'_>, name: &str, schema: &Schema, words: &Words) {
    let text = String::from_utf8_lossy(&line(words)).into_owned();
    let key_type = schema.key_type.expect("a type");
    let key = match key_type {
        KeyType::IP => "127.0.0.1".to_owned(),
        KeyType::IPV6 => "::1".to_owned(),
        KeyType::INTEGER => "7".to_owned(),
        _ => "6".repeat(700),
    };
    if key_type != KeyType::BINARY {
        running.set_entry(name, &key, "");
    }
    let shown = running.cli(&format!("show table {name}"));
    let header = format!("type: {key_type}, size:{},", schema.size.expect("a size").get());
    assert!(shown.contains(&header), "expected {header}\n{shown}\n{text}");
    if key_type == KeyType::BINARY {
        // The runtime socket takes no entries of this type.
        return;
    }
    let entry = shown.lines().find(|line| line.contains("key=")).expect("an entry");
    let field = |name: &str| entry.split(' ').find_map(|field| field.strip_prefix(name)).expect("a field");
    if key_type == KeyType::STRING {
        assert_eq!(Some(field("key=").len()), schema.len.map(|len| len as usize), "{shown}{text}");
    }
    let left: u32 = field("exp=").parse().expect("a number");
    let expire = schema.expire_ms();
    // The thread that answers may have read its clock some milliseconds before the one that made the entry.
    assert!(left < expire + 1000 && left + 60_000 > expire, "{left} of {expire} left: {text}");
    let columns: Vec<_> = entry.split(' ').filter_map(|field| field.split_once('=')).map(|(name, _)| name).collect();
    let columns: Vec<_> = columns.into_iter().filter(|name| !["key", "use", "exp", "shard"].contains(name)).collect();
    assert_eq!(columns, printed(schema), "{shown}{text}");
}

/// The names that HAProxy prints for the columns: arrays unrolled, periods in milliseconds.
fn printed(schema: &Schema) -> Vec<String> {
    let mut names = Vec::new();
    for column in &schema.store {
        let info = column.data_type.info().expect("a known type");
        let period = column.period.map_or(String::new(), |period| format!("({})", period.ms()));
        let stem = info.name.strip_suffix("_rate").filter(|_| info.kind == DataKind::Rate);
        match column.count {
            None => names.push(format!("{}{period}", info.name)),
            Some(count) => names.extend((0..count).map(|i| match stem {
                Some(stem) => format!("{stem}{i}_rate{period}"),
                None => format!("{}{i}", info.name),
            })),
        }
    }
    names
}

/// A definition that is mostly right.
fn random_definition(random: &mut Random) -> Words {
    let mut text = String::new();
    let mut parts: Vec<String> = Vec::new();
    if chance(random, 97) {
        let key = random.pick(&["ip", "ipv6", "integer", "string", "binary", "string", "binary", "ipv4"]);
        let len = random.pick(&["", "", "len 12", "len 31", "len 32", "len 64", "len 300", "len 5x", "len 0", "len"]);
        let len = if matches!(key, "string" | "binary") || chance(random, 3) { len } else { "" };
        parts.push(format!("type {key} {len}"));
    }
    if chance(random, 97) {
        parts.push(format!("size {}", random.pick(&["1", "10", "1k", "100k", "1m", "2M", "3K", "0", "1kb"])));
    }
    for _ in 0..random.below(4) {
        let part = match random.below(12) {
            0 => "nopurge".to_owned(),
            1 => "recv-only".to_owned(),
            2 => format!("srvkey {}", random.pick(&["name", "addr", "addr", "host"])),
            3 => format!("brates-factor {}", random.pick(&["1", "1000", "1k", "2000"])),
            4 => format!("expire {}", random.pick(&["30m", "1h", "2d", "60000", "24d", "5h3", "0", "25d"])),
            5 => random.pick(&["write-to x", "peers p", "len 5", "type ip", "size 7", "hello"]).to_owned(),
            _ => format!("store {}", random_store(random)),
        };
        parts.push(part);
    }
    while !parts.is_empty() {
        let part = parts.swap_remove(random.below(parts.len()));
        let _ = write!(text, "{part} ");
    }
    words(&text)
}

fn random_store(random: &mut Random) -> String {
    let mut items = Vec::new();
    let mut seen = BTreeSet::new();
    for _ in 0..=random.below(5) {
        let info = &DataType::spellings()[random.below(DataType::spellings().len())];
        if !seen.insert(info.name) && chance(random, 80) {
            continue;
        }
        let period = random.pick(&["10s", "1m", "500", "3h", "1d", "1h1"]);
        let count = random.pick(&["1", "2", "5", "3x"]);
        let right = match info.argument {
            DataArgument::None => String::new(),
            DataArgument::Period => format!("({period})"),
            DataArgument::Count => format!("({count})"),
            DataArgument::CountAndPeriod => format!("({count},{period})"),
        };
        let odd = ["", "(10s)", "(2)", "(2,10s)", "()", "(2,3s,4s)", "(1s)(2s)", "(1s)x", "(2,1s)(3)", "(", "(0)"];
        let argument = if chance(random, 96) { right } else { random.pick(&odd).to_owned() };
        items.push(format!("{}{argument}", info.name));
    }
    let mut list = items.join(",");
    if chance(random, 5) {
        list.push(',');
    }
    list
}
