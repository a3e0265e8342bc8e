//! Reading records.

use std::io::{self, Read};

use crate::escape;
use crate::record::fast::{FastPath, Scratch};
use crate::record::fields::Fault;
use crate::record::lines::{Line, Lines};
use crate::record::parse::{Parsed, parse};
use crate::record::tables::Tables;
use crate::record::{End, Entry, Problem, Record, RecordError, Table, json};

/// `,"crc":"xxxxxxxx"}`
const CRC_LEN: usize = 18;

/// What is done with a damaged line that isn't the torn end of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Damage {
    /// It is an error.
    #[default]
    Refuse,
    /// It is passed over and counted, and so is a missing header.
    PassOver,
}

/// Reads records one after the other, in memory that does not grow with their number.
#[derive(Debug)]
pub struct Reader<R> {
    lines: Lines<R>,
    damage: Damage,
    tables: Tables,
    fast: FastPath,
    scratch: Scratch,
    summary: Summary,
    /// Whether there was a header.
    header: bool,
    /// Whether the last record had a checksum.
    checked: bool,
    done: bool,
}

/// What was read so far.
#[derive(Debug, Default)]
pub struct Summary {
    /// Lines, empty and unknown ones included.
    pub lines: u64,
    /// Entries.
    pub entries: u64,
    /// Records of types that this version doesn't know; they were passed over.
    pub unknown: u64,
    /// Damaged lines that were passed over.
    pub damaged: u64,
    /// The first one of them.
    pub first_damaged: Option<RecordError>,
    /// The `end` record, if it was the last one.
    pub end: Option<End>,
    /// The bytes up to the end of the last line that is none of the torn end.
    pub valid_len: u64,
    /// How the file ends; known when there are no more records.
    pub tail: Tail,
}

/// How a file ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tail {
    /// With the end of a line.
    #[default]
    Whole,
    /// With a whole record whose line has no end: before more is appended, it must get one.
    NoNewline,
    /// With this many bytes that are no record, behind [`Summary::valid_len`]: a writer or its machine stopped while it wrote
    /// them. Before more is appended, they must be cut off. Without any bytes the file is empty, and has no header.
    Torn(u64),
}

impl<R: Read> Reader<R> {
    /// Refuses damaged files.
    pub fn new(input: R) -> Self {
        Self::with_damage(input, Damage::Refuse)
    }

    /// Does with damaged lines what is asked for.
    pub fn with_damage(input: R, damage: Damage) -> Self {
        Self {
            lines: Lines::new(input),
            damage,
            tables: Tables::default(),
            fast: FastPath::new(),
            scratch: Scratch::default(),
            summary: Summary::default(),
            header: false,
            checked: false,
            done: false,
        }
    }

    /// The next record; `None` at the end, and after an error.
    ///
    /// # Errors
    /// If the stream can't be read, or a line in it is no record.
    pub fn read(&mut self) -> Result<Option<Record<'_>>, RecordError> {
        while !self.done {
            let next = self.lines.next().map_err(|source| self.failed(source))?;
            let Some(line) = next else {
                self.done = true;
                if self.summary.lines == 0 {
                    self.summary.tail = Tail::Torn(0);
                }
                break;
            };
            self.summary.lines += 1;
            match self.parse(&line) {
                Err(fault) => self.damaged(&line, fault)?,
                Ok(parsed) => {
                    self.summary.valid_len = self.lines.position();
                    if !line.ended {
                        self.summary.tail = Tail::NoNewline;
                    }
                    if let Some(parsed) = parsed {
                        return Ok(self.record(parsed));
                    }
                }
            }
        }
        Ok(None)
    }

    /// What was read so far.
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The tables so far, as they were defined last, in the order of their numbers.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.all()
    }

    /// What the line says; `None` if nothing that counts.
    fn parse(&mut self, line: &Line) -> Result<Option<Parsed>, Fault> {
        if line.too_long {
            return Err(Fault { at: 0, problem: Problem::TooLong });
        }
        let bytes = self.lines.bytes(line);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let (body, checked) = body(bytes)?;
        let entry = body.and_then(|body| self.fast.read(body, &self.tables, &mut self.scratch));
        let parsed = match entry {
            Some(entry) => Parsed::Entry(entry),
            None => parse(bytes, checked, &mut self.tables, &mut self.scratch)?,
        };
        let header = matches!(parsed, Parsed::Header(_));
        if !(header || self.header || self.damage == Damage::PassOver) {
            return Err(Fault { at: 0, problem: Problem::NoHeader });
        }
        self.header |= header;
        self.checked = checked;
        self.summary.end = None;
        match parsed {
            Parsed::Unknown => {
                self.summary.unknown += 1;
                return Ok(None);
            }
            Parsed::Entry(_) => self.summary.entries += 1,
            Parsed::End(end) => self.summary.end = Some(end),
            _ => {}
        }
        Ok(Some(parsed))
    }

    fn record(&self, parsed: Parsed) -> Option<Record<'_>> {
        Some(match parsed {
            Parsed::Header(header) => Record::Header(header),
            Parsed::Table(id) => Record::Table(id, self.tables.get(id)?.0),
            Parsed::Session(session) => Record::Session(session),
            Parsed::End(end) => Record::End(end),
            Parsed::Unknown => return None,
            Parsed::Entry(line) => {
                let entry = Entry {
                    table: line.table,
                    time: line.time,
                    key: &self.scratch.key,
                    expire_ms: line.expire_ms,
                    resync: line.resync,
                    update_id: line.update_id,
                    values: &self.scratch.values,
                    server_key: line.server_key.then_some(&self.scratch.server_key),
                };
                Record::Entry(entry, self.tables.get(line.table)?.0)
            }
        })
    }

    /// Decides whether a line that is no record is the torn end of the file, may be passed over, or is an error.
    fn damaged(&mut self, line: &Line, fault: Fault) -> Result<(), RecordError> {
        let start = self.lines.position() - line.len;
        let number = self.summary.lines;
        let damage = fault.problem.is_damage();
        let torn = damage && !line.ended && (self.header || starts_as_header(self.lines.bytes(line)));
        let error = RecordError::Line { line: number, column: fault.at as u64 + 1, problem: fault.problem };
        if let RecordError::Line { problem: Problem::Version(_), .. } = error {
            self.done = true;
            return Err(error);
        }
        if torn || self.damage == Damage::Refuse && damage && self.checked && self.is_last()? {
            self.done = true;
            self.summary.tail = Tail::Torn(self.lines.position() - start);
            return Ok(());
        }
        if self.damage == Damage::Refuse {
            self.done = true;
            return Err(error);
        }
        self.summary.damaged += 1;
        self.summary.first_damaged.get_or_insert(error);
        Ok(())
    }

    /// Whether no line that follows has a right checksum: a system that stops may have stored a later part of a file, and not
    /// an earlier one, or zeros.
    fn is_last(&mut self) -> Result<bool, RecordError> {
        while let Some(line) = self.lines.next().map_err(|source| self.failed(source))? {
            if matches!(body(self.lines.bytes(&line)), Ok((_, true))) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn failed(&mut self, source: io::Error) -> RecordError {
        self.done = true;
        RecordError::Io { position: self.lines.position(), source }
    }
}

/// The line up to its `}` or `,"crc"`, if it ends as ours do, and whether it has a checksum, which is right then.
fn body(line: &[u8]) -> Result<(Option<&[u8]>, bool), Fault> {
    let crc = || {
        let (body, crc) = line.split_at_checked(line.len().checked_sub(CRC_LEN)?)?;
        Some((body, crc.strip_prefix(br#","crc":""#)?.strip_suffix(br#""}"#)?))
    };
    let Some((body, found)) = crc() else { return Ok((line.strip_suffix(b"}"), false)) };
    let computed = json::lower_hex(crc32c::crc32c(body));
    if found == computed {
        return Ok((Some(body), true));
    }
    let found = escape::line(found).into_owned();
    let computed = String::from_utf8_lossy(&computed).into_owned();
    Err(Fault { at: body.len() + 1, problem: Problem::Checksum { found, computed } })
}

/// Whether a torn line may have been a header of ours, and nothing else.
fn starts_as_header(line: &[u8]) -> bool {
    const START: &[u8] = br#"{"type":"header","version":"#;
    line.starts_with(START.get(..line.len()).unwrap_or(START))
}
