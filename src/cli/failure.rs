//! How a command fails: what was found, where, what to do next, and the exit code.

use rustix::io::Errno;

use super::{
    exit::Exit, files::FileError, instances::shown, secrets::SecretsError, stdout::StdoutError, validate::ProgramError,
};
use crate::{
    config::Source,
    node::ListenError,
    ops::OpError,
    output::diagnostic::{Diagnostic, Look},
    record::WriteError,
};

/// A command that ended without doing what it was asked to.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    told: Told,
}

/// What people are told.
#[derive(Debug)]
enum Told {
    /// Nothing: nobody listens any more.
    Nothing,
    /// A message without a place.
    Message(Diagnostic),
    /// A message drawn with the places it is about, whose files end with the command.
    Drawn(String),
}

impl Failure {
    /// A failure without a place.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::of(exit, Diagnostic::error(message).next(help))
    }

    /// A failure with all that is to be said about it.
    #[must_use]
    pub fn of(exit: Exit, diagnostic: Diagnostic) -> Self {
        Self { exit, told: Told::Message(diagnostic) }
    }

    /// A failure with places, whose files end with the command.
    #[must_use]
    pub fn drawn(exit: Exit, diagnostic: &Diagnostic, sources: &[&Source], look: &Look<'_>) -> Self {
        Self { exit, told: Told::Drawn(diagnostic.render(sources, look)) }
    }

    /// A failure for several reasons, with places whose files end with the command.
    #[must_use]
    pub fn drawn_all(exit: Exit, diagnostics: &[Diagnostic], sources: &[&Source], look: &Look<'_>) -> Self {
        let texts: Vec<String> = diagnostics.iter().map(|diagnostic| diagnostic.render(sources, look)).collect();
        Self { exit, told: Told::Drawn(texts.join("\n")) }
    }

    /// Misuse: exit 2.
    #[must_use]
    pub fn misuse(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Exit::Misuse, message, help)
    }

    /// I/O that failed: exit 3. `what` is a verb, `path` is shown as it is.
    #[must_use]
    pub fn io(what: &str, path: &str, error: &std::io::Error) -> Self {
        Self::new(Exit::Io, format!("{what} {path}: {error}"), "")
    }

    /// The system gives no event queue, or takes it away.
    #[must_use]
    pub fn events(error: &std::io::Error) -> Self {
        Self::new(Exit::Io, format!("can't wait for events: {error}"), "")
    }

    /// A refused edit of the instance with these files. Where no place says it, the first file says which one it is.
    #[must_use]
    pub fn operation(error: &OpError, files: &[Source], look: &Look<'_>) -> Self {
        let mut diagnostic = Diagnostic::of_edit(error, 0);
        if let (true, Some(first)) = (diagnostic.labels.is_empty(), files.first()) {
            // Without a place it would be anybody's guess which instance is meant.
            diagnostic.message = format!("{}: {}", first.name, diagnostic.message);
        }
        let sources: Vec<&Source> = files.iter().collect();
        Self { exit: Exit::Misuse, told: Told::Drawn(diagnostic.render(&sources, look)) }
    }

    /// What was found, in a line; empty if nobody listens any more.
    #[must_use]
    pub fn message(&self) -> &str {
        match &self.told {
            Told::Nothing => "",
            Told::Message(diagnostic) => &diagnostic.message,
            Told::Drawn(text) => text.lines().next().unwrap_or_default(),
        }
    }

    /// The message of a failure without a place, to be given one; `None` if it has one, or nothing is to be said.
    #[must_use]
    pub fn into_diagnostic(self) -> Option<Diagnostic> {
        match self.told {
            Told::Message(diagnostic) => Some(diagnostic),
            Told::Nothing | Told::Drawn(_) => None,
        }
    }

    /// The text for standard error.
    #[must_use]
    pub fn text(&self, look: &Look<'_>) -> String {
        match &self.told {
            Told::Nothing => String::new(),
            Told::Message(diagnostic) => diagnostic.render(&[], look),
            Told::Drawn(text) => text.clone(),
        }
    }
}

impl From<OpError> for Failure {
    fn from(error: OpError) -> Self {
        Self::misuse(error.kind.to_string(), error.help)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let exit = match error.exit_code() {
            2 => Exit::Misuse,
            code @ 129.. => Exit::of_signal(i32::from(code) - 128),
            _ => Exit::Io,
        };
        match &error {
            // The most frequent one says nothing about system calls.
            FileError::System { call: "newfstatat", path, errno: Errno::NOENT } => {
                Self::new(exit, format!("there is no file `{}`", shown(path)), "check the path")
            }
            _ => Self::new(exit, error.to_string(), ""),
        }
    }
}

impl From<StdoutError> for Failure {
    fn from(error: StdoutError) -> Self {
        match error.exit_code() {
            // A reader that has had enough hears nothing more.
            0 => Self { exit: Exit::Done, told: Told::Nothing },
            2 => Self::misuse(error.to_string(), ""),
            _ => Self::new(Exit::Io, error.to_string(), ""),
        }
    }
}

impl From<ProgramError> for Failure {
    fn from(error: ProgramError) -> Self {
        let help = "give another HAProxy with --haproxy, or write without asking one: --no-validate";
        Self::new(Exit::Io, error.to_string(), help)
    }
}

impl From<SecretsError> for Failure {
    fn from(error: SecretsError) -> Self {
        Self::misuse(error.to_string(), "")
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        Self::new(Exit::Io, error.to_string(), "")
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::new(Exit::Io, error.to_string(), "")
    }
}
