//! `peerctl forget`: drops a key from a running daemon, over its control socket.
//!
//! A question is `{"command":"forget","table":"st_src","key":"10.0.0.1"}`; the answer says `"ok"` and either `"forgotten"`, the number
//! of entries, or `"error"`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::args::ForgetArgs;
use super::exit::Exit;
use super::failure::Failure;
use super::instances::shown;
use crate::escape;
use crate::grammar::KeyType;
use crate::node::{self, commands};
use crate::stick::{Definition, key};

/// What a daemon is asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Question {
    /// To drop an entry.
    Forget {
        /// The table, as a user names it.
        table: String,
        /// The key, as it is printed.
        key: String,
    },
    /// How it goes.
    Status,
}

/// What it answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// It understood, and there is such a table.
    pub ok: bool,
    /// Entries that were dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<u64>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<serde_json::Value>,
}

impl Answer {
    /// Entries were dropped.
    #[must_use]
    pub const fn forgotten(count: u64) -> Self {
        Self { ok: true, forgotten: Some(count), error: None, status: None }
    }

    /// That doesn't work.
    #[must_use]
    pub const fn error(why: String) -> Self {
        Self { ok: false, forgotten: None, error: Some(why), status: None }
    }

    /// How it goes.
    #[must_use]
    pub const fn status(status: serde_json::Value) -> Self {
        Self { ok: true, forgotten: None, error: None, status: Some(status) }
    }
}

/// Reads a question, has it answered, and gives the line.
#[must_use]
pub fn answer(line: &str, answer: impl FnOnce(&Question) -> Answer) -> String {
    let answer = match serde_json::from_str(line) {
        Ok(question) => answer(&question),
        Err(error) => Answer::error(format!("that is no question: {error}")),
    };
    serde_json::to_string(&answer).unwrap_or_default()
}

/// Drops the key.
///
/// # Errors
/// If nobody answers, or there is no such table.
pub fn run(args: &ForgetArgs) -> Result<Exit, Failure> {
    let question = Question::Forget { table: args.table.clone(), key: args.key.clone() };
    let answer = ask(&args.control, &question)?;
    match answer {
        Answer { ok: true, forgotten: Some(0), .. } => {
            let key = escape::name(args.key.as_bytes());
            let message = format!("there is no key `{key}` in table {}", escape::name(args.table.as_bytes()));
            Err(Failure::new(Exit::WouldChange, message, ""))
        }
        Answer { ok: true, .. } => Ok(Exit::Done),
        Answer { error, .. } => Err(Failure::misuse(error.unwrap_or_default(), "")),
    }
}

/// Asks the daemon that listens at that path.
///
/// # Errors
/// If nobody answers, or with something else.
pub(super) fn ask(path: &Path, question: &Question) -> Result<Answer, Failure> {
    let line = serde_json::to_string(question).map_err(|error| Failure::misuse(error.to_string(), ""))?;
    let asked = node::run(async { commands::ask(path, &line).await });
    let name = shown(path);
    let line = asked.and_then(|answer| answer).map_err(|error| {
        let message = format!("--control {name}: {error}");
        Failure::new(Exit::Io, message, "is the daemon running, with --control and this path?")
    })?;
    serde_json::from_str(&line)
        .map_err(|error| Failure::new(Exit::Io, format!("--control {name}: its answer can't be read: {error}"), ""))
}

/// The canonical bytes of a key as it is printed; else what is wrong with it.
pub(super) fn canonical(definition: &Definition, text: &str) -> Result<Box<[u8]>, String> {
    match definition.key_type {
        KeyType::BINARY => key::unhex(text.as_bytes()).ok_or_else(|| "its keys are hexadecimal digits".to_owned()),
        key_type => key::parse(key_type, definition.key_len, text).map_err(|error| error.to_string()),
    }
}
