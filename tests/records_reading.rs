//! What a reader of records says to files that other programs wrote, that are damaged, or that are no records.

use std::{fs, io::Cursor};

use peerctl::record::{
    Checksum, Damage, MAX_LINE, MAX_NAME, MAX_TABLES, Problem, Reader, Record, RecordError, Stream, Tail, Writer,
};

const HEADER: &str = r#"{"type":"header","version":1,"peerctl":"0.1.0","time":"2026-01-01T00:00:00.000Z"}"#;
const TABLE: &str = r#"{"type":"table","peer":"lb1","table":"t","key_type":"string","key_len":9,"expire_ms":1000,"store":[{"name":"server_id"},{"name":"gpc0"},{"name":"conn_rate","period_ms":1000},{"name":"server_key"}]}"#;
const ENTRY: &str = r#"{"type":"entry","time":"2026-01-01T00:00:00.000Z","peer":"lb1","table":"t","key":"a","expire_ms":5,"resync":false,"update_id":1,"data":{"server_id":-2,"gpc0":3,"conn_rate":{"rate":1,"current":1,"previous":0,"age_ms":4},"server_key":"s1"}}"#;

fn file(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The entries as text, how reading ended, and the reader then.
fn read(text: &[u8], damage: Damage) -> (Vec<String>, Option<RecordError>, Reader<Cursor<Vec<u8>>>) {
    let mut reader = Reader::with_damage(Cursor::new(text.to_vec()), damage);
    let mut entries = Vec::new();
    let error = loop {
        match reader.read() {
            Ok(Some(Record::Entry(entry, _))) => entries.push(format!("{entry:?}")),
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    (entries, error, reader)
}

/// Line, column and text of the error that a file must give.
fn error(lines: &[&str]) -> (u64, u64, String) {
    match read(file(lines).as_bytes(), Damage::Refuse).1 {
        Some(RecordError::Line { line, column, problem }) => (line, column, problem.to_string()),
        other => panic!("expected a line to be refused, not {other:?}: {lines:?}"),
    }
}

/// Each line with its checksum.
fn with_checksums(lines: &[&str]) -> String {
    let line = |line: &&str| {
        let body = line.strip_suffix('}').expect("an object");
        format!("{body},\"crc\":\"{:08x}\"}}\n", crc32c::crc32c(body.as_bytes()))
    };
    lines.iter().map(line).collect()
}

#[test]
fn fields_may_stand_in_any_order_beside_others() {
    let expected = read(file(&[HEADER, TABLE, ENTRY]).as_bytes(), Damage::Refuse);
    assert_eq!((expected.0.len(), expected.1.is_none()), (1, true));
    let reordered = concat!(
        r#" { "data" : {"server_key":"\u00731","new":[{}],"conn_rate":{"age_ms":4,"x":1,"previous":0,"current":1},"#,
        r#""gpc0":3,"server_id":-2}, "key":"\u0061","update_id":1,"x":{"crc":[null]},"expire_ms":5,"detail":null,"#,
        r#""table":"t","time":"2026-01-01 00:00:00+00:00","peer_hex":"6c6231","resync":false,"type":"entry"}  "#
    );
    for newline in ["\n", "\r\n", "\n\n \n"] {
        let text = [HEADER, TABLE, reordered].join(newline) + newline;
        let (entries, error, _) = read(text.as_bytes(), Damage::Refuse);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(entries, expected.0);
    }
}

#[test]
fn what_may_be_missing_has_a_meaning() {
    let short = r#"{"type":"entry","time":"2026-01-01T00:00:00.000Z","peer":"lb1","table":"t","key":"a","data":{"server_id":0,"gpc0":3,"conn_rate":{"current":1,"previous":0,"age_ms":4}}}"#;
    let text = file(&[HEADER, TABLE, short]);
    let mut reader = Reader::new(text.as_bytes());
    let entry = std::iter::from_fn(|| match reader.read().expect("records")? {
        Record::Entry(entry, _) => {
            assert_eq!((entry.expire_ms, entry.resync, entry.update_id, entry.server_key), (None, false, None, None));
            Some(true)
        }
        _ => Some(false),
    });
    assert_eq!(entry.collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn unknown_records_are_passed_over_and_counted() {
    let lines = [
        HEADER,
        r#"{"type":"metric","key":[1]}"#,
        r#"{"type":"session","time":"2026-01-01T00:00:00Z","peer":"p","event":"coalesced"}"#,
        TABLE,
        ENTRY,
    ];
    let (entries, error, reader) = read(file(&lines).as_bytes(), Damage::Refuse);
    assert!(error.is_none() && entries.len() == 1);
    assert_eq!((reader.summary().unknown, reader.summary().entries, reader.summary().lines), (2, 1, 5));
}

#[test]
fn a_data_type_of_a_newer_haproxy_is_passed_over_and_those_behind_it_are_read() {
    let table = TABLE.replace(r#"{"name":"gpc0"}"#, r#"{"name":"from_the_future","period_ms":1},{"name":"gpc0"}"#);
    let entry = ENTRY.replace(r#""gpc0":3"#, r#""from_the_future":{"rate":1},"gpc0":3"#);
    let (entries, error, _) = read(file(&[HEADER, &table, &entry]).as_bytes(), Damage::Refuse);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(entries, read(file(&[HEADER, TABLE, ENTRY]).as_bytes(), Damage::Refuse).0);
}

#[test]
fn errors_say_where_they_are_what_is_expected_and_what_to_do() {
    let cases = [
        (
            r#""gpc0":3"#,
            r#""gpc0":4294967296"#,
            "4294967296,",
            "`gpc0` is 4294967296; expected a number up to 4294967295",
        ),
        (r#""gpc0":3"#, r#""gpc0":-1"#, "-1", "`gpc0` is -1; expected a number up to 4294967295"),
        (r#""gpc0":3"#, r#""gpc0":1.5"#, "1.5", "`gpc0` is 1.5; expected a number up to 4294967295"),
        (r#""gpc0":3,"#, "", r#"{"server_id"#, "`gpc0` is missing, which the table stores"),
        (
            r#""gpc0":3"#,
            r#""gpc0":3,"gpc1":7"#,
            "7,",
            "`gpc1` is no data type that the table stores: repair its `table` record or this one",
        ),
        (r#""gpc0":3"#, r#""gpc0":[3]"#, "[3]", "`gpc0` is [3]; expected a number up to 4294967295"),
        (
            r#""key":"a""#,
            r#""key":"123456789""#,
            r#""123456789""#,
            "a key of 9 bytes does not fit `type string` with a wire length of 9",
        ),
        (r#""key":"a""#, r#""key":"a\u0000b""#, r#""a\u0000b""#, "a string key can't hold a NUL"),
        (r#""key":"a""#, r#""key":7"#, "7", "`key` is 7; expected a text"),
        (
            r#""key":"a""#,
            r#""key_hex":"6""#,
            r#""6""#,
            "`key_hex` is \"6\"; expected hexadecimal digits, two for each byte",
        ),
        (r#""key":"a""#, r#""key":"a","key_hex":"61""#, r#""61""#, "both `key` and `key_hex`: leave one out"),
        (r#""key":"a","#, "", "{\"type", "`key` is missing"),
        (
            "2026-01-01T00:00:00.000Z",
            "2026-01-01",
            "\"2026-01-01\"",
            "`time` is \"2026-01-01\"; expected a time such as 2026-01-01T00:00:00.000Z",
        ),
        (
            r#""table":"t""#,
            r#""table":"u\u001b""#,
            "{\"type",
            "table `u\\x1b` of peer `lb1` has no `table` record before this line",
        ),
        (r#""expire_ms":5"#, r#""expire_ms":"5""#, "\"5\"", "`expire_ms` is \"5\"; expected a number up to 4294967295"),
        (r#""resync":false"#, r#""resync":0"#, "0,\"update_id", "`resync` is 0; expected true or false"),
        (
            r#""server_key":"s1""#,
            r#""server_key":"s1","server_key_hex":"61""#,
            "\"61\"",
            "both `server_key` and `server_key_hex`: leave one out",
        ),
        (
            r#""resync":false"#,
            r#""resync":false,"crc":"00000000""#,
            "\"00000000\"",
            "`crc` doesn't end the line as it was written; leave `crc` out of lines that were changed",
        ),
    ];
    for (part, other, place, expected) in cases {
        let line = ENTRY.replace(part, other);
        assert_ne!(line, ENTRY);
        // The last place, as what is in `data` stands behind the rest.
        let column = 1 + if place.starts_with("{\"type") { 0 } else { line.rfind(place).expect("the place") };
        assert_eq!(error(&[HEADER, TABLE, &line]), (3, column as u64, expected.to_owned()), "{line}");
    }
    let cases = [
        (r#""gpc0""#, r#""server_id""#, "`store` is server_id; expected each data type once"),
        (r#","period_ms":1000"#, "", "`store` is conn_rate; expected a `period_ms` with it"),
        (r#""gpc0""#, r#""gpc","count":101"#, "`store` is gpc; expected a `count` of at most 100 with it"),
        (r#""gpc0""#, r#""gpt""#, "`store` is gpt; expected a `count` of at most 100 with it"),
        (r#""string""#, r#""text""#, "`key_type` is \"text\"; expected a key type such as `ip`"),
        (r#""key_len":9,"#, "", "`key_len` is missing"),
    ];
    for (part, other, expected) in cases {
        assert_eq!(error(&[HEADER, &TABLE.replace(part, other)]).2, expected);
    }
}

#[test]
fn what_is_not_json_is_refused_with_its_place() {
    let expected = "; expected a record, one JSON object on a line: repair the line or leave it out";
    assert_eq!(error(&[HEADER, "{\"type\":\"entry\" \"x\"}"]), (2, 17, format!("expected `,` or `}}`{expected}")));
    assert_eq!(error(&[HEADER, "{\"type\":1,\"type\":2}"]).2, format!("duplicate field `type`{expected}"));
    assert_eq!(error(&[HEADER, "[1]"]).0, 2);
    let mut text = file(&[HEADER, TABLE, ENTRY]).into_bytes();
    let at = text.len() - 3;
    text[at] = 0xff;
    let (_, error, _) = read(&text, Damage::Refuse);
    assert!(matches!(error, Some(RecordError::Line { line: 3, problem: Problem::Utf8, .. })), "{error:?}");
}

#[test]
fn a_file_of_another_kind_or_version_is_refused_and_never_cut() {
    let no_header = "the first record is no header: this is no file of records, or its beginning is missing";
    assert_eq!(error(&[TABLE, ENTRY]), (1, 1, no_header.to_owned()));
    assert_eq!(error(&["", r#"{"type":"new"}"#]), (2, 1, no_header.to_owned()));
    for text in
        ["hello", "root:x:0:0:root:/root:/bin/sh\n", "{\"a\":", "\0\0\0\0", "{\"type\":\"header\",\"version\":x"]
    {
        let (_, error, reader) = read(text.as_bytes(), Damage::Refuse);
        let torn = matches!(reader.summary().tail, Tail::Torn(_));
        assert!(error.is_some() != text.starts_with("{\"type"), "{text}: {error:?}");
        assert_eq!(torn, error.is_none(), "{text}");
    }
    let newer = r#"{"version":2,"type":"header","changed":[]}"#;
    for damage in [Damage::Refuse, Damage::PassOver] {
        let (_, error, _) = read(file(&[newer, "?"]).as_bytes(), damage);
        let error = error.expect("a refusal").to_string();
        let expected = "line 1, column 12: records of version 2, but this program reads version 1: use the peerctl that wrote them, or a newer one";
        assert_eq!(error, expected);
    }
}

#[test]
fn an_empty_file_has_no_header_yet() {
    let (_, error, reader) = read(b"", Damage::Refuse);
    assert!(error.is_none());
    assert_eq!((reader.summary().tail, reader.summary().valid_len), (Tail::Torn(0), 0));
}

#[test]
fn a_damaged_line_with_records_behind_it_is_an_error_or_passed_over() {
    let lines = with_checksums(&[HEADER, TABLE, ENTRY, ENTRY]);
    let damaged = lines.replacen("\"gpc0\":3", "\"gpc0\":4", 1);
    let (entries, error, _) = read(damaged.as_bytes(), Damage::Refuse);
    assert!(entries.is_empty());
    assert!(matches!(error, Some(RecordError::Line { line: 3, problem: Problem::Checksum { .. }, .. })), "{error:?}");

    let (entries, error, reader) = read(damaged.as_bytes(), Damage::PassOver);
    assert!(entries.len() == 1 && error.is_none());
    assert_eq!((reader.summary().damaged, reader.summary().tail), (1, Tail::Whole));
    assert!(matches!(reader.summary().first_damaged, Some(RecordError::Line { line: 3, .. })));
}

#[test]
fn without_checksums_a_damaged_last_line_is_torn_only_if_it_has_no_end() {
    let lines = file(&[HEADER, TABLE, ENTRY]);
    let torn = lines.clone() + "{\"type\":\"entry\",\"ti";
    let (entries, error, reader) = read(torn.as_bytes(), Damage::Refuse);
    assert!(entries.len() == 1 && error.is_none());
    assert_eq!((reader.summary().tail, reader.summary().valid_len), (Tail::Torn(19), lines.len() as u64));
    assert!(read((torn + "\n").as_bytes(), Damage::Refuse).1.is_some());
    let wrong = lines + ENTRY.replace("gpc0", "gpc1").as_str();
    assert!(read(wrong.as_bytes(), Damage::Refuse).1.is_some(), "a whole line that is wrong isn't torn");
}

#[test]
fn with_checksums_whatever_a_power_cut_left_at_the_end_is_torn() {
    let whole = with_checksums(&[HEADER, TABLE, ENTRY]);
    let zeros = "\0".repeat(4096);
    let changed = with_checksums(&[ENTRY]).replace("\"gpc0\":3", "\"gpc0\":4");
    let tails = [&zeros, &changed, &(changed.clone() + &zeros), &format!("{zeros}\n{changed}{{\"type\"")];
    for tail in tails {
        let (entries, error, reader) = read((whole.clone() + tail).as_bytes(), Damage::Refuse);
        assert!(entries.len() == 1 && error.is_none(), "{error:?}");
        assert_eq!(reader.summary().tail, Tail::Torn(tail.len() as u64));
        assert_eq!(reader.summary().valid_len, whole.len() as u64);
        let later = format!("{whole}{tail}\n{}", with_checksums(&[ENTRY]));
        assert!(read(later.as_bytes(), Damage::Refuse).1.is_some(), "what was written later is there");
    }
}

#[test]
fn a_whole_record_without_a_line_end_counts() {
    for mut text in [file(&[HEADER, TABLE, ENTRY]), with_checksums(&[HEADER, TABLE, ENTRY])] {
        text.pop();
        let (entries, error, reader) = read(text.as_bytes(), Damage::Refuse);
        assert!(entries.len() == 1 && error.is_none());
        assert_eq!((reader.summary().tail, reader.summary().valid_len), (Tail::NoNewline, text.len() as u64));
    }
}

#[test]
fn a_definition_that_changes_counts_for_what_follows() {
    let changed = TABLE.replace(r#""key_type":"string","key_len":9"#, r#""key_type":"ip","key_len":4"#);
    let ip = ENTRY.replace(r#""key":"a""#, r#""key":"10.0.0.1""#);
    let (entries, error, reader) = read(file(&[HEADER, TABLE, ENTRY, &changed, &ip]).as_bytes(), Damage::Refuse);
    assert!(entries.len() == 2 && error.is_none(), "{error:?}");
    assert_eq!(reader.tables().count(), 1);
    let (line, _, text) = self::error(&[HEADER, TABLE, &changed, ENTRY]);
    assert_eq!((line, text), (4, "`a` is no key of this table: expected an IPv4 address".to_owned()));
}

#[test]
fn the_last_record_is_known_as_such() {
    let end = r#"{"type":"end","entries":1,"complete":true}"#;
    let (_, _, reader) = read(file(&[HEADER, TABLE, ENTRY, end]).as_bytes(), Damage::Refuse);
    assert!(reader.summary().end.is_some_and(|end| end.complete && end.entries == reader.summary().entries));
    let (_, _, reader) = read(file(&[HEADER, TABLE, end, ENTRY]).as_bytes(), Damage::Refuse);
    assert_eq!(reader.summary().end, None, "the file was continued");
}

#[test]
fn lines_names_and_tables_have_a_bound() {
    let long = format!(r#"{{"type":"new","x":"{}"}}"#, "x".repeat(MAX_LINE));
    let (line, column, text) = error(&[HEADER, &long, TABLE]);
    assert_eq!((line, column), (2, 1));
    assert!(text.contains("longer than 4194304 bytes"), "{text}");
    let (entries, _, reader) = read(file(&[HEADER, &long, TABLE, ENTRY]).as_bytes(), Damage::PassOver);
    assert_eq!((entries.len(), reader.summary().damaged), (1, 1));

    let name = TABLE.replace("\"t\"", &format!("{:?}", "t".repeat(MAX_NAME + 1)));
    assert_eq!(error(&[HEADER, &name]).2, "a name of 1025 bytes is too long: at most 1024");

    let table = |n: usize| TABLE.replace("\"t\"", &format!("\"{n}\""));
    let tables: Vec<_> = [HEADER.to_owned()].into_iter().chain((0..=MAX_TABLES).map(table)).collect();
    let lines: Vec<_> = tables.iter().map(String::as_str).collect();
    assert_eq!(error(&lines), (MAX_TABLES as u64 + 2, 1, "a file has at most 16384 tables: split it".to_owned()));
}

#[test]
fn the_examples_of_the_page_are_what_is_written() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/records.md")).expect("the page");
    let examples: Vec<_> = page.split("```json\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    let [file, end] = examples[..] else { panic!("two examples") };
    let mut reader = Reader::new(file.as_bytes());
    let mut writer = Writer::new(Stream::new(Vec::new()), Checksum::None);
    while let Some(record) = reader.read().expect("a record") {
        match record {
            Record::Header(header) => writer.header(&header),
            Record::Table(_, table) => writer.table(&table.peer, &table.definition).map(drop),
            Record::Entry(entry, _) => writer.entry(&entry),
            Record::Session(session) => writer.session(&session),
            Record::End(end) => writer.end(end.complete),
        }
        .expect("memory takes it");
    }
    assert_eq!(reader.summary().unknown, 0);
    assert_eq!(String::from_utf8(writer.into_journal().into_inner()).expect("UTF-8"), file);
    assert_eq!(with_checksums(&[file.lines().last().expect("the end")]), end);
}
