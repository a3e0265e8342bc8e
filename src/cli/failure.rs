//! How a command fails: what was found, where, what to do next, and the exit code.

use super::{exit::Exit, files::FileError, stdout::StdoutError, validate::ProgramError};
use crate::config::Source;
use crate::ops::OpError;

/// A command that ended without doing what it was asked to.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What was found, in one line.
    pub message: String,
    /// The places, drawn for people; empty where there is none.
    pub snippet: String,
    /// What to do next; empty where the message says it.
    pub help: String,
}

impl Failure {
    /// Misuse: exit 2.
    #[must_use]
    pub fn misuse(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { exit: Exit::Misuse, message: message.into(), snippet: String::new(), help: help.into() }
    }

    /// I/O that failed: exit 3. `what` is a verb, `path` is shown as it is.
    #[must_use]
    pub fn io(what: &str, path: &str, error: &std::io::Error) -> Self {
        let message = format!("{what} {path}: {error}");
        Self { exit: Exit::Io, message, snippet: String::new(), help: String::new() }
    }

    /// A refused edit of the instance called `name`.
    #[must_use]
    pub fn operation(name: &str, error: &OpError, sources: &[Source]) -> Self {
        let snippet = super::snippet::places(error, sources);
        Self { exit: Exit::Misuse, message: format!("{name}: {error}"), snippet, help: error.help.clone() }
    }

    /// The text for standard error.
    #[must_use]
    pub fn text(&self) -> String {
        if self.message.is_empty() {
            return String::new();
        }
        let mut text = format!("peerctl: {}\n", self.message);
        text.push_str(&self.snippet);
        if !self.help.is_empty() {
            text.push_str(&format!("  {}\n", self.help));
        }
        text
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let exit = match error.exit_code() {
            2 => Exit::Misuse,
            130 => Exit::Interrupted,
            143 => Exit::Terminated,
            _ => Exit::Io,
        };
        Self { exit, message: error.to_string(), snippet: String::new(), help: String::new() }
    }
}

impl From<StdoutError> for Failure {
    fn from(error: StdoutError) -> Self {
        let exit = match error.exit_code() {
            0 => Exit::Done,
            2 => Exit::Misuse,
            _ => Exit::Io,
        };
        // A reader that has had enough hears nothing more.
        let message = if exit == Exit::Done { String::new() } else { error.to_string() };
        Self { exit, message, snippet: String::new(), help: String::new() }
    }
}

impl From<ProgramError> for Failure {
    fn from(error: ProgramError) -> Self {
        let help = "give another HAProxy with --haproxy, or write without asking one: --no-validate";
        Self { exit: Exit::Io, message: error.to_string(), snippet: String::new(), help: help.into() }
    }
}
