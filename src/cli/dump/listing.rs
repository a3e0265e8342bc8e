//! A dump that was kept in memory: chosen, sorted, cut, and printed in any format.

use std::io::{self, Write};
use std::time::Instant;

use crate::cli::args::{DumpFormat, SelectArgs};
use crate::cli::collect::Collector;
use crate::cli::failure::Failure;
use crate::cli::stdout::StdoutError;
use crate::cli::target::Tables;
use crate::escape;
use crate::output::entries::{Listed, columns, csv, json, records, set_table};
use crate::record::{self, Checksum, End, Formatter, Header, Time, WriteError};
use crate::table::{ColumnError, EntryRef, Sort, Store, Where, WhereError};

/// What is printed, and of when.
pub(super) struct Listing<'a> {
    pub(super) collector: &'a Collector,
    /// The peers.
    pub(super) names: &'a [Box<[u8]>],
    /// The peers section, if it is known.
    pub(super) section: Option<&'a [u8]>,
    pub(super) now: Instant,
    /// The same moment.
    pub(super) time: Time,
    /// Whether everything came.
    pub(super) complete: bool,
    /// Whether updates have numbers.
    pub(super) numbered: bool,
}

impl Listing<'_> {
    /// Prints everything; returns what is worth a line beside it.
    pub(super) fn print(
        &self,
        format: DumpFormat,
        select: &SelectArgs,
        color: bool,
        out: &mut dyn Write,
    ) -> Result<Option<String>, Failure> {
        let tables = self.tables(select)?;
        let mut said = None;
        let printed = match format {
            DumpFormat::Table => columns::print(&tables, color, out),
            DumpFormat::Ndjson => self.records(&tables, out),
            DumpFormat::Json => json::print(&tables, self.time, self.complete, out),
            DumpFormat::Csv => {
                one_table(&tables)?;
                csv::print(&tables, out)
            }
            DumpFormat::Cli => set_table::print(&tables, self.section, out).map(|unsaid| {
                let text = unsaid.to_string();
                said = (!text.is_empty()).then_some(text);
            }),
        };
        printed.and_then(|()| out.flush()).map_err(StdoutError::of)?;
        Ok(said)
    }

    /// The entries that are wanted, by peer, table and key, or as they are to be sorted.
    fn tables(&self, select: &SelectArgs) -> Result<Vec<Listed<'_>>, Failure> {
        let tables = Tables::parse(&select.table)?;
        let chosen = match tables.choose(self.collector.announced()) {
            // Whether a table is missing is known only if all tables are.
            Err(failure) if self.complete => return Err(failure),
            chosen => chosen.unwrap_or_default(),
        };
        let mut peers: Vec<(usize, &[u8])> = self.names.iter().map(|name| &**name).enumerate().collect();
        peers.sort_by_key(|(_, name)| *name);
        let mut sorts = Sorts { text: select.sort.as_deref(), found: false, missing: None };
        let mut filters =
            Filters { expression: select.filter.as_deref().map(parse).transpose()?, found: false, missing: None };
        let now_ms = self.collector.ms(self.now);
        let mut listed = Vec::new();
        for (peer, name) in peers {
            for (table, store) in self.collector.stores(peer).into_iter().flatten() {
                if chosen.contains(&&**table) {
                    let Some(keep) = filters.of(store) else { continue };
                    let sort = sorts.of(store);
                    let entries = store.sorted(now_ms, &sort, select.limit, &keep);
                    let all = select.limit.is_none() && select.filter.is_none();
                    let total = if all { entries.len() } else { store.iter(now_ms).count() };
                    listed.push(Listed {
                        peer: name,
                        definition: store.definition(),
                        entries,
                        total,
                        numbered: self.numbered,
                    });
                }
            }
        }
        filters.check()?;
        sorts.check()?;
        Ok(listed)
    }

    fn records(&self, tables: &[Listed<'_>], out: &mut dyn Write) -> io::Result<()> {
        let mut lines = Formatter::new(Checksum::None);
        let mut print = || -> Result<(), Stop> {
            let (version, peerctl, time) = (record::VERSION, env!("CARGO_PKG_VERSION").into(), self.time);
            lines.header(&Header { version, peerctl, time })?;
            for listed in tables {
                records::push(&mut lines, listed, self.time, |lines| {
                    out.write_all(lines.lines())?;
                    lines.clear();
                    Ok::<(), Stop>(())
                })?;
            }
            let entries = tables.iter().map(|listed| listed.entries.len() as u64).sum();
            lines.end(End { entries, complete: self.complete })?;
            Ok(out.write_all(lines.lines())?)
        };
        print().map_err(|Stop(error)| error)
    }
}

/// How the tables are sorted, if their entries have what they are to be sorted by.
struct Sorts<'a> {
    text: Option<&'a str>,
    found: bool,
    missing: Option<ColumnError>,
}

impl Sorts<'_> {
    fn of(&mut self, store: &Store) -> Sort {
        match self.text.map(|text| Sort::parse(text, store.definition())) {
            None => Sort::BY_KEY,
            Some(Ok(sort)) => {
                self.found = true;
                sort
            }
            Some(Err(error)) => {
                self.missing.get_or_insert(error);
                Sort::BY_KEY
            }
        }
    }

    /// Fails if no table can be sorted so.
    fn check(self) -> Result<(), Failure> {
        match self.missing {
            Some(error) if !self.found => Err(Failure::misuse(format!("--sort: {error}"), "")),
            _ => Ok(()),
        }
    }
}

/// Which entries of the tables are wanted, if they have what the expression is about.
struct Filters {
    expression: Option<Where>,
    found: bool,
    missing: Option<WhereError>,
}

impl Filters {
    /// `None` for a table about which the expression says nothing.
    fn of(&mut self, store: &Store) -> Option<impl Fn(&EntryRef<'_>) -> bool + use<>> {
        let filter = match self.expression.as_ref().map(|expression| expression.compile(store.definition())) {
            None => None,
            Some(Ok(filter)) => {
                self.found = true;
                Some(filter)
            }
            Some(Err(error)) => {
                self.missing.get_or_insert(error);
                return None;
            }
        };
        Some(move |entry: &EntryRef<'_>| filter.as_ref().is_none_or(|filter| filter.matches(entry)))
    }

    /// Fails if the expression says nothing about any table.
    fn check(self) -> Result<(), Failure> {
        match self.missing {
            Some(error) if !self.found => Err(refused(&error)),
            _ => Ok(()),
        }
    }
}

/// Reads `--where`.
pub(super) fn parse(text: &str) -> Result<Where, Failure> {
    Where::parse(text).map_err(|error| refused(&error))
}

fn refused(error: &WhereError) -> Failure {
    Failure::misuse(format!("--where: {error}"), "`peerctl grammar where` has all that can be written")
}

/// CSV has one table.
fn one_table(tables: &[Listed<'_>]) -> Result<(), Failure> {
    let mut names: Vec<String> =
        tables.iter().map(|listed| escape::name(&listed.definition.name).into_owned()).collect();
    names.sort();
    names.dedup();
    match names.as_slice() {
        [] | [_] => Ok(()),
        several => {
            let list: Vec<String> = several.iter().map(|name| format!("`{name}`")).collect();
            let message = format!("CSV is for one table, and there are {}", several.len());
            Err(Failure::misuse(message, format!("say which one with --table: {}", list.join(", "))))
        }
    }
}

/// Why printing stops.
struct Stop(io::Error);

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl From<WriteError> for Stop {
    fn from(error: WriteError) -> Self {
        Self(io::Error::new(io::ErrorKind::InvalidData, error))
    }
}
