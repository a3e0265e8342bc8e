//! Stick tables and entries made at random that every version takes, and a quick way to set them on the runtime socket.
//!
//! Keys are of all types but binary: `set table` has no way to write those (2.6 refuses, 3.0 and 3.2 refuse and leave an entry
//! behind that is never released). Arrays are defined and stay 0, because only 3.2 can set their elements.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
};

use super::{Running, random::Random};

/// A table.
#[derive(Clone, Debug)]
pub(crate) struct RandomTable {
    /// `t1`, `t2`, …
    pub(crate) name: String,
    /// As a `table` line has it.
    pub(crate) definition: String,
    key: Key,
    /// Names in `data.NAME`.
    columns: Vec<Column>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    Ip,
    Ipv6,
    Integer,
    /// The most bytes.
    String(usize),
}

#[derive(Clone, Debug)]
struct Column {
    name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Signed32,
    Unsigned32,
    Unsigned64,
    /// The period in milliseconds.
    Rate(u32),
}

/// An entry.
#[derive(Clone, Debug)]
pub(crate) struct RandomEntry {
    /// The bytes of the key as they travel, without a length.
    pub(crate) key: Vec<u8>,
    /// What `set table` sets: by the name that `show table` prints, rates by the one with their period.
    pub(crate) values: BTreeMap<String, i128>,
    /// `key KEY data.gpc0 7 …`.
    words: Vec<u8>,
}

const SCALARS: [(&str, Kind); 13] = [
    ("server_id", Kind::Signed32),
    ("conn_cnt", Kind::Unsigned32),
    ("sess_cnt", Kind::Unsigned32),
    ("http_req_cnt", Kind::Unsigned32),
    ("http_err_cnt", Kind::Unsigned32),
    ("http_fail_cnt", Kind::Unsigned32),
    ("bytes_in_cnt", Kind::Unsigned64),
    ("bytes_out_cnt", Kind::Unsigned64),
    ("conn_rate", Kind::Rate(0)),
    ("http_req_rate", Kind::Rate(0)),
    ("http_err_rate", Kind::Rate(0)),
    ("bytes_in_rate", Kind::Rate(0)),
    ("bytes_out_rate", Kind::Rate(0)),
];

/// Each with the array that can't be in the same table.
const TAGS_AND_COUNTERS: [(&str, Kind, &str); 5] = [
    ("gpt0", Kind::Unsigned32, "gpt"),
    ("gpc0", Kind::Unsigned32, "gpc"),
    ("gpc1", Kind::Unsigned32, "gpc"),
    ("gpc0_rate", Kind::Rate(0), "gpc_rate"),
    ("gpc1_rate", Kind::Rate(0), "gpc_rate"),
];

/// Bytes in strings: what is special on the command line, to a terminal or in an output format, and what is not.
const ALPHABET: [&[u8]; 22] = [
    b"a",
    b"b",
    b"Z",
    b"0",
    b"9",
    b"-",
    b"/",
    b" ",
    b"\\",
    b";",
    b"=",
    b"\"",
    b"'",
    b",",
    b"<",
    b"#",
    b"\x1b[2J",
    b"\r",
    b"\x07",
    "\u{e9}".as_bytes(),
    "\u{202e}".as_bytes(),
    b"\xff",
];

impl RandomTable {
    /// `count` tables named `t1`, `t2`, …, each for `size` entries.
    pub(crate) fn some(random: &mut Random, count: usize, size: usize) -> Vec<Self> {
        (1..=count).map(|number| Self::new(random, number, size)).collect()
    }

    fn new(random: &mut Random, number: usize, size: usize) -> Self {
        let (key, kind) = match random.below(5) {
            0 => (Key::Ip, "ip".to_owned()),
            1 => (Key::Ipv6, "ipv6".to_owned()),
            2 => (Key::Integer, "integer".to_owned()),
            _ => {
                let len = 8 + random.below(56);
                (Key::String(len), format!("string len {len}"))
            }
        };
        let (mut columns, mut store) = (Vec::new(), Vec::new());
        let mut add = |random: &mut Random, name: &'static str, kind| {
            let kind = if let Kind::Rate(_) = kind { Kind::Rate(random.period()) } else { kind };
            store.push(match kind {
                Kind::Rate(period) => format!("{name}({period}ms)"),
                _ => name.to_owned(),
            });
            columns.push(Column { name, kind });
        };
        for (name, kind) in &SCALARS {
            if random.one_in(2) {
                add(random, name, *kind);
            }
        }
        let arrays: Vec<&str> = ["gpt", "gpc", "gpc_rate"].into_iter().filter(|_| random.one_in(3)).collect();
        for (name, kind, array) in &TAGS_AND_COUNTERS {
            if !arrays.contains(array) && random.one_in(2) {
                add(random, name, *kind);
            }
        }
        for array in arrays {
            let (count, period) = (1 + random.below(4), if array == "gpc_rate" { ",10s" } else { "" });
            store.push(format!("{array}({count}{period})"));
        }
        if random.one_in(3) {
            store.push("server_key".to_owned());
        }
        let expire = if random.one_in(5) { String::new() } else { format!(" expire {}m", 5 + random.below(60)) };
        let store = if store.is_empty() { String::new() } else { format!(" store {}", store.join(",")) };
        let definition = format!("type {kind} size {size}{expire}{store}");
        Self { name: format!("t{number}"), definition, key, columns }
    }

    /// `count` entries with different keys. (Fewer if there are not that many keys of a short length.)
    pub(crate) fn entries(&self, random: &mut Random, count: usize) -> Vec<RandomEntry> {
        let mut entries = BTreeMap::new();
        for _ in 0..2 * count {
            if entries.len() < count {
                let entry = self.entry(random);
                entries.insert(entry.key.clone(), entry);
            }
        }
        entries.into_values().collect()
    }

    fn entry(&self, random: &mut Random) -> RandomEntry {
        let bits = random.next();
        let low = u32::try_from(bits >> 32).expect("32 bits");
        let (key, shown) = match self.key {
            Key::Ip => (low.to_be_bytes().to_vec(), Ipv4Addr::from(low).to_string().into_bytes()),
            Key::Integer => (low.to_be_bytes().to_vec(), low.to_string().into_bytes()),
            Key::Ipv6 => {
                let address = Ipv6Addr::from(u128::from(bits) << 64 | u128::from(random.next()));
                (address.octets().to_vec(), address.to_string().into_bytes())
            }
            Key::String(len) => {
                let mut key = [b"k".to_vec(), random.text(&ALPHABET, len), low.to_string().into_bytes()].concat();
                key.truncate(len);
                let shown = key.iter().flat_map(|byte| escaped(*byte)).collect();
                (key, shown)
            }
        };
        let (mut words, mut values) = ([b"key ", &*shown].concat(), BTreeMap::new());
        for column in &self.columns {
            let (name, value) = match column.kind {
                // Often a small number, sometimes the whole range.
                _ if random.one_in(4) => (column.shown(), 0),
                Kind::Signed32 => (column.shown(), i128::from(random.number_32().cast_signed())),
                Kind::Unsigned32 | Kind::Rate(_) => (column.shown(), i128::from(random.number_32())),
                Kind::Unsigned64 => (column.shown(), i128::from(random.next() >> random.below(64))),
            };
            // The command line reads signed numbers of 64 bits and keeps the bits.
            let written = u64::try_from(value).map_or(value, |value| value.cast_signed().into());
            words.extend(format!(" data.{} {written}", column.name).into_bytes());
            values.insert(name, value);
        }
        RandomEntry { key, values, words }
    }
}

impl Column {
    fn shown(&self) -> String {
        match self.kind {
            Kind::Rate(period) => format!("{}({period})", self.name),
            _ => self.name.to_owned(),
        }
    }
}

impl RandomEntry {
    /// Whether `field`, as `show table` prints its name, is a rate: it fades with time.
    pub(crate) fn is_rate(field: &str) -> bool {
        field.ends_with(')')
    }
}

impl Random {
    /// A period in milliseconds, from a minute to an hour.
    fn period(&mut self) -> u32 {
        60_000 * (1 + u32::try_from(self.below(60)).expect("small"))
    }

    /// All sizes are as frequent as others.
    fn number_32(&mut self) -> u32 {
        u32::try_from(self.next() >> (32 + self.below(32))).expect("32 bits")
    }
}

/// A byte of a key as the command line reads it.
fn escaped(byte: u8) -> Vec<u8> {
    if matches!(byte, b' ' | b';' | b'\\') { vec![b'\\', byte] } else { vec![byte] }
}

impl Running<'_> {
    /// Sets entries of `table`, many with each connection.
    pub(crate) fn set_entries(&self, table: &str, entries: &[RandomEntry]) {
        // A line must fit HAProxy's buffer of 16 KiB, and leave some of it free.
        const MOST: usize = 12_000;
        let mut line = Vec::new();
        for entry in entries {
            if line.len() + entry.words.len() > MOST {
                self.run_line(&line);
                line.clear();
            }
            let separator = if line.is_empty() { "" } else { ";" };
            line.extend(format!("{separator}set table {table} ").into_bytes());
            line.extend(&entry.words);
        }
        self.run_line(&line);
    }

    fn run_line(&self, line: &[u8]) {
        if !line.is_empty() {
            let answer = String::from_utf8_lossy(&self.try_cli_bytes(line).expect("HAProxy answers")).into_owned();
            assert!(answer.trim().is_empty(), "{}: {answer}", String::from_utf8_lossy(line));
        }
    }
}
