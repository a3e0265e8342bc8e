//! The captures of `fixtures/wire`: what HAProxy and a test peer said to each other. The fields are described there.

use std::{collections::BTreeMap, fs, ops::Range, path::Path};

use serde_json::Value;

/// One capture.
#[derive(Debug)]
pub(crate) struct Capture {
    /// Like `v3.2.26-full-dump`.
    pub(crate) name: String,
    /// Like `(3, 2, 26)`.
    pub(crate) version: (u16, u16, u16),
    pub(crate) initiator: Initiator,
    /// HAProxy's own name.
    pub(crate) local_peer: String,
    /// The name the test peer used.
    pub(crate) remote_peer: String,
    pub(crate) peers_section: String,
    /// HAProxy's whole configuration.
    pub(crate) configuration: String,
    pub(crate) to_haproxy: Stream,
    pub(crate) from_haproxy: Stream,
    /// How the bytes came, in order.
    pub(crate) chunks: Vec<Chunk>,
    /// When HAProxy closed, in milliseconds since the start.
    pub(crate) closed_by_haproxy_ms: Option<u64>,
    /// What `show table NAME` printed right after the last byte, by HAProxy's full name of the table.
    pub(crate) show_table: BTreeMap<String, ShowTable>,
}

/// Who called, and so sends the hello.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Initiator {
    Observer,
    Haproxy,
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) bytes: Vec<u8>,
    /// In order; with [`Self::undecoded_tail`] they cover all bytes.
    pub(crate) messages: Vec<Message>,
    /// Bytes at the end that are no whole or no valid message, on purpose.
    pub(crate) undecoded_tail: Option<Range<usize>>,
}

/// One message, or one line of the handshake.
#[derive(Debug)]
pub(crate) struct Message {
    /// Its place in the stream.
    pub(crate) range: Range<usize>,
    /// Like `entry_update_timed`.
    pub(crate) name: String,
    /// All its fields.
    pub(crate) fields: Value,
}

/// Bytes that came at once.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) to_haproxy: bool,
    /// The place within the stream of that direction.
    pub(crate) range: Range<usize>,
    /// Milliseconds since the start.
    pub(crate) ms: u64,
}

/// An answer to `show table NAME`.
#[derive(Debug)]
pub(crate) struct ShowTable {
    /// When it was asked for, in milliseconds since the start.
    pub(crate) ms: u64,
    pub(crate) text: String,
}

/// All captures, sorted by name.
pub(crate) fn captures() -> Vec<Capture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wire");
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    assert!(paths.len() >= 48, "all captures are there");
    paths.iter().map(|path| Capture::read(path)).collect()
}

/// The capture of `case` with HAProxy `branch`, like `("3.2", "full-dump")`.
pub(crate) fn capture(branch: &str, case: &str) -> Capture {
    let is_it = |capture: &Capture| {
        capture.name.starts_with(&format!("v{branch}.")) && capture.name.ends_with(&format!("-{case}"))
    };
    captures().into_iter().find(is_it).unwrap_or_else(|| panic!("no capture of {case} with {branch}"))
}

impl Capture {
    fn read(path: &Path) -> Self {
        let json: Value = serde_json::from_slice(&fs::read(path).expect("readable")).expect("JSON");
        assert_eq!(json["format"], 1, "{}", path.display());
        let text = |field: &str| json[field].as_str().expect("a text").to_owned();
        let initiator = match json["protocol_initiator"].as_str() {
            Some("observer") => Initiator::Observer,
            Some("haproxy") => Initiator::Haproxy,
            other => panic!("{}: nobody called: {other:?}", path.display()),
        };
        let chunk = |chunk: &Value| Chunk {
            to_haproxy: chunk["direction"] == "to_haproxy",
            range: range(chunk, "length"),
            ms: chunk["ms"].as_u64().expect("a time"),
        };
        let show_table = |(table, shown): (&String, &Value)| {
            let text = shown["text"].as_str().expect("a text").to_owned();
            (table.clone(), ShowTable { ms: shown["ms"].as_u64().expect("a time"), text })
        };
        Self {
            name: text("name"),
            version: version(&text("haproxy_version")),
            initiator,
            local_peer: text("local_peer"),
            remote_peer: text("remote_peer"),
            peers_section: text("peers_section"),
            configuration: text("haproxy_cfg"),
            to_haproxy: Stream::read(&json, "to_haproxy"),
            from_haproxy: Stream::read(&json, "from_haproxy"),
            chunks: json["chunks"].as_array().expect("a list").iter().map(chunk).collect(),
            closed_by_haproxy_ms: json["closed_by_haproxy_ms"].as_u64(),
            show_table: json["show_table"].as_object().expect("an object").iter().map(show_table).collect(),
        }
    }

    /// Like `full-dump`.
    pub(crate) fn case(&self) -> &str {
        self.name.split_once('-').expect("version and case").1
    }

    /// The streams in the order (from the peer that called, from the peer that was called).
    pub(crate) fn by_role(&self) -> (&Stream, &Stream) {
        match self.initiator {
            Initiator::Observer => (&self.to_haproxy, &self.from_haproxy),
            Initiator::Haproxy => (&self.from_haproxy, &self.to_haproxy),
        }
    }

    /// The bytes of a chunk.
    pub(crate) fn bytes(&self, chunk: &Chunk) -> &[u8] {
        let stream = if chunk.to_haproxy { &self.to_haproxy } else { &self.from_haproxy };
        &stream.bytes[chunk.range.clone()]
    }
}

impl Stream {
    fn read(json: &Value, direction: &str) -> Self {
        let message = |fields: &Value| Message {
            range: range(fields, "len"),
            name: fields["name"].as_str().expect("a name").to_owned(),
            fields: fields.clone(),
        };
        let expected = &json["expected"];
        let tail = &expected[format!("{direction}_undecoded_tail")];
        Self {
            bytes: unhex(json["streams"][direction].as_str().expect("hexadecimal digits")),
            messages: expected[direction].as_array().expect("a list").iter().map(message).collect(),
            undecoded_tail: tail.is_object().then(|| range(tail, "length")),
        }
    }

    /// The messages called `name`.
    pub(crate) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Message> {
        self.messages.iter().filter(move |message| message.name == name)
    }
}

fn range(at: &Value, length: &str) -> Range<usize> {
    let number = |field: &str| usize::try_from(at[field].as_u64().expect("a number")).expect("less than a usize");
    number("offset")..number("offset") + number(length)
}

/// `3.2.26-1` → `(3, 2, 26)`.
fn version(text: &str) -> (u16, u16, u16) {
    let mut numbers = text.split(['.', '-', '+']).map(|number| number.parse().expect("a number"));
    let mut next = || numbers.next().expect("three numbers");
    (next(), next(), next())
}

/// The bytes of hexadecimal digits.
pub(crate) fn unhex(digits: &str) -> Vec<u8> {
    let (pairs, odd) = digits.as_bytes().as_chunks::<2>();
    assert!(odd.is_empty(), "whole bytes");
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).expect("ASCII"), 16).expect("two digits");
    pairs.iter().map(byte).collect()
}
