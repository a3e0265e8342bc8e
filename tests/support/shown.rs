//! What `show table NAME` prints, taken apart. Written without the library's own reader, which is tested against it.

use std::collections::BTreeMap;

/// A table as printed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ShownTable {
    /// HAProxy's full name: `shop`, `mesh/t1`.
    pub(crate) name: String,
    /// `ip`, `ipv6`, `integer`, `string` or `binary`.
    pub(crate) key_type: String,
    pub(crate) size: u64,
    pub(crate) used: u64,
    /// In the order printed, which is that of a tree: none.
    pub(crate) entries: Vec<ShownEntry>,
}

/// An entry as printed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ShownEntry {
    /// The bytes on the wire: a number or an address in network order, a text without escapes.
    pub(crate) key: Vec<u8>,
    /// How many sessions hold it.
    pub(crate) uses: u32,
    /// The rest of its life; 0 in a table without `expire`.
    pub(crate) exp_ms: u64,
    /// 2.8 and later.
    pub(crate) shard: Option<u32>,
    /// As printed: `gpc0` → `7`, `http_req_rate(10000)` → `3`.
    pub(crate) fields: BTreeMap<String, String>,
}

impl ShownTable {
    /// `show table NAME` taken apart.
    ///
    /// # Panics
    /// If a line isn't as HAProxy prints them.
    pub(crate) fn parse(text: &str) -> Self {
        let mut lines = text.lines().filter(|line| !line.is_empty());
        let header = lines.next().and_then(|line| line.strip_prefix("# table: ")).unwrap_or_else(|| panic!("{text}"));
        let mut parts = header.split(", ");
        let mut part = |label: &str| {
            let part = parts.next().unwrap_or_else(|| panic!("{label} in {header}"));
            part.strip_prefix(label).unwrap_or_else(|| panic!("{label} in {header}")).to_owned()
        };
        let (name, key_type, size) = (part(""), part("type: "), part("size:"));
        let used = part("used:").split(',').next().expect("a number").parse().expect("a number");
        let entries = lines.map(|line| ShownEntry::parse(line, &key_type)).collect();
        Self { name, key_type, size: size.parse().expect("a number"), used, entries }
    }

    /// The entries by key.
    pub(crate) fn by_key(&self) -> BTreeMap<&[u8], &ShownEntry> {
        let by_key: BTreeMap<_, _> = self.entries.iter().map(|entry| (&*entry.key, entry)).collect();
        assert_eq!(by_key.len(), self.entries.len(), "a key is there once");
        by_key
    }
}

impl ShownEntry {
    fn parse(line: &str, key_type: &str) -> Self {
        let (_address, rest) = line.split_once(": key=").unwrap_or_else(|| panic!("a key in {line}"));
        let mut escaped = false;
        let end = rest.bytes().position(|byte| {
            let ends = byte == b' ' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let (key, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let mut entry = Self { key: bytes(key_type, key), uses: 0, exp_ms: 0, shard: None, fields: BTreeMap::new() };
        for (name, value) in rest.split(' ').filter_map(|field| field.split_once('=')) {
            let number = || value.parse().unwrap_or_else(|_| panic!("a number: {name} in {line}"));
            match name {
                "use" => entry.uses = number(),
                "exp" => entry.exp_ms = number().into(),
                "shard" => entry.shard = Some(number()),
                _ => drop(entry.fields.insert(name.to_owned(), value.to_owned())),
            }
        }
        entry
    }

    /// The number printed for `field`, like `gpc0` or `http_req_rate(10000)`.
    pub(crate) fn number(&self, field: &str) -> i128 {
        let value = self.fields.get(field).unwrap_or_else(|| panic!("{field} in {self:?}"));
        value.parse().unwrap_or_else(|_| panic!("a number: {field} in {self:?}"))
    }
}

/// The bytes of a printed key.
fn bytes(key_type: &str, key: &str) -> Vec<u8> {
    match key_type {
        "integer" => key.parse::<u32>().expect("a number").to_be_bytes().to_vec(),
        "ip" => key.parse::<std::net::Ipv4Addr>().expect("an address").octets().to_vec(),
        "ipv6" => key.parse::<std::net::Ipv6Addr>().expect("an address").octets().to_vec(),
        "binary" => super::wire::unhex(key),
        "string" => unescaped(key),
        other => panic!("keys of type {other}"),
    }
}

/// HAProxy puts a backslash before blanks, `=` and itself, writes some control characters as C does, and other bytes as `\xNN`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next().expect("something behind a backslash") {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'e' => 0x1b,
            b'x' => {
                let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                u8::from_str_radix(str::from_utf8(&digits).expect("ASCII"), 16).expect("two digits")
            }
            same => same,
        });
    }
    out
}
