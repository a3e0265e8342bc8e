//! How fast records are written and read on one core. Medians of the time on the processor, so that other work on the
//! machine counts little; nothing is asserted.
//!
//! `cargo bench --bench record` takes 1,000,000 entries; a number as argument makes it fewer.

mod entries;
mod figures;

use std::{fs, hint::black_box, io, time::Duration};

use figures::{Goal, note};
use peerctl::record::{Checksum, Entry, Header, Reader, Record, Stream, Time, VERSION, Writer};

fn main() {
    let count: u32 = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    println!("{count} entries of `{}`\n", entries::COLUMNS);
    println!("{:36} {:>8} {:>9} {:>10}  goal", "", "M/s", "ns/entry", "MB/s");
    for (name, checksum) in [("", Checksum::None), (", with checksums", Checksum::Crc32c)] {
        let lines = write(count, checksum, Vec::new());
        let row = |what: &str, time: Duration, goal: Option<f64>| row(what, count, lines.len(), time, goal);
        row(&format!("write{name}"), median(|| _ = write(count, checksum, io::sink())), Some(5.0));
        row(&format!("read{name}"), median(|| assert_eq!(read(&lines), u64::from(count))), Some(3.0));
        if checksum == Checksum::None {
            let text = String::from_utf8(lines.clone()).expect("UTF-8").replace("\"resync\":true", "\"resync\": true");
            row(
                "read, as other programs write it",
                median(|| assert_eq!(read(text.as_bytes()), u64::from(count))),
                None,
            );
        }
    }
}

fn write<W: io::Write>(count: u32, checksum: Checksum, out: W) -> W {
    let mut writer = Writer::new(Stream::new(out), checksum);
    let mut time = Time::from_unix_ms(1_767_225_600_000);
    writer.header(&Header { version: VERSION, peerctl: "bench".into(), time }).expect("a header");
    let table = writer.table(b"lb1", &entries::definition(b"st_src")).expect("a table");
    for n in 0..count {
        // As a resync goes: some thousand entries in a millisecond.
        if n % 2000 == 0 {
            time = Time::from_unix_ms(time.unix_ms() + 1);
        }
        let (key, values) = entries::entry(n);
        let entry = Entry {
            table,
            time,
            key: &key,
            expire_ms: Some(u32::from_be_bytes(key) % entries::EXPIRE_MS),
            resync: true,
            update_id: Some(n),
            values: &values,
            server_key: None,
        };
        writer.entry(&entry).expect("an entry");
    }
    writer.end(true).expect("the end");
    writer.into_journal().into_inner()
}

fn read(lines: &[u8]) -> u64 {
    let mut reader = Reader::new(lines);
    let mut sum: u64 = 0;
    while let Some(record) = reader.read().expect("records") {
        if let Record::Entry(entry, _) = record {
            assert_eq!(entry.table.index(), 0);
            sum = sum.wrapping_add(entry.values.iter().fold(0, |sum: u64, value| sum.wrapping_add(*value)));
        }
    }
    black_box(sum);
    reader.summary().entries
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..9)
        .map(|_| {
            let start = on_processor();
            work();
            on_processor().saturating_sub(start)
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// How long this thread ran until now.
fn on_processor() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(stat.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds"))
}

/// A row of millions a second; the goal is the least of them.
fn row(what: &str, count: u32, bytes: usize, time: Duration, goal: Option<f64>) {
    let seconds = time.as_secs_f64();
    let rate = f64::from(count) / seconds / 1e6;
    let ns = seconds * 1e9 / f64::from(count);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let megabytes = bytes as f64 / seconds / 1e6;
    let least = goal.map(|least| format!("≥ {least} M/s")).unwrap_or_default();
    println!("{what:36} {rate:8.2} {ns:9.0} {megabytes:10.0}  {least}");
    if let Some(least) = goal {
        let (ours, goal) = (format!("{rate:.2} M/s"), format!("{least} M/s"));
        note(&format!("records: {what} / goal"), &ours, &goal, rate / least, Goal::AtLeast(1.0));
    }
}
