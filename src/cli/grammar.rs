//! `peerctl grammar`.

use super::{exit::Exit, failure::Failure, stdout};
use crate::{escape, grammar::texts};

/// Prints the grammar or table called `name`; without a name, what there is.
///
/// # Errors
/// If there is none of that name.
pub fn run(name: Option<&str>) -> Result<Exit, Failure> {
    match name {
        None => stdout::print(|out| out.write_all(list().as_bytes()))?,
        Some(name) => {
            let text = texts::find(name).ok_or_else(|| unknown(name))?.text;
            stdout::print(|out| out.write_all(text.as_bytes()))?;
        }
    }
    Ok(Exit::Done)
}

fn list() -> String {
    let width = texts::all().map(|text| text.name.len()).max().unwrap_or(0);
    let line = |text: texts::Text| format!("{:width$}  {:4}  {}\n", text.name, text.kind.extension(), text.title());
    texts::all().map(line).collect()
}

fn unknown(name: &str) -> Failure {
    let names: Vec<&str> = texts::all().map(|text| text.name).collect();
    let message = format!("no grammar `{}`", escape::name(name.as_bytes()));
    Failure::misuse(message, format!("there are {}", names.join(", ")))
}
