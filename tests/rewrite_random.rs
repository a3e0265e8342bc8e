//! Random definitions of stick tables, written in odd ways, under random edits: the result says what was asked for and
//! nothing else, has nothing left to do, keeps what was not named byte for byte, and real HAProxy still takes it.

mod support;

use std::{collections::BTreeSet, fs};

use peerctl::{
    config::{Document, Environment, Source},
    grammar::Version,
    model::{Facts, Instance, Naming},
    ops::{
        OpErrorKind,
        rewrite_table::{Changes, List, Removal, RewriteTable, StoreChange, Tables, Travel, Value},
    },
    stick::{Column, Schema, SrvKey},
};
use support::random::Random;
use support::{Haproxy, haproxies};

const HEAD: &str = "peers mesh\n    peer lb1 127.0.0.1:10001\npeers spare\n    peer lb1 127.0.0.1:10009\nbackend agg\n    stick-table type ip size 1k\n";

/// What the lines may refer to. `NONE` isn't set.
const ENVIRONMENT: [(&str, &str); 4] =
    [("SIZE", "5k"), ("TYPE", "string"), ("ARGS", "expire 3m nopurge"), ("P", "mesh")];

/// Arguments of definitions, as they are written.
const ARGUMENTS: [&str; 34] = [
    "type ip",
    "type ipv6",
    "type string",
    "type string len 20",
    "type \"string\"  len 33",
    "type binary len 8",
    "type integer",
    "type \"$TYPE\"",
    "type \"${TYPE}\" len 9",
    "size 1k",
    "size '2k'",
    "size \"$SIZE\"",
    "size ${SIZE}",
    "expire 5m",
    "expire 1500",
    "\\expire 24d",
    "nopurge",
    "no\"purge\"",
    "peers mesh",
    "peers \"$P\"",
    "peers spare",
    "srvkey addr",
    "srvkey name",
    "store gpc0",
    "store gpt0,gpc1",
    "store http_req_rate(10s)",
    "store 'http_req_rate(30s),conn_cnt,'",
    "store gpc_rate(2,1m)",
    "store gpt(3),bytes_in_rate(1s)",
    "\"${ARGS[*]}\"",
    "store",
    "\"$NONE\"",
    "recv-only",
    "write-to agg",
];

const BLANKS: [&str; 5] = [" ", " ", " ", "  \t", "\t"];
const ENDS: [&str; 4] = ["", "  ", " # a comment, size 3", "\t#"];

fn line(random: &mut Random) -> String {
    let mut arguments = vec![random.pick(&["type ip", "type string len 12", "type string", "type integer"]), "size 4k"];
    for _ in 0..random.below(6) {
        let at = random.below(arguments.len() + 1);
        arguments.insert(at, random.pick(&ARGUMENTS));
    }
    let blank = |random: &mut Random| random.pick(&BLANKS);
    let mut line = "stick-table".to_owned();
    for argument in arguments {
        line.push_str(blank(random));
        line.push_str(argument);
    }
    line + random.pick(&ENDS)
}

fn changes(random: &mut Random) -> Changes {
    let mut changes = Changes::default();
    let list = |text| List::parse("--store", text).expect("a list");
    for _ in 0..=random.below(3) {
        match random.below(11) {
            0 => changes.size = Some(Value::size("", random.pick(&["1k", "1024", "9", "2m"])).expect("a size")),
            1 => changes.expire = Some(Value::expire("", random.pick(&["0", "5m", "300s", "7d"])).expect("a time")),
            2 => {
                let types = ["ip", "ipv6", "string", "binary", "integer"];
                changes.key_type = Some(Value::key_type("", random.pick(&types)).expect("a type"));
            }
            3 => changes.len = Some(Value::len("", random.pick(&["12", "31", "64"])).expect("a length")),
            4 => changes.peers = Some(Travel::Through(random.pick(&["mesh", "spare"]).into())),
            5 => changes.peers = Some(Travel::Nowhere),
            6 => changes.store = StoreChange::Replace(list(random.pick(&["", "gpc0", "conn_cur,http_req_rate(10s)"]))),
            7 => {
                let remove = random.pick(&["gpc0", "http_req_rate,gpt0", "http_req_rate(10s),gpc_rate", "conn_cnt"]);
                changes.store = StoreChange::Edit {
                    add: list(random.pick(&["", "gpc1", "http_req_rate(10s)", "gpc(2)", "gpt(3),sess_cnt"])),
                    remove: Removal::parse("", remove).expect("names"),
                };
            }
            8 => changes.srvkey = Some(random.pick(&[SrvKey::Name, SrvKey::Addr])),
            9 => changes.nopurge = Some(random.one_in(2)),
            _ => changes.recv_only = Some(random.one_in(2)),
        }
    }
    changes
}

struct Bench {
    version: Version,
}

impl Bench {
    fn read<T>(&self, line: &str, look: impl FnOnce(&Instance<'_>) -> T) -> T {
        let text = format!("{HEAD}backend t\n    {line}\n");
        let files = [Source::new("t.cfg", Document::parse(text.into()).expect("short"))];
        let environment: Environment = ENVIRONMENT.into_iter().collect();
        look(&Instance::read(&files, &Naming::default(), &Facts { version: self.version, environment }))
    }

    fn schema(&self, line: &str) -> Schema {
        self.read(line, |instance| instance.table(b"t").expect("one table").schema().clone())
    }

    /// The line after the edit; `None` if it is refused.
    fn edit(&self, line: &str, changes: &Changes) -> Option<String> {
        let rewrite = RewriteTable { tables: Tables::Named(vec!["t".into()]), changes: changes.clone() };
        self.read(line, |instance| match rewrite.plan(instance) {
            Ok(plan) => {
                let text = plan.edits[0].apply(instance.files[0].document.text()).expect("no overlap");
                let text = String::from_utf8(text).expect("UTF-8");
                let line = text.strip_prefix(&format!("{HEAD}backend t\n    ")).expect("nothing before it changed");
                Some(line.strip_suffix('\n').expect("one line").to_owned())
            }
            Err(error) => {
                assert!(!matches!(error.kind, OpErrorKind::Overlap | OpErrorKind::TooManyWords), "{line}: {error}");
                None
            }
        })
    }
}

/// What the definition has to be after the edit.
fn expected(mut schema: Schema, changes: &Changes, after: &Schema) -> Schema {
    // Whether these have the value asked for is seen by the edit that has nothing left to do.
    if changes.size.is_some() {
        schema.size = after.size;
    }
    if changes.expire.is_some() {
        schema.expire = after.expire;
    }
    if changes.srvkey.is_some() {
        schema.srvkey = after.srvkey;
    }
    if changes.peers.is_some() {
        schema.peers.clone_from(&after.peers);
    }
    if changes.key_type.is_some() {
        schema.key_type = after.key_type;
    }
    if changes.key_type.is_some() || changes.len.is_some() {
        schema.len = after.len;
    }
    schema.nopurge = changes.nopurge.unwrap_or(schema.nopurge);
    schema.recv_only = changes.recv_only.unwrap_or(schema.recv_only);
    if changes.store != StoreChange::Keep {
        schema.store.clone_from(&after.store);
    }
    schema
}

/// The words that an edit must not touch: those of arguments that no option is about, as they are written.
fn untouched(line: &str, changes: &Changes) -> Vec<String> {
    let comment = line.split_once('#').map(|(_, comment)| format!("#{comment}"));
    let about = |word: &str| match word {
        "nopurge" | "no\"purge\"" => changes.nopurge.is_some(),
        "recv-only" => changes.recv_only.is_some(),
        _ => false,
    };
    let statement = line.split('#').next().unwrap_or_default();
    let flags = statement.split_whitespace().filter(|word| matches!(*word, "nopurge" | "no\"purge\"" | "recv-only"));
    let references = statement.split_whitespace().filter(|word| word.contains('$'));
    flags.filter(|word| !about(word)).chain(references).map(str::to_owned).chain(comment).collect()
}

#[test]
fn random_edits_do_what_they_say_and_nothing_else() {
    const LINES: usize = 250;
    for haproxy in haproxies() {
        let bench = Bench { version: Version::new(haproxy.version.0, haproxy.version.1) };
        let mut random = Random::new(0x7ab1e);
        let lines: BTreeSet<String> = (0..LINES).map(|_| line(&mut random)).collect();
        let lines: Vec<String> = valid(&haproxy, lines.into_iter().collect());
        assert!(lines.len() > LINES / 10, "{}: only {} lines", bench.version, lines.len());
        let mut cases = Vec::new();
        for before in &lines {
            for _ in 0..6 {
                let changes = changes(&mut random);
                let Some(after) = bench.edit(before, &changes) else { continue };
                let about = format!("{}: {before} -> {after}\n{changes:?}", bench.version);
                assert_eq!(bench.edit(&after, &changes).as_ref(), Some(&after), "nothing is left to do: {about}");
                let (old, new) = (bench.schema(before), bench.schema(&after));
                assert_eq!(explicit(new.clone()), explicit(expected(old, &changes, &new)), "{about}");
                for word in untouched(before, &changes) {
                    assert!(after.contains(&word), "`{word}` stays: {about}");
                }
                cases.push((before.clone(), after));
            }
        }
        assert!(cases.len() > lines.len(), "{}: {} edits of {} lines", bench.version, cases.len(), lines.len());
        let after: Vec<String> = cases.iter().map(|(_, after)| after.clone()).collect();
        let refused = refused(&haproxy, &after);
        let shown: Vec<_> = refused.iter().filter_map(|n| cases.get(*n)).take(5).collect();
        assert!(refused.is_empty(), "HAProxy {} takes the results: {shown:#?}", bench.version);
    }
}

fn explicit(mut schema: Schema) -> Schema {
    schema.store.retain(|column: &Column| !column.implicit);
    schema
}

/// The lines that HAProxy takes, all of them together.
fn valid(haproxy: &Haproxy, mut lines: Vec<String>) -> Vec<String> {
    loop {
        let refused = refused(haproxy, &lines);
        if refused.is_empty() {
            return lines;
        }
        let mut number = 0;
        lines.retain(|_| {
            number += 1;
            !refused.contains(&(number - 1))
        });
    }
}

/// The indexes of the lines that HAProxy complains about in an alert.
fn refused(haproxy: &Haproxy, lines: &[String]) -> BTreeSet<usize> {
    let mut text = format!("defaults\n    mode http\n{HEAD}");
    let head = text.lines().count();
    for (n, line) in lines.iter().enumerate() {
        text.extend(["backend b", &n.to_string(), "\n    ", line, "\n"]);
    }
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("t.cfg"), text).expect("written");
    let check = haproxy.check_in(dir.path(), &["t.cfg"], Some("lb1"), &ENVIRONMENT);
    let mut found = BTreeSet::new();
    for alert in check.alerts() {
        let by_line = alert.split_once("[t.cfg:").and_then(|(_, rest)| rest.split(']').next()?.parse::<usize>().ok());
        let by_name = alert.split_once("roxy 'b").and_then(|(_, rest)| rest.split('\'').next()?.parse::<usize>().ok());
        found.extend(by_line.map(|line| (line - head - 1) / 2).or(by_name));
    }
    assert!(check.valid() || !found.is_empty(), "an alert names its line: {:#?}", check.alerts());
    found
}
