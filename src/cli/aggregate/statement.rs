//! What one line of the aggregator's file says, read for itself: whether lines go together is seen later.

mod peer;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use super::line::{Arguments, Word, did_you_mean};
use super::problems::Problems;
use crate::aggregate::{DataPolicy, OnReset, Stale, TableName};
use crate::escape;
use crate::grammar::{AggregateSection, AggregateUse, DataType, aggregate_keyword, aggregate_keywords};
use crate::node::Address;
use crate::span::Span;

pub use peer::{BindLine, PeerLine, PeerRole};

/// What a line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Statement {
    /// `localpeer`
    LocalPeer(String),
    /// `bind`
    Bind(BindLine),
    /// `metrics`
    Metrics(Address),
    /// `control`
    Control(Control),
    /// `state-file`
    StateFile(PathBuf),
    /// `from … to …`: `None` = any.
    From(Option<Box<[u8]>>, Box<[u8]>),
    /// `table … to …`
    Table(TableName),
    /// `peer`
    Peer(PeerLine),
    /// `data`: the types with their words, the policy, and what a reset does where it was said.
    Data(Vec<(DataType, Word)>, DataPolicy, Option<OnReset>),
    /// `publish`: the least and the most time, in milliseconds.
    Publish(Option<u64>, Option<u64>),
    /// `stale`
    Stale(Stale),
    /// `start-grace`, in milliseconds.
    StartGrace(u64),
    /// `refresh`, in milliseconds; `None` = never.
    Refresh(Option<u64>),
    /// `teach-back`
    TeachBack(bool),
    /// `lease`: the table's name on the wire.
    Lease(Box<[u8]>),
    /// Nothing that is left to be done.
    Nothing,
}

/// The socket that a running aggregator is asked on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Control {
    /// Where.
    pub path: PathBuf,
    /// Who may, as bits of a file mode.
    pub mode: u32,
}

/// The mode of a control socket of which nothing is said: who asks may make it forget.
pub const CONTROL_MODE: u32 = 0o600;

/// Reads the words of a line in `section`; `None` if something is wrong with it.
pub fn read(section: AggregateSection, words: &[Word], problems: &mut Problems) -> Option<Statement> {
    let (keyword, rest) = words.split_first()?;
    let Some(info) = aggregate_keyword(section, &keyword.text) else {
        let known =
            aggregate_keywords().iter().filter(|info| info.section == section && info.how == AggregateUse::Read);
        let known = known.map(|info| info.keyword).chain(["global", "aggregations"]);
        let near = did_you_mean(&keyword.text, known.clone());
        let name = match section {
            AggregateSection::Global => "global",
            AggregateSection::Aggregations => "an aggregations section",
        };
        let words: Vec<&str> = known.filter(|word| !matches!(*word, "global" | "aggregations")).collect();
        let help = if near.is_empty() { format!("it knows {}", words.join(", ")) } else { String::new() };
        problems.error(keyword.span, format!("`{}` is no keyword of {name}", keyword.shown()), near, help);
        return None;
    };
    let arguments = Arguments { info, keyword, rest };
    match info.how {
        AggregateUse::Read => arguments.read(problems),
        AggregateUse::Ignored => {
            problems.warning(keyword.span, format!("`{}` has no meaning here", info.keyword), info.usage);
            Some(Statement::Nothing)
        }
        AggregateUse::Refused => {
            let message = format!("`{}`: only peers that are listed are taken", info.keyword);
            problems.error(keyword.span, message, "", info.usage);
            None
        }
    }
}

impl Arguments<'_> {
    fn read(mut self, problems: &mut Problems) -> Option<Statement> {
        let statement = match self.info.keyword {
            "bind" => return self.bind(problems).map(Statement::Bind),
            "peer" => return self.peer(problems).map(Statement::Peer),
            // The reader has obeyed them.
            "setenv" | "presetenv" | "unsetenv" | "resetenv" => return Some(Statement::Nothing),
            "localpeer" => Statement::LocalPeer(self.need(problems)?.name(problems)?),
            "metrics" => self.metrics(problems)?,
            "control" => self.control(problems)?,
            "state-file" => Statement::StateFile(path(self.need(problems)?, problems)?),
            "from" => self.from(problems)?,
            "table" => self.table(problems)?,
            "data" => self.data(problems)?,
            "publish" => return self.publish(problems),
            "stale" => self.stale(problems)?,
            "start-grace" => Statement::StartGrace(self.need(problems)?.delay(problems)?),
            "refresh" => match self.need(problems)? {
                word if word.text == b"off" => Statement::Refresh(None),
                word => Statement::Refresh(Some(word.delay(problems)?)),
            },
            "teach-back" => {
                Statement::TeachBack(self.need(problems)?.choice(problems, &[("on", true), ("off", false)])?)
            }
            "lease" => Statement::Lease(lease(&table_name(self.need(problems)?, problems)?)),
            _ => Statement::Nothing,
        };
        self.end(problems)?;
        Some(statement)
    }

    fn metrics(&mut self, problems: &mut Problems) -> Option<Statement> {
        let word = self.need(problems)?;
        let text = String::from_utf8_lossy(&word.text);
        let port = text.strip_prefix(':').unwrap_or(&text);
        // A port alone is one of the loopback.
        if port.bytes().all(|byte| byte.is_ascii_digit()) {
            let local = Word { text: format!("127.0.0.1:{port}").into_bytes(), span: word.span };
            return local.listening(problems).map(Statement::Metrics);
        }
        word.listening(problems).map(Statement::Metrics)
    }

    fn control(&mut self, problems: &mut Problems) -> Option<Statement> {
        let path = path(self.need(problems)?, problems)?;
        let mut mode = CONTROL_MODE;
        if !self.rest.is_empty() {
            self.expect("mode", problems)?;
            let word = self.need(problems)?;
            let digits = (3..=4).contains(&word.text.len()) && word.text.iter().all(|b| (b'0'..=b'7').contains(b));
            let read = str::from_utf8(&word.text).ok().filter(|_| digits).and_then(|t| u32::from_str_radix(t, 8).ok());
            let Some(read) = read.filter(|mode| *mode <= 0o777) else {
                problems.error(
                    word.span,
                    format!("`{}` is no mode", word.shown()),
                    "",
                    "write it in octal: `mode 660`",
                );
                return None;
            };
            mode = read;
        }
        Some(Statement::Control(Control { path, mode }))
    }

    fn from(&mut self, problems: &mut Problems) -> Option<Statement> {
        let word = self.need(problems)?;
        let from = if word.text == b"any" { None } else { Some(suffix(word, problems)?) };
        self.expect("to", problems)?;
        Some(Statement::From(from, suffix(self.need(problems)?, problems)?))
    }

    fn table(&mut self, problems: &mut Problems) -> Option<Statement> {
        let from = table_name(self.need(problems)?, problems)?;
        self.expect("to", problems)?;
        let to = table_name(self.need(problems)?, problems)?;
        Some(Statement::Table(TableName { from, to }))
    }

    fn data(&mut self, problems: &mut Problems) -> Option<Statement> {
        let types = data_types(self.need(problems)?, problems)?;
        let policies = [
            ("sum", DataPolicy::Sum),
            ("max", DataPolicy::Max),
            ("min", DataPolicy::Min),
            ("last", DataPolicy::Last),
            ("or", DataPolicy::Or),
            ("and", DataPolicy::And),
            ("none", DataPolicy::None),
        ];
        let policy = self.need(problems)?.choice(problems, &policies)?;
        let mut on_reset = None;
        if !self.rest.is_empty() {
            self.expect("on-reset", problems)?;
            let choices = [("current", OnReset::Current), ("monotonic", OnReset::Monotonic)];
            on_reset = Some(self.need(problems)?.choice(problems, &choices)?);
        }
        Some(Statement::Data(types, policy, on_reset))
    }

    fn publish(mut self, problems: &mut Problems) -> Option<Statement> {
        let (mut least, mut most) = (None, None);
        let mut word = self.need(problems);
        while let Some(name) = word {
            let which = name.choice(problems, &[("min-interval", true), ("max-interval", false)])?;
            let time = self.need(problems)?.delay(problems)?;
            let slot = if which { &mut least } else { &mut most };
            if slot.replace(time).is_some() {
                problems.error(name.span, format!("`{}` twice on one line", name.shown()), "", "give it once");
                return None;
            }
            word = self.next();
        }
        (least.is_some() || most.is_some()).then_some(Statement::Publish(least, most))
    }

    fn stale(&mut self, problems: &mut Problems) -> Option<Statement> {
        let choices = [("keep", Some(Stale::Keep)), ("drop-after", None), ("stop", Some(Stale::Stop))];
        Some(Statement::Stale(match self.need(problems)?.choice(problems, &choices)? {
            Some(stale) => stale,
            None => Stale::DropAfter(self.need(problems)?.delay(problems)?),
        }))
    }
}

/// Data types with commas between them.
fn data_types(word: &Word, problems: &mut Problems) -> Option<Vec<(DataType, Word)>> {
    let mut types = Vec::new();
    let mut start = word.span.start;
    // Exact where nothing is quoted.
    let plain = usize::try_from(word.span.len()) == Ok(word.text.len());
    for name in word.text.split(|byte| *byte == b',') {
        let end = start.saturating_add(u32::try_from(name.len()).unwrap_or(u32::MAX));
        let span = if plain { Span::new(start, end) } else { word.span };
        start = end.saturating_add(1);
        let Some(data_type) = DataType::by_name(name) else {
            let near = did_you_mean(name, DataType::spellings().iter().map(|info| info.name));
            problems.error(span, format!("`{}` is no data type", escape::name(name)), near, "");
            return None;
        };
        types.push((data_type, Word { text: name.to_vec(), span }));
    }
    Some(types)
}

fn path(word: &Word, problems: &mut Problems) -> Option<PathBuf> {
    if word.text.is_empty() {
        problems.error(word.span, "an empty path", "", "");
        return None;
    }
    Some(OsString::from_vec(word.text.clone()).into())
}

fn is_name(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'-' | b'_'))
}

/// `.SUFFIX`
fn suffix(word: &Word, problems: &mut Problems) -> Option<Box<[u8]>> {
    if word.text.strip_prefix(b".").is_some_and(is_name) {
        return Some(word.text.as_slice().into());
    }
    let message = format!("`{}` is no suffix of table names", word.shown());
    problems.error(
        word.span,
        message,
        "",
        "write it with its dot: `.agg`; or name tables: `table st_src to st_src.agg`",
    );
    None
}

/// A table's name as on the wire; that of a peers section may be given with the section's name.
fn table_name(word: &Word, problems: &mut Problems) -> Option<Box<[u8]>> {
    let text = word.text.as_slice();
    let slash = text.iter().position(|byte| *byte == b'/');
    let (section, name) = slash.and_then(|at| text.split_at_checked(at)).unwrap_or((b"", text));
    let bare = name.strip_prefix(b"/").unwrap_or(name);
    if is_name(bare) && (section.is_empty() || is_name(section)) {
        return Some(name.into());
    }
    let help = "write it as HAProxy does: `st_src`, or `agg/st_src` for a table of the peers section `agg`";
    problems.error(word.span, format!("`{}` is no name of a table", word.shown()), "", help);
    None
}

/// A lease is a table of the peers section, which has a slash in front of its name on the wire.
fn lease(name: &[u8]) -> Box<[u8]> {
    if name.starts_with(b"/") { name.into() } else { [b"/", name].concat().into() }
}
