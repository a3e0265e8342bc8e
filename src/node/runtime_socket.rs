//! HAProxy's runtime socket (`stats socket`) as a source of tables and of the state of peers: nothing is changed there.

use std::fmt;
use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::timeout;

use crate::escape;
use crate::node::connect::connect;
use crate::node::driver::Stream;
use crate::node::{Address, AddressError, LinkError};
use crate::runtime::{EntryLine, PeersSection, ShownError, ShownTable, peers};

/// How long a connection, and each part of an answer, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most bytes of an answer that is kept whole: one line of some hundred bytes for each peer and table.
const MAX_ANSWER: usize = 64 << 20;

/// The most bytes of a line: a key and a text of 16 KiB each, in which every byte is printed as four.
const MAX_LINE: usize = 256 << 10;

/// Where HAProxy answers. Each question is a connection of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuntimeSocket {
    address: Address,
    patience: Duration,
}

impl RuntimeSocket {
    /// The socket at an address.
    #[must_use]
    pub const fn new(address: Address) -> Self {
        Self { address, patience: PATIENCE }
    }

    /// Reads `PATH`, or an address as [`Address::parse`] does: `unix@PATH`, `ipv4@127.0.0.1:9999`, `localhost:9999`.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let is_path = text.starts_with(['/', '.']) || !text.contains(['@', ':']);
        let address = if is_path { Address::Unix(text.into()) } else { Address::parse(text)? };
        Ok(Self::new(address))
    }

    /// Another limit for a connection, and for each part of an answer.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Where it is.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// `show peers`: all peers sections in use.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub async fn peers(&self) -> Result<Vec<PeersSection>, RuntimeError> {
        const COMMAND: &str = "show peers";
        let answer = self.ask(COMMAND).await?.whole().await?;
        if let Some(refusal) = refusal(COMMAND, answer.split(|byte| *byte == b'\n').next().unwrap_or_default()) {
            return Err(refusal);
        }
        Ok(peers::parse(&answer)?)
    }

    /// `show table`: all stick tables, sorted by name.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub async fn tables(&self) -> Result<Vec<ShownTable>, RuntimeError> {
        const COMMAND: &str = "show table";
        let mut lines = self.ask(COMMAND).await?;
        let mut tables = Vec::new();
        while lines.advance().await? {
            tables.push(table(COMMAND, &lines.line)?);
        }
        tables.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(tables)
    }

    /// `show table NAME`: the entries of one table, by HAProxy's full name (`shop`, `mesh/t1`), as they come.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub async fn entries(&self, name: &[u8]) -> Result<Entries, RuntimeError> {
        let shown = || escape::name(name).into_owned();
        // HAProxy allows no other bytes in names; blanks, `;` and line ends would be other words and commands.
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(byte);
        let word = str::from_utf8(name).ok().filter(|_| !name.is_empty() && name.iter().all(allowed));
        let word = word.ok_or_else(|| RuntimeError::NoTable(shown()))?;
        let command = format!("show table {word}");
        let mut lines = self.ask(&command).await?;
        if !lines.advance().await? {
            return Err(RuntimeError::Refused { command, answer: String::new(), hint: "" });
        }
        if *lines.line == *b"No such table" {
            return Err(RuntimeError::NoTable(shown()));
        }
        Ok(Entries { table: table(&command, &lines.line)?, lines })
    }

    async fn ask(&self, command: &str) -> Result<Lines, RuntimeError> {
        let failed = |source| RuntimeError::Read { command: command.to_owned(), source };
        let connect = async {
            let (stream, _) = connect(&self.address).await.map_err(|why| RuntimeError::Connect { why })?;
            let mut stream = BufReader::with_capacity(64 << 10, stream);
            stream.write_all(format!("{command}\n").as_bytes()).await.map_err(failed)?;
            Ok::<_, RuntimeError>(stream)
        };
        let late = |_| RuntimeError::Timeout { command: command.to_owned(), after: self.patience };
        let stream = timeout(self.patience, connect).await.map_err(late)??;
        Ok(Lines { stream, line: Vec::new(), blank: false, patience: self.patience, command: command.to_owned() })
    }
}

/// The entries of a table as they come.
#[derive(Debug)]
pub struct Entries {
    table: ShownTable,
    lines: Lines,
}

impl Entries {
    /// The table as it was when the answer began.
    #[must_use]
    pub const fn table(&self) -> &ShownTable {
        &self.table
    }

    /// The next entry; `None` behind the last one. HAProxy gives them in no order.
    ///
    /// # Errors
    /// [`RuntimeError`].
    pub async fn next(&mut self) -> Result<Option<EntryLine<'_>>, RuntimeError> {
        if !self.lines.advance().await? {
            return Ok(None);
        }
        if self.lines.line.starts_with(b"# contents not dumped due to insufficient privileges") {
            return Err(RuntimeError::Privileges);
        }
        Ok(Some(EntryLine::parse(self.table.key_type, &self.lines.line)?))
    }
}

/// An answer. Its last line is empty; without that it was cut off.
struct Lines {
    stream: BufReader<Box<dyn Stream>>,
    /// Without its end.
    line: Vec<u8>,
    /// Whether the line before was empty.
    blank: bool,
    patience: Duration,
    command: String,
}

impl Lines {
    /// Goes on to the next line that isn't empty; `false` at the end.
    async fn advance(&mut self) -> Result<bool, RuntimeError> {
        loop {
            self.line.clear();
            let whole = self.read_line().await?;
            if !whole {
                let end = self.blank && self.line.is_empty();
                return if end { Ok(false) } else { Err(RuntimeError::Cut { command: self.command.clone() }) };
            }
            self.blank = self.line.is_empty();
            if !self.blank {
                return Ok(true);
            }
        }
    }

    /// Adds bytes to the line until its end; `false` if HAProxy has closed before.
    async fn read_line(&mut self) -> Result<bool, RuntimeError> {
        loop {
            let bytes = fill(&mut self.stream, self.patience, &self.command).await?;
            if bytes.is_empty() {
                return Ok(false);
            }
            let end = memchr::memchr(b'\n', bytes);
            self.line.extend_from_slice(bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default());
            let used = end.map_or(bytes.len(), |end| end + 1);
            self.stream.consume(used);
            if self.line.len() > MAX_LINE {
                return Err(RuntimeError::Long { command: self.command.clone(), limit: MAX_LINE });
            }
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    /// The whole answer.
    async fn whole(mut self) -> Result<Vec<u8>, RuntimeError> {
        let mut answer = Vec::new();
        loop {
            let bytes = fill(&mut self.stream, self.patience, &self.command).await?;
            if bytes.is_empty() {
                break;
            }
            answer.extend_from_slice(bytes);
            let used = bytes.len();
            self.stream.consume(used);
            if answer.len() > MAX_ANSWER {
                return Err(RuntimeError::Long { command: self.command, limit: MAX_ANSWER });
            }
        }
        if answer == b"\n" || answer.ends_with(b"\n\n") {
            return Ok(answer);
        }
        Err(RuntimeError::Cut { command: self.command })
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Lines").field("command", &self.command).finish_non_exhaustive()
    }
}

/// Bytes that have come; none at the end.
async fn fill<'a>(
    stream: &'a mut BufReader<Box<dyn Stream>>,
    patience: Duration,
    command: &str,
) -> Result<&'a [u8], RuntimeError> {
    let late = |_| RuntimeError::Timeout { command: command.to_owned(), after: patience };
    let failed = |source| RuntimeError::Read { command: command.to_owned(), source };
    timeout(patience, stream.fill_buf()).await.map_err(late)?.map_err(failed)
}

fn table(command: &str, line: &[u8]) -> Result<ShownTable, RuntimeError> {
    match refusal(command, line) {
        Some(refusal) => Err(refusal),
        None => Ok(ShownTable::parse(line)?),
    }
}

/// An answer that is no answer: what HAProxy says instead stands in one line.
fn refusal(command: &str, line: &[u8]) -> Option<RuntimeError> {
    let hint = if line.starts_with(b"Permission denied") {
        "; its `stats socket` line needs `level operator`"
    } else if line.starts_with(b"Unknown command") {
        "; if this is the socket of a master process, give that of a `stats socket` line"
    } else {
        return None;
    };
    let line = line.split(|byte| matches!(byte, b',' | b':')).next().unwrap_or_default();
    Some(RuntimeError::Refused { command: command.to_owned(), answer: escape::name(line).into_owned(), hint })
}

/// Why the runtime socket gave no answer.
#[derive(Debug, Error)]
pub enum RuntimeError {
    /// No connection.
    #[error("the runtime socket: {why}; it must be that of a `stats socket` line, and this user may need rights on it")]
    Connect {
        /// Why, with the address.
        why: LinkError,
    },
    /// The connection broke.
    #[error("the connection broke while HAProxy answered `{command}`: {source}")]
    Read {
        /// What was asked.
        command: String,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing came.
    #[error("HAProxy didn't go on with its answer to `{command}` within {} s", after.as_secs_f32())]
    Timeout {
        /// What was asked.
        command: String,
        /// The limit.
        after: Duration,
    },
    /// The end of the answer is missing.
    #[error(
        "HAProxy ended the connection in the middle of its answer to `{command}`: it stopped, or `stats timeout` in its `global` is too short"
    )]
    Cut {
        /// What was asked.
        command: String,
    },
    /// More than is kept.
    #[error("the answer to `{command}` is longer than {limit} bytes: this is no runtime socket of HAProxy")]
    Long {
        /// What was asked.
        command: String,
        /// The limit.
        limit: usize,
    },
    /// The socket shows no entries.
    #[error("this runtime socket shows no entries: its `stats socket` line needs `level operator`")]
    Privileges,
    /// There is no such table.
    #[error("HAProxy has no stick table `{0}`: `show table` lists them")]
    NoTable(String),
    /// HAProxy doesn't take the command.
    #[error("HAProxy answered `{command}` with `{answer}`{hint}")]
    Refused {
        /// What was asked.
        command: String,
        /// What it said, escaped.
        answer: String,
        /// What to do.
        hint: &'static str,
    },
    /// The answer isn't as HAProxy prints them.
    #[error(transparent)]
    Shown(#[from] ShownError),
}
