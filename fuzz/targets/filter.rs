//! Expressions of `--where`. Half of the inputs say what an expression is: it is written down, read again, and must hold for
//! the entries it holds for. The others are texts: errors point into them, and parentheses and double negations change nothing.

#![no_main]

mod tables;

use std::fmt::Write;

use libfuzzer_sys::fuzz_target;
use peerctl::{
    grammar::KeyType,
    table::{Applied, Limits, ServerKey, Store, Update, Where},
};
use tables::{Column, definition};

/// An entry of the table that expressions are about.
struct Row {
    key: [u8; 4],
    gpc0: u32,
    gpt: [u32; 2],
    bytes_in: u64,
    server: &'static [u8],
}

const ROWS: [Row; 5] = [
    Row { key: [10, 0, 0, 1], gpc0: 0, gpt: [1, 2], bytes_in: 0, server: b"" },
    Row { key: [10, 0, 1, 1], gpc0: 3, gpt: [2, 1], bytes_in: 7, server: b"srv1" },
    Row { key: [10, 1, 0, 255], gpc0: 200, gpt: [0, 0], bytes_in: u64::MAX, server: b"srv2" },
    Row { key: [192, 168, 0, 7], gpc0: u32::MAX, gpt: [9, u32::MAX], bytes_in: 1 << 33, server: b"a\xff\"'\\" },
    Row { key: [0, 0, 0, 0], gpc0: 3, gpt: [3, 3], bytes_in: 240 << 10, server: b"srv10" },
];
const TEXTS: [&[u8]; 5] = [b"", b"srv1", b"srv2", b"a\xff\"'\\", b"srv10"];

const N: Option<u32> = None;

// Data types by their numbers: `server_id` 0, `gpc0` 2, `conn_cnt` 4, `conn_rate` 5, `bytes_in_cnt` 13, `server_key` 19, `gpt` 22.
thread_local! {
    static TABLE: Store = ROWS.iter().fold(store(KeyType::IP, 4, &[(2, N, N), (13, N, N), (19, N, N), (22, Some(2), N)]), |mut store, row| {
        let layout = store.definition().layout.clone();
        let mut values = vec![0; layout.slots()];
        for field in layout.fields() {
            let numbers: &[u64] = match field.data_type.0 {
                2 => &[row.gpc0.into()],
                13 => &[row.bytes_in],
                22 => &row.gpt.map(u64::from),
                _ => &[0],
            };
            field.of_mut(&mut values).copy_from_slice(numbers);
        }
        teach(&mut store, &row.key, &values, row.server);
        store
    });
    static OTHERS: [Store; 2] = {
        let mut texts = store(KeyType::STRING, 21, &[(0, N, N), (5, N, Some(10_000))]);
        teach(&mut texts, b"GET /a(b)", &[7, 5, 1, 2], b"");
        teach(&mut texts, b"\xff\x1b", &[0xffff_ffff, 0, 0, 9], b"");
        let mut numbers = store(KeyType::INTEGER, 4, &[(4, N, N)]);
        teach(&mut numbers, &[0, 0, 1, 0], &[1], b"");
        [texts, numbers]
    };
}

fn store(key_type: KeyType, key_len: u32, columns: &[Column]) -> Store {
    Store::new(definition(b"t", key_type, key_len, columns), Limits::default()).expect("a small table")
}

fn teach(store: &mut Store, key: &[u8], values: &[u64], server: &[u8]) {
    let server_key = if server.is_empty() { ServerKey::Unchanged } else { ServerKey::Known(server) };
    let update = Update { key, values, server_key, update_id: 1, life_ms: None, resync: false };
    assert_eq!(store.apply(0, &update), Applied::New);
}

fuzz_target!(|data: &[u8]| {
    match data.split_first() {
        Some((0..0x10, plan)) => written(plan),
        _ => read(data),
    }
});

/// An expression that was thought of holds for what it should.
fn written(plan: &[u8]) {
    let mut plan = Plan(plan);
    let thought = Thought::new(&mut plan, 6);
    let mut text = String::new();
    thought.write(&mut text, &mut plan);
    TABLE.with(|store| {
        let found = Where::parse(&text).and_then(|read| read.compile(store.definition()));
        let filter = found.unwrap_or_else(|error| panic!("{text}: {error:?}"));
        for row in &ROWS {
            let entry = store.get(&row.key, 0).expect("it was taught");
            assert_eq!(filter.matches(&entry), thought.holds(row), "{text} for {:?}", row.key);
        }
    });
}

/// Any text.
fn read(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let expression = match Where::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(error.span.start <= error.span.end && error.span.end as usize <= text.len(), "{error:?}");
            return;
        }
    };
    TABLE.with(|table| OTHERS.with(|[a, b]| [table, a, b].into_iter().for_each(|store| {
        let filter = match expression.compile(store.definition()) {
            Ok(filter) => filter,
            Err(error) => {
                assert!(error.span.start <= error.span.end && error.span.end as usize <= text.len(), "{error:?}");
                return;
            }
        };
        let holds: Vec<bool> = store.iter(0).map(|entry| filter.matches(&entry)).collect();
        for (form, same) in [(format!("({text})"), true), (format!("not ( not({text}) )"), true), (format!("not ({text})"), false)] {
            // One that is nested as deep as can be has no room for more.
            let Ok(other) = Where::parse(&form) else { continue };
            let other = other.compile(store.definition()).expect("the same comparisons");
            let others: Vec<bool> = store.iter(0).map(|entry| other.matches(&entry) == same).collect();
            assert_eq!(others, holds, "{form}");
        }
    })));
}

/// Takes decisions from the front of the input.
struct Plan<'a>(&'a [u8]);

impl Plan<'_> {
    fn number(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }
}

/// An expression.
enum Thought {
    Any(Vec<Thought>),
    All(Vec<Thought>),
    Not(Box<Thought>),
    Number { column: u8, relation: u8, value: i128 },
    Server { relation: u8, text: &'static [u8] },
    Key { relation: u8, key: [u8; 4] },
    Network { address: [u8; 4], prefix: u8 },
}

const RELATIONS: [&str; 7] = ["<", "<=", ">", ">=", "==", "=", "!="];

fn compare<T: Ord>(relation: u8, left: &T, right: &T) -> bool {
    match RELATIONS[usize::from(relation)] {
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        ">=" => left >= right,
        "!=" => left != right,
        _ => left == right,
    }
}

impl Thought {
    fn new(plan: &mut Plan<'_>, depth: u8) -> Self {
        let what = plan.number();
        let relation = what >> 4 & 7;
        let some = |plan: &mut Plan<'_>| (0..2 + (what >> 4 & 1)).map(|_| Self::new(plan, depth - 1)).collect();
        match what % 8 {
            0 if depth > 0 => Self::Any(some(plan)),
            1 if depth > 0 => Self::All(some(plan)),
            2 if depth > 0 => Self::Not(Box::new(Self::new(plan, depth - 1))),
            3 => Self::Server { relation: 4 + relation % 3, text: TEXTS[usize::from(plan.number()) % TEXTS.len()] },
            4 => Self::Key { relation: 4 + relation % 3, key: ROWS[usize::from(plan.number()) % ROWS.len()].key },
            5 => {
                let address = ROWS[usize::from(plan.number()) % ROWS.len()].key;
                Self::Network { address, prefix: plan.number() % 33 }
            }
            _ => {
                let (column, value) = (plan.number() % 4, plan.number());
                let value = i128::from(value) << [0, 0, 10, 30, 50][usize::from(plan.number() % 5)];
                Self::Number { column, relation: relation % 7, value: if value % 11 == 3 { -value } else { value } }
            }
        }
    }

    fn holds(&self, row: &Row) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(row)),
            Self::All(parts) => parts.iter().all(|part| part.holds(row)),
            Self::Not(part) => !part.holds(row),
            Self::Number { column, relation, value } => {
                let numbers = [row.gpc0.into(), row.gpt[0].into(), row.gpt[1].into(), row.bytes_in.into()];
                compare(*relation, &numbers[usize::from(*column)], value)
            }
            Self::Server { relation, text } => compare(*relation, &row.server, text),
            Self::Key { relation, key } => compare(*relation, &row.key, key),
            Self::Network { address, prefix } => {
                let bits = |octets: &[u8; 4]| u64::from(u32::from_be_bytes(*octets)) >> (32 - prefix);
                bits(&row.key) == bits(address)
            }
        }
    }

    /// Writes it down, with blanks that mean nothing.
    fn write(&self, out: &mut String, plan: &mut Plan<'_>) {
        let blank = ["", " ", "\t ", ""][usize::from(plan.number() % 4)];
        match self {
            Self::Any(parts) => Self::write_all(parts, "or", out, plan),
            Self::All(parts) => Self::write_all(parts, "and", out, plan),
            Self::Not(part) => {
                out.push_str("not ");
                out.push_str(blank);
                part.write(out, plan);
            }
            Self::Number { column, relation, value } => {
                let name = ["gpc0", "gpt[0]", "gpt[1]", "bytes_in_cnt"][usize::from(*column)];
                let (number, unit) = match value {
                    0 => (0, ""),
                    value if value % (1 << 30) == 0 => (value >> 30, "g"),
                    value if value % (1 << 10) == 0 => (value >> 10, "k"),
                    value => (*value, ""),
                };
                let _ = write!(out, "{name}{blank}{}{blank}{number}{unit}", RELATIONS[usize::from(*relation)]);
            }
            Self::Server { relation, text } => {
                let _ = write!(out, "server_key{blank}{}{blank}\"", RELATIONS[usize::from(*relation)]);
                for byte in *text {
                    match byte {
                        b'a'..=b'z' => out.push(char::from(*byte)),
                        byte => write!(out, "\\x{byte:02x}").expect("a string"),
                    }
                }
                out.push('"');
            }
            Self::Key { relation, key: [a, b, c, d] } => {
                let _ = write!(out, "key{blank}{}{blank}{a}.{b}.{c}.{d}", RELATIONS[usize::from(*relation)]);
            }
            Self::Network { address: [a, b, c, d], prefix } => {
                let _ = write!(out, "key{blank} in {blank}{a}.{b}.{c}.{d}/{prefix}");
            }
        }
    }

    fn write_all(parts: &[Self], word: &str, out: &mut String, plan: &mut Plan<'_>) {
        out.push('(');
        for (n, part) in parts.iter().enumerate() {
            if n > 0 {
                let _ = write!(out, " {word} ");
            }
            part.write(out, plan);
        }
        out.push(')');
    }
}
