//! `peerctl parse`.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
};

use super::{
    args::{ParseArgs, ParseFormat},
    exit::Exit,
    failure::Failure,
    files, instances, stdout,
    view::View,
};
use crate::{
    config::{Document, Source},
    escape,
    output::tree_json,
};

/// Prints the tree of a file, or its text from the tree. A tree is there for any bytes; what HAProxy would refuse is
/// listed in it. On a terminal the text is shown: escaped, and without secrets.
///
/// # Errors
/// If the file can't be read or standard output can't be written.
pub fn run(view: &View, args: &ParseArgs) -> Result<Exit, Failure> {
    let file = args.file.as_deref().filter(|path| *path != Path::new("-"));
    let name = file.map_or_else(|| "-".to_owned(), instances::shown);
    if let Some(path) = file {
        stdout::refuse_input(path)?;
    }
    let bytes = files::read(file.unwrap_or(Path::new("/dev/stdin")))?.bytes;
    let document = Document::parse(bytes)
        .map_err(|error| Failure::misuse(format!("{name}: {error}"), "split it into several files"))?;
    stdout::print(|out| match args.format {
        ParseFormat::Json => {
            let document = view.redactor.document(&document).unwrap_or(document);
            tree_json::print(&Source::new(name, document), out)
        }
        // People get to see what stands there; a file or a program gets its bytes.
        ParseFormat::Source if io::stdout().is_terminal() => {
            let document = view.redactor.document(&document).unwrap_or(document);
            out.write_all(escape::text(&document.print()).as_bytes())
        }
        ParseFormat::Source => out.write_all(&document.print()),
    })?;
    Ok(Exit::Done)
}
