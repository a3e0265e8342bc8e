//! Records: no file makes the reader panic; what it reads is written and read again as the same; lines in our own form are
//! read as serde reads them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerctl::record::{Checksum, Damage, Reader, Record, Stream, WriteError, Writer};

fuzz_target!(|data: &[u8]| {
    let (records, copy) = read(data, Damage::Refuse);
    let passed_over = read(data, Damage::PassOver).0;
    assert!(passed_over.starts_with(&records), "damage is only behind what is read");
    assert_eq!(read(&copy, Damage::Refuse).0, records, "what was read is written as it was");

    // A space makes it another line for a checksum.
    if !data.windows(5).any(|part| part == b"\"crc\"") {
        let spaced: Vec<u8> = data.split_inclusive(|byte| *byte == b'\n').flat_map(|line| [b" ", line].concat()).collect();
        assert_eq!(read(&spaced, Damage::PassOver).0, passed_over, "both ways of reading agree");
    }
});

/// The records, and a file of them.
fn read(file: &[u8], damage: Damage) -> (Vec<String>, Vec<u8>) {
    let mut reader = Reader::with_damage(file, damage);
    let mut writer = Writer::new(Stream::new(Vec::new()), Checksum::Crc32c);
    let mut records = Vec::new();
    while let Ok(Some(record)) = reader.read() {
        // The number of entries is the writer's own.
        if !matches!(record, Record::End(_)) {
            records.push(format!("{record:?}"));
        }
        write(&mut writer, &record).expect("what was read can be written");
    }
    writer.flush().expect("memory takes all");
    (records, writer.into_journal().into_inner())
}

fn write(writer: &mut Writer<Stream<Vec<u8>>>, record: &Record<'_>) -> Result<(), WriteError> {
    match record {
        Record::Header(header) => writer.header(header),
        Record::Table(id, table) => {
            let copied = writer.table(&table.peer, &table.definition)?;
            assert_eq!(copied, *id, "tables have the same number");
            Ok(())
        }
        Record::Entry(entry, _) => writer.entry(entry),
        Record::Session(session) => writer.session(session),
        Record::End(end) => writer.end(end.complete),
    }
}
