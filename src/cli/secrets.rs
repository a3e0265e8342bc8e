//! `--show-secrets`, and the random key without it.

use std::io::{self, IsTerminal as _};

use rustix::rand::{GetRandomFlags, getrandom};

use crate::output::redact::Redactor;

/// Why there is no redactor.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// What is printed may end up in a log.
    #[error("--show-secrets works only on a terminal: standard output or standard error is something else")]
    NoTerminal,
    /// The system has no random numbers.
    #[error("can't get random numbers from the system: {0}")]
    Random(#[source] io::Error),
}

/// The redactor of this run; one that hides nothing with `--show-secrets`, which needs a terminal.
///
/// # Errors
/// Without a terminal, or without random numbers.
pub fn redactor(show_secrets: bool) -> Result<Redactor, SecretsError> {
    if show_secrets {
        let seen_by_people = io::stdout().is_terminal() && io::stderr().is_terminal();
        return if seen_by_people { Ok(Redactor::showing_all()) } else { Err(SecretsError::NoTerminal) };
    }
    let mut key = [0; 32];
    let length = getrandom(&mut key, GetRandomFlags::empty()).map_err(|e| SecretsError::Random(e.into()))?;
    if length < key.len() {
        return Err(SecretsError::Random(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(Redactor::new(key))
}
