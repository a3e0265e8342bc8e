//! How a command fails; here a text is enough.

use crate::cli::exit::Exit;
use crate::output::diagnostic::Look;
use crate::record::WriteError;

#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    message: String,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { exit, message: format!("{} ({})", message.into(), help.into()) }
    }

    pub fn misuse(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Exit::Misuse, message, help)
    }

    pub fn text(&self, _look: &Look<'_>) -> String {
        self.message.clone()
    }

    pub fn message(&self) -> &str {
        &self.message
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::new(Exit::Io, error.to_string(), "")
    }
}
