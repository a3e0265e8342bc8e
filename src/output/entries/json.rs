//! Entries as one JSON document, made of the same objects as the records:
//!
//! ```text
//! {"version":1,"time":"…","tables":[{"type":"table","peer":"lb1",…,"entries":[{"type":"entry",…},…]},…],"entries":7,"complete":true}
//! ```

use std::io::{self, Write};

use super::{Listed, records};
use crate::output::json::VERSION;
use crate::record::{Checksum, Formatter, Time, WriteError};

/// Prints the document.
///
/// # Errors
/// If `out` fails, or a record would be too long.
pub fn print(tables: &[Listed<'_>], now: Time, complete: bool, out: &mut dyn Write) -> io::Result<()> {
    write!(out, r#"{{"version":{VERSION},"time":"{now}","tables":["#)?;
    let mut lines = Formatter::new(Checksum::None);
    let mut values = Vec::new();
    let mut count = 0;
    for (n, listed) in tables.iter().enumerate() {
        let table = lines.table(listed.peer, listed.definition).map_err(io_error)?;
        let object = take(&mut lines);
        let open = object.strip_suffix(b"}").unwrap_or(&object);
        out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
        out.write_all(open)?;
        out.write_all(br#","entries":["#)?;
        for (n, entry) in listed.entries.iter().enumerate() {
            records::push_entry(&mut lines, listed, table, entry, now, &mut values).map_err(io_error)?;
            out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
            out.write_all(&take(&mut lines))?;
            count += 1;
        }
        out.write_all(b"]}")?;
    }
    writeln!(out, r#"],"entries":{count},"complete":{complete}}}"#)
}

/// The line, without its end.
fn take(lines: &mut Formatter) -> Vec<u8> {
    let object = lines.lines().trim_ascii_end().to_vec();
    lines.clear();
    object
}

fn io_error(error: WriteError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
