//! What a running daemon says of itself, asked over its control socket.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::args::Format;
use super::exit::Exit;
use super::failure::Failure;
use super::forget::{Answer, Question, ask};
use super::stdout;
use crate::escape;
use crate::output::json;

/// Asks for the status and prints it; `whose` says which daemon is meant, like `a standby`.
///
/// # Errors
/// If nobody answers, or it is another daemon.
pub(super) fn show<S: DeserializeOwned>(
    control: &Path,
    format: Format,
    whose: &str,
    human: impl FnOnce(&S) -> String,
) -> Result<Exit, Failure> {
    let Answer { status: Some(value), .. } = ask(control, &Question::Status)? else {
        let help = format!("is this the socket of {whose}?");
        return Err(Failure::new(Exit::Io, "the answer has no status", help));
    };
    match format {
        Format::Json => stdout::print(|out| json::print(&value, out))?,
        Format::Human => {
            let help = "that is another daemon; --format json shows what it says";
            let status = serde_json::from_value(value)
                .map_err(|_| Failure::misuse(format!("it has no status of {whose}"), help))?;
            stdout::print(|out| out.write_all(escape::text(human(&status).as_bytes()).as_bytes()))?;
        }
    }
    Ok(Exit::Done)
}
