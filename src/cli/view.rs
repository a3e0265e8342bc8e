//! How output looks: colours, frames, width, and what is hidden.

use std::io::{IsTerminal as _, stderr, stdout};

use rustix::termios::Winsize;

use super::{
    args::{Cli, When},
    failure::Failure,
    secrets,
};
use crate::output::{
    diagnostic::{Look, Secrets},
    redact::Redactor,
};

/// One for a whole run.
pub struct View {
    color: When,
    /// Hides secrets.
    pub redactor: Redactor,
    secrets: Box<Secrets<'static>>,
}

impl View {
    /// What the global options ask for.
    ///
    /// # Errors
    /// For `--show-secrets` without a terminal, or if the system has no random numbers.
    pub fn new(cli: &Cli) -> Result<Self, Failure> {
        let redactor = secrets::redactor(cli.show_secrets)?;
        let own = redactor.clone();
        Ok(Self { color: cli.color, redactor, secrets: Box::new(move |document, line| own.spans(document, line)) })
    }

    /// Whether to colour what goes to a descriptor that is a terminal, or isn't.
    #[must_use]
    pub fn color(&self, terminal: bool) -> bool {
        color(self.color, terminal)
    }

    /// For data on standard output.
    #[must_use]
    pub fn output(&self) -> Look<'_> {
        let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout());
        Look {
            color: self.color(stdout().is_terminal()),
            width: width(size.ok()),
            secrets: &*self.secrets,
            ..plain(self.color)
        }
    }

    /// For text in a file.
    #[must_use]
    pub fn file(&self) -> Look<'_> {
        Look { secrets: &*self.secrets, ..Look::default() }
    }

    /// For messages on standard error.
    #[must_use]
    pub fn messages(&self) -> Look<'_> {
        Look { secrets: &*self.secrets, ..plain(self.color) }
    }
}

/// For messages about the command line itself, which quote no file.
#[must_use]
pub fn plain(when: When) -> Look<'static> {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stderr());
    Look { color: color(when, stderr().is_terminal()), unicode: is_utf8(), width: width(size.ok()), ..Look::default() }
}

/// The columns of a terminal; of something else, 100.
fn width(size: Option<Winsize>) -> usize {
    size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(100)
}

pub(super) fn color(when: When, terminal: bool) -> bool {
    match when {
        When::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        When::Always => true,
        When::Never => false,
    }
}

/// Whether the locale writes UTF-8: the first of these variables that is set says so. A locale that nobody chose (`C`
/// in containers and CI) is taken for UTF-8, too: nearly every terminal is.
fn is_utf8() -> bool {
    let set = |name: &&str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let chosen = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set);
    chosen.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8") || matches!(locale.as_str(), "c" | "posix")
    })
}
