//! The file: what is in it, and its entries in batches, read by a thread of its own.

use std::fs::File;
use std::io::{self, Seek as _};
use std::ops::Range;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::escape;
use crate::record::{Reader, Record, RecordError, Tail, Time};
use crate::stick::Definition;

/// A file that can be read again and again.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    name: String,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Its tables, each as one peer had it.
    pub(super) tables: Vec<Surveyed>,
    /// The time of the first entry.
    pub(super) first: Option<Time>,
    /// Something about the file as a whole that is worth knowing.
    pub(super) notes: Vec<String>,
}

/// A table of a file.
#[derive(Debug)]
pub(super) struct Surveyed {
    pub(super) peer: Box<[u8]>,
    pub(super) name: Box<[u8]>,
    /// All definitions that it had, in order.
    pub(super) definitions: Vec<Definition>,
    pub(super) entries: u64,
}

/// Entries of a file, in order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    entries: Vec<Item>,
    bytes: Vec<u8>,
    values: Vec<u64>,
}

/// An entry within its batch.
#[derive(Clone, Debug)]
struct Item {
    table: usize,
    definition: usize,
    time: Time,
    expire_ms: Option<u32>,
    key: Range<usize>,
    text: Option<Range<usize>>,
    values: Range<usize>,
}

/// A recorded entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded<'a> {
    /// The place of its table in [`Survey::tables`].
    pub(super) table: usize,
    /// The place of its definition in [`Surveyed::definitions`].
    pub(super) definition: usize,
    pub(super) time: Time,
    pub(super) expire_ms: Option<u32>,
    pub(super) key: &'a [u8],
    pub(super) server_key: Option<&'a [u8]>,
    pub(super) values: &'a [u64],
}

/// Entries of a batch, and batches on their way. Together they bound the memory that a file takes.
const BATCH: usize = 4096;
const BATCHES: usize = 4;

impl Source {
    /// Opens a file; `-` is standard input. What can't be read twice is copied into memory first: no entry is sent before the
    /// whole file was seen to be one.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let (mut input, name) = if path.as_os_str() == "-" {
            (Box::new(io::stdin()) as Box<dyn io::Read>, "standard input".to_owned())
        } else {
            let name = format!("`{}`", escape::name(path.as_os_str().as_encoded_bytes()));
            let file = File::open(path).map_err(|error| Failure::io("can't open", &name, &error))?;
            if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
                return Ok(Self { file, name });
            }
            (Box::new(file) as Box<dyn io::Read>, name)
        };
        let copied = memfd_create("peerctl-replay", MemfdFlags::CLOEXEC).map_err(io::Error::from).and_then(|memory| {
            let mut file = File::from(memory);
            io::copy(&mut input, &mut file).map(|_| file)
        });
        let file = copied.map_err(|error| Failure::io("can't read", &name, &error))?;
        Ok(Self { file, name })
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// Exit 2 if it is no file of records; nothing of it may be sent then.
    pub(super) fn survey(&self) -> Result<Survey, Failure> {
        let mut survey = Survey::default();
        let mut reader = self.reader()?;
        loop {
            let record = reader.read().map_err(|error| self.refused(&error))?;
            match record {
                Some(Record::Table(id, table)) => {
                    let place = id.index();
                    if survey.tables.len() <= place {
                        let (peer, name) = (table.peer.clone(), table.definition.name.clone());
                        survey.tables.push(Surveyed { peer, name, definitions: Vec::new(), entries: 0 });
                    }
                    if let Some(surveyed) = survey.tables.get_mut(place)
                        && !surveyed.definitions.contains(&table.definition)
                    {
                        surveyed.definitions.push(table.definition.clone());
                    }
                }
                Some(Record::Entry(entry, _)) => {
                    survey.first = survey.first.or(Some(entry.time));
                    if let Some(table) = survey.tables.get_mut(entry.table.index()) {
                        table.entries += 1;
                    }
                }
                Some(_) => {}
                None => break,
            }
        }
        let summary = reader.summary();
        let name = &self.name;
        match summary.tail {
            Tail::Torn(0) => {
                return Err(Failure::misuse(
                    format!("{name} is empty"),
                    "give a file that `peerctl dump` or `watch --record` wrote",
                ));
            }
            Tail::Torn(bytes) => {
                survey.notes.push(format!("{name} ends within a line: its last {bytes} bytes are left out"));
            }
            Tail::Whole | Tail::NoNewline => {}
        }
        match summary.end {
            Some(end) if !end.complete => survey.notes.push(format!("{name} says that it is not complete")),
            Some(_) => {}
            None => {
                survey.notes.push(format!("{name} has no last record: whoever wrote it was stopped, or still writes"));
            }
        }
        if summary.unknown > 0 {
            survey.notes.push(format!(
                "{name} has {} records of types that are unknown here; they are left out",
                summary.unknown
            ));
        }
        Ok(survey)
    }

    /// Reads all entries again, in a thread of its own. The channel closes at the end; an error is the last thing in it.
    pub(super) fn batches(&self) -> Result<Receiver<Result<Batch, RecordError>>, Failure> {
        let reader = self.reader()?;
        let (sender, receiver) = sync_channel(BATCHES);
        thread::spawn(move || send_batches(reader, &sender));
        Ok(receiver)
    }

    fn reader(&self) -> Result<Reader<File>, Failure> {
        let again = self.file.try_clone().and_then(|mut file| file.rewind().map(|()| file));
        again.map(Reader::new).map_err(|error| Failure::io("can't read", &self.name, &error))
    }

    fn refused(&self, error: &RecordError) -> Failure {
        let help = "nothing was sent; `peerctl dump` and `watch --record` write files that can be replayed";
        Failure::new(Exit::Misuse, format!("{}: {error}", self.name), help)
    }
}

/// Sends all entries, until the end or until nobody wants them any more.
fn send_batches(mut reader: Reader<File>, sender: &SyncSender<Result<Batch, RecordError>>) {
    let mut batch = Batch::default();
    let mut definitions: Vec<Vec<Definition>> = Vec::new();
    let mut current = Vec::new();
    loop {
        match reader.read() {
            Ok(Some(Record::Table(id, table))) => {
                let place = id.index();
                if definitions.len() <= place {
                    definitions.resize(place + 1, Vec::new());
                    current.resize(place + 1, 0);
                }
                if let (Some(known), Some(current)) = (definitions.get_mut(place), current.get_mut(place)) {
                    *current = known.iter().position(|known| *known == table.definition).unwrap_or(known.len());
                    if *current == known.len() {
                        known.push(table.definition.clone());
                    }
                }
            }
            Ok(Some(Record::Entry(entry, _))) => {
                let table = entry.table.index();
                let definition = current.get(table).copied().unwrap_or(0);
                let recorded = Recorded {
                    table,
                    definition,
                    time: entry.time,
                    expire_ms: entry.expire_ms,
                    key: entry.key,
                    server_key: entry.server_key,
                    values: entry.values,
                };
                batch.push(&recorded);
                if batch.len() == BATCH && sender.send(Ok(std::mem::take(&mut batch))).is_err() {
                    return;
                }
            }
            Ok(Some(_)) => {}
            Ok(None) => {
                let _nobody_wants_it = sender.send(Ok(batch));
                return;
            }
            Err(error) => {
                let _nobody_wants_it = sender.send(Ok(batch)).and_then(|()| sender.send(Err(error)));
                return;
            }
        }
    }
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entry at a place.
    pub(super) fn get(&self, at: usize) -> Option<Recorded<'_>> {
        let item = self.entries.get(at)?;
        Some(Recorded {
            table: item.table,
            definition: item.definition,
            time: item.time,
            expire_ms: item.expire_ms,
            key: self.bytes.get(item.key.clone())?,
            server_key: item.text.clone().and_then(|text| self.bytes.get(text)),
            values: self.values.get(item.values.clone())?,
        })
    }

    fn push(&mut self, entry: &Recorded<'_>) {
        let mut keep = |bytes: &[u8]| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            start..self.bytes.len()
        };
        let (key, text) = (keep(entry.key), entry.server_key.map(keep));
        let start = self.values.len();
        self.values.extend_from_slice(entry.values);
        let values = start..self.values.len();
        let Recorded { table, definition, time, expire_ms, .. } = *entry;
        self.entries.push(Item { table, definition, time, expire_ms, key, text, values });
    }
}
