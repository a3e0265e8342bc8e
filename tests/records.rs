//! What holds for all files of records: what was written is read, whatever peers and keys are called; what isn't whole is
//! never taken for a record.

use std::borrow::Cow;

use peerctl::{
    escape,
    grammar::{DataType, KeyType},
    record::{
        Checksum, Damage, Entry, Header, Reader, Record, RecordError, Session, SessionEvent, Stream, Table, TableId,
        Tail, Time, VERSION, Writer,
    },
    stick::{Definition, Layout, ValueKind},
};
use proptest::{collection::vec, option, prelude::*, sample::select};

/// A file to be: its tables, and what is written of them.
#[derive(Clone, Debug)]
struct Script {
    tables: Vec<Table>,
    steps: Vec<Step>,
    checksum: Checksum,
}

#[derive(Clone, Debug)]
enum Step {
    /// A table of the script is defined, for the first time or again.
    Table(usize),
    /// An entry of a table that is defined; what doesn't fit the table is made to fit.
    Entry(Draft),
    Session(SessionEvent, Option<String>),
}

#[derive(Clone, Debug)]
struct Draft {
    table: usize,
    ms: u64,
    key: Vec<u8>,
    expire_ms: Option<u32>,
    resync: bool,
    update_id: Option<u32>,
    seed: u64,
    server_key: Option<Vec<u8>>,
}

/// Bytes that peers and clients could send to do harm, or that are just unusual.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&[u8]] = &[
        b"a",
        b"api-",
        b" ",
        b"\"",
        b"\\",
        b"\\u0041",
        b"\",\"crc\":\"00000000\"}",
        b"},{",
        b"\n",
        b"\r",
        b"\t",
        b"\0",
        b"\x1b]0;pwn\x07",
        b"\x1b[2J",
        b"\x7f",
        b"\xc2\x9b2J",
        b"\xff",
        b"\xe2\x80",
        b"\xed\xa0\x80",
        b"=cmd|' /C calc'!A0",
        "\u{202e}".as_bytes(),
        "\u{200b}".as_bytes(),
        "\u{feff}".as_bytes(),
        "\u{e0041}".as_bytes(),
        "日本é😀".as_bytes(),
    ];
    vec(select(PIECES), 0..6).prop_map(|pieces| pieces.concat())
}

fn table() -> impl Strategy<Value = Table> {
    let key = prop_oneof![
        Just((KeyType::IP, 4)),
        Just((KeyType::IPV6, 16)),
        Just((KeyType::INTEGER, 4)),
        (1..70_000_u32).prop_map(|len| (KeyType::STRING, len)),
        (0..40_u32).prop_map(|len| (KeyType::BINARY, len)),
        Just((KeyType(31), 3)),
    ];
    let name = || prop_oneof![Just(b"lb1".to_vec()), Just(b"/t1".to_vec()), hostile()];
    (name(), name(), key, any::<u32>(), any::<u32>(), 0..=100_u32, any::<u32>()).prop_map(
        |(peer, name, (key_type, key_len), expire_ms, types, count, period)| {
            let stored = DataType::all().filter(|info| types >> info.data_type.0 & 1 == 1).map(|info| {
                let argument = info.argument;
                (info.data_type, argument.has_count().then_some(count), argument.has_period().then_some(period))
            });
            let layout = Layout::new(stored);
            let definition = Definition { name: name.into(), key_type, key_len, expire_ms, layout };
            Table { peer: peer.into(), definition }
        },
    )
}

fn script() -> impl Strategy<Value = Script> {
    let draft = (
        any::<usize>(),
        prop_oneof![Just(0), Just(u64::MAX), 1_767_225_600_000..1_767_225_600_003_u64],
        prop_oneof![8 => hostile(), 1 => hostile().prop_map(|piece| piece.repeat(700)), 2 => vec(any::<u8>(), 0..40)],
        option::of(any::<u32>()),
        any::<bool>(),
        option::of(any::<u32>()),
        any::<u64>(),
        option::of(hostile()),
    );
    let draft = draft.prop_map(|(table, ms, key, expire_ms, resync, update_id, seed, server_key)| {
        Step::Entry(Draft { table, ms, key, expire_ms, resync, update_id, seed, server_key })
    });
    let event = select(&[SessionEvent::Established, SessionEvent::Refused, SessionEvent::ResyncPartial]);
    let step = prop_oneof![
        1 => any::<usize>().prop_map(Step::Table),
        6 => draft,
        1 => (event, option::of(".*")).prop_map(|(event, detail)| Step::Session(event, detail)),
    ];
    let checksum = prop_oneof![Just(Checksum::None), Just(Checksum::Crc32c)];
    let parts = (vec(table(), 1..4), vec(step, 0..12), checksum);
    parts.prop_map(|(tables, steps, checksum)| Script { tables, steps, checksum })
}

impl Script {
    /// The file, and what a reader must find in it.
    fn write(&self) -> (Vec<u8>, Vec<String>) {
        let mut writer = Writer::new(Stream::new(Vec::new()), self.checksum);
        let mut expected = Vec::new();
        let header = Header { version: VERSION, peerctl: "0.1.0\u{1b}".into(), time: Time::default() };
        writer.header(&header).expect("a header");
        expected.push(format!("{:?}", Record::Header(header)));
        let mut defined: Vec<(TableId, &Table)> = Vec::new();
        let steps = std::iter::once(&Step::Table(0)).chain(&self.steps);
        for step in steps {
            match step {
                Step::Table(n) => {
                    let table = &self.tables[n % self.tables.len()];
                    let id = writer.table(&table.peer, &table.definition).expect("a table");
                    defined.retain(|(other, _)| *other != id);
                    defined.push((id, table));
                    expected.push(format!("{:?}", Record::Table(id, table)));
                }
                Step::Entry(draft) => {
                    let (id, table) = defined[draft.table % defined.len()];
                    let (key, values) = (draft.key(table), draft.values(&table.definition.layout));
                    let has_text = table.definition.layout.field(DataType::SERVER_KEY).is_some();
                    let entry = Entry {
                        table: id,
                        time: Time::from_unix_ms(draft.ms),
                        key: &key,
                        expire_ms: draft.expire_ms,
                        resync: draft.resync,
                        update_id: draft.update_id,
                        values: &values,
                        server_key: draft.server_key.as_deref().filter(|_| has_text),
                    };
                    writer.entry(&entry).expect("an entry");
                    expected.push(format!("{:?}", Record::Entry(entry, table)));
                }
                Step::Session(event, detail) => {
                    let (peer, detail) = (Cow::from(&*self.tables[0].peer), detail.as_deref().map(Cow::from));
                    let session = Session { time: Time::MAX, peer, event: *event, detail };
                    writer.session(&session).expect("a session");
                    expected.push(format!("{:?}", Record::Session(session)));
                }
            }
        }
        writer.flush().expect("memory takes all");
        (writer.into_journal().into_inner(), expected)
    }
}

impl Draft {
    /// The key, as far as the table can have it.
    fn key(&self, table: &Table) -> Vec<u8> {
        let len = usize::try_from(table.definition.key_len).expect("short");
        let mut key = self.key.clone();
        if table.definition.key_type == KeyType::STRING {
            key.retain(|byte| *byte != 0);
            key.truncate(len - 1);
        } else {
            key.resize(len, 0xfe);
        }
        key
    }

    /// Values of all sizes, the largest ones above all.
    fn values(&self, layout: &Layout) -> Vec<u64> {
        let mut seed = self.seed;
        let mut random = || {
            seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            if seed >> 62 == 0 { u64::MAX } else { seed >> (seed >> 58) }
        };
        let fields = layout.fields().iter().flat_map(|field| {
            let most = match field.kind {
                ValueKind::Text => 0,
                ValueKind::Unsigned64 => u64::MAX,
                _ => u32::MAX.into(),
            };
            std::iter::repeat_n(most, field.slots())
        });
        fields.map(|most| random() & most).collect()
    }
}

/// What a reader makes of a file.
#[derive(Debug)]
struct Reading {
    records: Vec<String>,
    error: Option<RecordError>,
    tail: Tail,
    valid_len: u64,
    damaged: u64,
}

fn read(file: &[u8], damage: Damage) -> Reading {
    let mut reader = Reader::with_damage(file, damage);
    let mut records = Vec::new();
    let error = loop {
        match reader.read() {
            Ok(Some(record)) => records.push(format!("{record:?}")),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(matches!(reader.read(), Ok(None)), "the end stays the end");
    let summary = reader.summary();
    Reading { records, error, tail: summary.tail, valid_len: summary.valid_len, damaged: summary.damaged }
}

/// Writes again what it reads.
fn copy(file: &[u8], checksum: Checksum) -> Vec<u8> {
    let mut reader = Reader::new(file);
    let mut writer = Writer::new(Stream::new(Vec::new()), checksum);
    while let Some(record) = reader.read().expect("a record") {
        match record {
            Record::Header(header) => writer.header(&header),
            Record::Table(id, table) => {
                writer.table(&table.peer, &table.definition).map(|copied| assert_eq!(copied, id, "the same number"))
            }
            Record::Entry(entry, _) => writer.entry(&entry),
            Record::Session(session) => writer.session(&session),
            Record::End(end) => writer.end(end.complete),
        }
        .expect("memory takes it");
    }
    writer.flush().expect("memory takes all");
    writer.into_journal().into_inner()
}

/// The lines with a space before them: the same JSON, and not as we write it.
fn in_another_way(file: &[u8]) -> Vec<u8> {
    file.split_inclusive(|byte| *byte == b'\n').flat_map(|line| [b" ", line].concat()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_read_and_written_again_byte_for_byte(script in script()) {
        let (file, expected) = script.write();
        let reading = read(&file, Damage::Refuse);
        prop_assert!(reading.error.is_none(), "{:?}", reading.error);
        prop_assert_eq!(&reading.records, &expected);
        prop_assert_eq!((reading.tail, reading.valid_len), (Tail::Whole, file.len() as u64));
        prop_assert!(copy(&file, script.checksum) == file);
    }

    #[test]
    fn lines_are_json_that_no_terminal_acts_on(script in script()) {
        let (file, expected) = script.write();
        let text = str::from_utf8(&file).expect("UTF-8");
        prop_assert!(!text.chars().any(|c| c != '\n' && escape::is_unsafe(c)));
        prop_assert_eq!(text.lines().count(), expected.len(), "one line each");
        for line in text.lines() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn both_ways_of_reading_agree_on_lines_as_we_write_them(script in script()) {
        let (file, expected) = Script { checksum: Checksum::None, ..script }.write();
        prop_assert_eq!(read(&in_another_way(&file), Damage::Refuse).records, expected);
    }

    #[test]
    fn both_ways_of_reading_agree_on_lines_that_are_nearly_ours(
        script in script(),
        changes in vec((any::<prop::sample::Index>(), select(&b"0123456789-\",:{}[]enA.\\ \x01\x80"[..]), any::<bool>()), 1..4),
    ) {
        let (mut file, _) = Script { checksum: Checksum::None, ..script }.write();
        for (at, byte, insert) in changes {
            let at = at.index(file.len());
            if insert { file.insert(at, byte) } else { file[at] = byte }
        }
        let (fast, slow) = (read(&file, Damage::PassOver), read(&in_another_way(&file), Damage::PassOver));
        prop_assert_eq!(&fast.records, &slow.records);
        prop_assert_eq!(fast.damaged, slow.damaged);
        // The space counts.
        let torn = |reading: &Reading| matches!(reading.tail, Tail::Torn(_));
        prop_assert_eq!(torn(&fast), torn(&slow));
    }

    #[test]
    fn a_file_that_ends_anywhere_is_whole_or_torn_and_has_no_other_records(
        script in script(),
        cuts in vec(any::<prop::sample::Index>(), 20),
    ) {
        let (file, expected) = script.write();
        let header = file.iter().position(|byte| *byte == b'\n').expect("a line");
        for len in (0..header).chain(cuts.iter().map(|cut| cut.index(file.len()))) {
            let torn = &file[..len];
            let reading = read(torn, Damage::Refuse);
            prop_assert!(reading.error.is_none(), "{len}: {:?}", reading.error);
            let lines = memchr::memchr_iter(b'\n', torn).count();
            let ends = torn.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            match reading.tail {
                Tail::Whole => prop_assert!(ends == len && lines > 0, "{len}"),
                Tail::NoNewline => prop_assert!(file[len] == b'\n', "{len}"),
                Tail::Torn(bytes) => {
                    prop_assert_eq!(reading.valid_len, ends as u64, "the valid part ends with a line");
                    prop_assert_eq!(reading.valid_len + bytes, len as u64);
                }
            }
            let records = lines + usize::from(reading.tail == Tail::NoNewline);
            prop_assert_eq!(&reading.records, &expected[..records]);
        }
    }

    #[test]
    fn a_damaged_file_with_checksums_has_no_wrong_record(
        script in script(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (mut file, expected) = Script { checksum: Checksum::Crc32c, ..script }.write();
        let at = at.index(file.len());
        file[at] = byte;
        let reading = read(&file, Damage::Refuse);
        prop_assert_eq!(&reading.records, &expected[..reading.records.len()]);
        let lost = reading.records.len() < expected.len();
        prop_assert!(!lost || reading.error.is_some() || matches!(reading.tail, Tail::Torn(1..)), "no loss without a word");
        let rest = read(&file, Damage::PassOver).records;
        let damaged = memchr::memchr_iter(b'\n', &file[..at]).count();
        // A table that is lost takes its entries along, or leaves them with a definition of before.
        if !expected.iter().skip(damaged).take(2).any(|record| record.starts_with("Table")) {
            let mut others = expected.iter();
            prop_assert!(rest.iter().all(|record| others.any(|other| other == record)), "no wrong record");
            prop_assert!(rest.len() + 2 >= expected.len(), "a line is lost, or two if their border is");
        }
    }

    #[test]
    fn bytes_of_any_kind_are_an_error_and_not_a_panic(file in vec(any::<u8>(), 0..200), lines in vec(hostile(), 0..5)) {
        read(&file, Damage::Refuse);
        read(&[b"{\"type\":\"header\",\"version\":1,".as_slice(), &lines.concat()].concat(), Damage::PassOver);
    }
}

#[test]
fn the_largest_values_and_keys_are_exact() {
    let types = ["server_id", "gpc0", "bytes_in_cnt", "http_req_rate"];
    let types = types.map(|name| DataType::by_name(name.as_bytes()).expect("a type"));
    let mut types = types.map(|data_type| (data_type, None, (data_type.0 == 10).then_some(10_000)));
    types.sort_by_key(|(data_type, ..)| *data_type);
    let layout = Layout::new(types);
    let (key_type, key_len) = (KeyType::STRING, 65_537);
    let definition = Definition { name: (*b"t").into(), key_type, key_len, expire_ms: 0, layout };
    let table = Table { peer: (*b"lb1").into(), definition };
    let mut writer = Writer::new(Stream::new(Vec::new()), Checksum::Crc32c);
    writer.header(&Header { version: VERSION, peerctl: "0".into(), time: Time::MAX }).expect("a header");
    let id = writer.table(&table.peer, &table.definition).expect("a table");
    let low = u64::from(u32::MAX);
    let mut expected = Vec::new();
    for byte in [b'a', b'"', 0x1b, 0xff] {
        let key = vec![byte; 65_536];
        let entry = Entry {
            table: id,
            time: Time::MAX,
            key: &key,
            expire_ms: Some(u32::MAX),
            resync: false,
            update_id: Some(u32::MAX),
            values: &[1 << 31, low, low, low, low, u64::MAX],
            server_key: None,
        };
        writer.entry(&entry).expect("an entry");
        expected.push(format!("{:?}", Record::Entry(entry, &table)));
    }
    writer.flush().expect("memory takes all");
    let file = writer.into_journal().into_inner();
    assert!(read(&file, Damage::Refuse).records[2..] == expected);
    let text = String::from_utf8(file).expect("UTF-8");
    for part in ["\"server_id\":-2147483648", "\"bytes_in_cnt\":18446744073709551615", "\"age_ms\":4294967295"] {
        assert!(text.contains(part), "{part}");
    }
}
