//! Rewritten stick tables in real HAProxy: what was accepted stays accepted, and the running process has the definition that
//! was asked for, and nothing else changed.

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use peerctl::{
    config::{Document, Environment, Source},
    grammar::Version,
    model::{Facts, Instance, Naming},
    ops::{
        OpError, OpErrorKind,
        rewrite_table::{Changes, List, Removal, RewriteTable, StoreChange, Tables, Travel, Value},
    },
    stick::SrvKey,
};
use support::{Haproxy, Network, Running, haproxies};

/// In front of every table: a section to travel through, and tables to write to.
const HEAD: &str = "\
defaults
    mode http
    timeout client 1s
    timeout server 1s
    timeout connect 1s
peers mesh
    peer lb1 127.0.0.1:10001
    peer lb2 127.0.0.1:10002
backend agg
    stick-table type ip size 1k
";

/// Definitions in every spelling that matters, and since when HAProxy takes them.
const LINES: [(&str, (u16, u16)); 16] = [
    ("stick-table type ip size 1k", (2, 6)),
    ("stick-table type ip size 1k expire 90s store gpc0,http_req_rate(10s) # who # why", (2, 6)),
    ("stick-table\ttype  string   len 20 size 2k\tnopurge store gpt0", (2, 6)),
    ("stick-table type string size 1k expire 30m store gpc0 store conn_cnt,http_req_rate(1m),", (2, 6)),
    ("stick-table store conn_cur size 1k expire 1m type integer", (2, 6)),
    ("stick-table type ipv6 size 1000 peers mesh srvkey addr store server_id,server_key", (2, 6)),
    ("stick-table type binary len 8 size 1k store gpc(2),gpc_rate(2,5s)", (2, 6)),
    ("stick-table type string len 5 type ip size 1k size 3k expire 1s expire 2m", (2, 6)),
    ("stick-table \"type\" 'string' len 12  size \"4k\" store 'gpt(3),bytes_in_cnt'", (2, 6)),
    ("stick-table type ip size 1k nopurge nopurge peers mesh peers mesh store", (2, 6)),
    ("stick-table type string len 40 size 1k expire 24d store sess_cnt,sess_rate(10000),sess_cnt", (2, 6)),
    ("stick-table type integer size 1k store gpc0_rate(1s),gpc1_rate(1s),gpc1,http_err_rate(1m)\r", (2, 6)),
    ("stick-table type ip size 1k write-to agg store gpc0", (3, 0)),
    ("stick-table type ip size 1k store glitch_cnt,glitch_rate(10s)", (3, 0)),
    ("stick-table type ipv4 size 1k recv-only store gpc0", (3, 2)),
    ("stick-table type ip size 1k brates-factor 2 store bytes_in_rate(1s),gpc0", (3, 2)),
];

/// Options, and what they make of a table in a running process.
type Case = (&'static str, fn(&mut Seen));

const CASES: [Case; 26] = [
    ("--size 7k", |t| t.size = 7168),
    ("--size 100 --expire 5m", |t| (t.size, t.expire) = (100, Some(300))),
    ("--expire 0", |t| t.expire = None),
    ("--expire 45s", |t| t.expire = Some(45)),
    ("--type ip", |t| t.become_type("ip")),
    ("--type string", |t| t.become_type("string")),
    ("--type string --len 64", |t| {
        t.become_type("string");
        t.key = Some("k".repeat(64));
    }),
    ("--type integer --size 9", |t| {
        t.become_type("integer");
        t.size = 9;
    }),
    ("--type binary --len 16", |t| t.become_type("binary")),
    ("--len 7", |t| t.key = t.key.as_ref().map(|_| "k".repeat(7))),
    ("--len 31", |t| t.key = t.key.as_ref().map(|_| "k".repeat(31))),
    ("--store gpc1,conn_rate(3s)", |t| t.columns = columns(&["gpc1", "conn_rate(3000)"])),
    ("--store ''", |t| t.columns = columns(&[])),
    ("--add-store bytes_out_cnt", |t| t.add(&["bytes_out_cnt"])),
    ("--add-store gpc0", |t| t.add(&["gpc0"])),
    ("--add-store http_req_rate(30s)", |t| {
        t.columns.retain(|c| !c.starts_with("http_req_rate("));
        t.add(&["http_req_rate(30000)"]);
    }),
    ("--remove-store gpc0 --add-store gpc(2)", |t| t.add(&["gpc0", "gpc1"])),
    ("--remove-store gpc0,http_req_rate,sess_cnt", |t| {
        t.columns.retain(|c| !c.starts_with("gpc0") || c.starts_with("gpc0_"));
        t.columns.retain(|c| !c.starts_with("http_req_rate(") && c != "sess_cnt");
    }),
    ("--remove-store http_req_rate(10s)", |t| t.columns.retain(|c| c != "http_req_rate(10000)")),
    ("--nopurge --srvkey addr", |_| ()),
    ("--no-nopurge --srvkey name", |_| ()),
    ("--peers mesh", |_| ()),
    ("--no-peers", |_| ()),
    ("--write-to agg", |_| ()),
    ("--recv-only", |_| ()),
    ("--no-recv-only --peers mesh --expire 1h --add-store gpt0 --type ip", |t| {
        t.become_type("ip");
        t.expire = Some(3600);
        t.add(&["gpt0"]);
    }),
];

/// A table as the running process shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    key_type: String,
    size: u64,
    /// What is left of a key of 100 `k`; only for strings.
    key: Option<String>,
    /// To the nearest second.
    expire: Option<u64>,
    columns: BTreeSet<String>,
}

impl Seen {
    /// Makes an entry and looks at it, again if the machine stood still in between: the entry's life is told by its rest.
    fn of(haproxy: &Running<'_>, table: &str) -> Self {
        for _ in 0..20 {
            let began = Instant::now();
            let seen = Self::at_once(haproxy, table);
            if began.elapsed() < Duration::from_millis(500) {
                return seen;
            }
            haproxy.cli(&format!("clear table {table}"));
        }
        panic!("it takes more than half a second each time to make an entry of {table} and to look at it");
    }

    fn at_once(haproxy: &Running<'_>, table: &str) -> Self {
        let text = "k".repeat(100);
        let show = format!("show table {table}");
        let head = haproxy.cli(&show);
        let key_type = field(&head, "type: ", ',').to_owned();
        let key = match key_type.as_str() {
            "ip" => "10.0.0.1",
            "ipv6" => "2001:db8::1",
            "integer" => "42",
            _ => &text,
        };
        haproxy.cli(&format!("set table {table} key {key}"));
        let answer = haproxy.cli(&show);
        let entry = answer.lines().find(|line| line.contains(": key="));
        // A binary key can't be set on 2.6: nothing is seen of such a table but its head.
        let left = entry.map_or(0, |line| field(line, " exp=", ' ').parse().expect("milliseconds"));
        let words = entry.into_iter().flat_map(str::split_whitespace).filter_map(|word| word.split_once('='));
        Self {
            size: field(&head, "size:", ',').parse().expect("a number"),
            key: entry.filter(|_| key_type == "string").map(|line| field(line, ": key=", ' ').to_owned()),
            // Without `expire` an entry may show the millisecond in which it was made; all times here are 45 s or more. HAProxy
            // sets its clock back when it could not run for a while, and then the rest may be more than the whole.
            expire: (left > 1000).then_some((left + 500) / 1000),
            columns: words.map(|(name, _)| name.to_owned()).filter(|n| !NO_COLUMNS.contains(&n.as_str())).collect(),
            key_type,
        }
    }

    /// Another type brings its own length, unless both have one.
    fn become_type(&mut self, key_type: &str) {
        if key_type == "string" && self.key_type != "string" {
            // A length of binary keys stays: the lines above have 8.
            self.key = Some("k".repeat(if self.key_type == "binary" { 8 } else { 31 }));
        } else if key_type != "string" {
            self.key = None;
        }
        key_type.clone_into(&mut self.key_type);
    }

    fn add(&mut self, names: &[&str]) {
        self.columns.extend(columns(names));
    }
}

const NO_COLUMNS: [&str; 4] = ["key", "use", "exp", "shard"];

fn columns(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn field<'t>(text: &'t str, before: &str, end: char) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("`{before}` in {text}"));
    rest.split([end, '\n']).next().expect("the first of one or more")
}

/// The options of `table set`, as the library takes them.
fn changes(options: &str) -> Changes {
    let mut changes = Changes::default();
    let (mut add, mut remove) = (None, None);
    let mut words = options.split(' ');
    while let Some(option) = words.next() {
        let mut value = || words.next().expect("a value").trim_matches('\'');
        match option {
            "--size" => changes.size = Some(Value::size(option, value()).expect("a size")),
            "--expire" => changes.expire = Some(Value::expire(option, value()).expect("a time")),
            "--type" => changes.key_type = Some(Value::key_type(option, value()).expect("a type")),
            "--len" => changes.len = Some(Value::len(option, value()).expect("a length")),
            "--peers" => changes.peers = Some(Travel::Through(value().into())),
            "--no-peers" => changes.peers = Some(Travel::Nowhere),
            "--store" => changes.store = StoreChange::Replace(List::parse(option, value()).expect("a list")),
            "--add-store" => add = Some(List::parse(option, value()).expect("a list")),
            "--remove-store" => remove = Some(Removal::parse(option, value()).expect("names")),
            "--srvkey" => changes.srvkey = SrvKey::by_word(value().as_bytes()),
            "--write-to" => changes.write_to = Some(value().into()),
            "--nopurge" => changes.nopurge = Some(true),
            "--no-nopurge" => changes.nopurge = Some(false),
            "--recv-only" => changes.recv_only = Some(true),
            "--no-recv-only" => changes.recv_only = Some(false),
            _ => panic!("{option}"),
        }
    }
    if add.is_some() || remove.is_some() {
        changes.store = StoreChange::Edit { add: add.unwrap_or_default(), remove: remove.unwrap_or_default() };
    }
    changes
}

/// The line of a backend after an edit. The edit must be one that has nothing left to do on its own result.
fn rewritten(line: &str, options: &str, version: Version) -> Result<String, OpError> {
    let rewrite = RewriteTable { tables: Tables::Named(vec!["t".into()]), changes: changes(options) };
    let text = format!("{HEAD}backend t\n    {line}\n");
    let edit = |text: &str| {
        let files = [Source::new("t.cfg", Document::parse(text.into()).expect("short"))];
        let facts = Facts { version, environment: Environment::default() };
        let plan = rewrite.plan(&Instance::read(&files, &Naming::default(), &facts))?;
        let text = plan.edits[0].apply(files[0].document.text()).expect("no overlap");
        Ok(String::from_utf8(text).expect("UTF-8"))
    };
    let once = edit(&text)?;
    assert_eq!(edit(&once).as_ref(), Ok(&once), "a second time changes nothing: {options}");
    let line = once.strip_prefix(&format!("{HEAD}backend t\n    ")).expect("what stands before is untouched");
    Ok(line.strip_suffix('\n').expect("one line").to_owned())
}

#[test]
fn a_running_haproxy_has_what_was_asked_for_and_the_rest_as_it_was() {
    for haproxy in haproxies() {
        let version = Version::new(haproxy.version.0, haproxy.version.1);
        let known = |since: &(u16, u16)| Version::new(since.0, since.1) <= version;
        let lines: Vec<&str> = LINES.iter().filter(|(_, since)| known(since)).map(|(line, _)| *line).collect();
        let mut text = HEAD.to_owned();
        let mut asked: BTreeMap<String, (usize, &Case)> = BTreeMap::new();
        for (l, line) in lines.iter().enumerate() {
            text.extend(["backend l", &l.to_string(), "\n    ", line, "\n"]);
            for (c, case) in CASES.iter().enumerate() {
                match rewritten(line, case.0, version) {
                    Ok(line) => {
                        let name = format!("l{l}c{c}");
                        text.extend(["backend ", &name, "\n    ", &line, "\n"]);
                        asked.insert(name, (l, case));
                    }
                    Err(error) => assert!(may_be_refused(line, case.0, version, &error), "{line}: {}: {error}", case.0),
                }
            }
        }
        assert!(asked.len() > 250, "most edits are made on {version}, not just {}", asked.len());

        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("t.cfg"), &text).expect("written");
        let check = haproxy.check_in(dir.path(), &["t.cfg"], Some("lb1"), &[]);
        assert!(check.valid(), "HAProxy {version} takes all results: {:#?}", check.alerts());
        let new: Vec<_> = check.warnings().into_iter().filter(|w| !w.contains("'sess_cnt' already")).collect();
        assert!(new.is_empty(), "no warning but for the line that names a column twice: {new:#?}");

        let network = Network::new();
        let running = haproxy.start(&network, dir.path(), &["t.cfg"], Some("lb1"));
        let before: Vec<Seen> = (0..lines.len()).map(|l| Seen::of(&running, &format!("l{l}"))).collect();
        for (name, (l, (options, expect))) in &asked {
            let mut expected = before[*l].clone();
            expect(&mut expected);
            let seen = Seen::of(&running, name);
            if seen.key_type == "binary" || before[*l].key_type == "binary" {
                // Keys of this type can't be set, so entries aren't there to be looked at.
                assert_eq!(
                    (&seen.key_type, seen.size),
                    (&expected.key_type, expected.size),
                    "{}: {options}",
                    lines[*l]
                );
            } else {
                assert_eq!(seen, expected, "{version}: {}: {options}", lines[*l]);
            }
        }
    }
}

/// Why these options can't be had on this line.
fn may_be_refused(line: &str, options: &str, version: Version, error: &OpError) -> bool {
    match &error.kind {
        OpErrorKind::NoLength { .. } => {
            options.starts_with("--len") && ["type ip", "integer"].iter().any(|t| line.contains(t))
        }
        OpErrorKind::WriteTo { .. } => options.contains("write-to") || line.contains("write-to"),
        OpErrorKind::WouldBreak { problem, .. } => {
            let too_new = problem.contains("since") && version < Version::new(3, 2);
            too_new || problem.contains("cannot be stored in one table")
        }
        _ => false,
    }
}

#[test]
fn what_is_refused_haproxy_refuses_too() {
    // A line, the options, and what the line would be with them.
    let cases = [
        ("type ip size 1k store gpc0", "--add-store gpc(2)", "type ip size 1k store gpc0,gpc(2)"),
        ("type ip size 1k store gpt(2)", "--add-store gpt0", "type ip size 1k store gpt(2),gpt0"),
        (
            "type ip size 1k store gpc1_rate(1s)",
            "--add-store gpc_rate(2,1s)",
            "type ip size 1k store gpc1_rate(1s),gpc_rate(2,1s)",
        ),
        ("type ip size 1k", "--len 5", "type ip len 5 size 1k"),
        ("type ipv6 size 1k", "--write-to agg", "type ipv6 size 1k write-to agg"),
        ("type ip size 1k write-to agg", "--type string", "type string size 1k write-to agg"),
        ("type ip size 1k", "--peers other", "type ip size 1k peers other"),
        ("type ip size 1k", "--write-to other", "type ip size 1k write-to other"),
    ];
    for haproxy in haproxies() {
        let version = Version::new(haproxy.version.0, haproxy.version.1);
        for (line, options, result) in cases {
            let refused = rewritten(&format!("stick-table {line}"), options, version);
            assert!(refused.is_err(), "{version}: {line}: {options} gave {refused:?}");
            let text = format!("{HEAD}backend t\n    stick-table {result}\n");
            assert!(!is_valid(&haproxy, &text), "HAProxy {version} takes no {result}");
        }
        let newer = [
            ("--recv-only", "recv-only", (3, 2)),
            ("--add-store glitch_cnt", "store glitch_cnt", (3, 0)),
            ("--write-to agg", "write-to agg", (2, 9)),
        ];
        for (options, words, since) in newer {
            let line = "stick-table type ip size 1k";
            let known = version >= Version::new(since.0, since.1);
            assert_eq!(rewritten(line, options, version).is_ok(), known, "{version}: {options}");
            assert_eq!(
                is_valid(&haproxy, &format!("{HEAD}backend t\n    {line} {words}\n")),
                known,
                "{version}: {words}"
            );
        }
    }
}

fn is_valid(haproxy: &Haproxy, text: &str) -> bool {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("t.cfg"), text).expect("written");
    haproxy.check_in(dir.path(), &["t.cfg"], Some("lb1"), &[]).valid()
}
