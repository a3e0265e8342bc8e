//! `peerctl show`.

use std::io::IsTerminal as _;

use super::{
    args::{Format, ShowArgs},
    exit::Exit,
    failure::Failure,
    instances::{self, Loaded},
    notes, stdout, version,
    view::View,
};
use crate::{
    model::Instance,
    output::{show_json, show_text},
};

/// Prints what the instances hold. Lines that HAProxy would refuse become notes on standard error.
///
/// # Errors
/// If a file can't be read, or has statements and no section.
pub fn run(view: &View, args: &ShowArgs) -> Result<Exit, Failure> {
    for path in instances::paths(&args.instances) {
        stdout::refuse_input(&path)?;
    }
    let loaded = instances::load(&args.instances, &args.read, version::of(args.haproxy_version.as_deref(), None)?)?;
    loaded.iter().try_for_each(check_sections)?;
    instances::refer_to_secrets(&view.redactor, &loaded);
    let read: Vec<Instance<'_>> = loaded.iter().map(Loaded::instance).collect();
    let mut named: Vec<(&str, &Instance<'_>)> = loaded.iter().map(|one| one.name.as_str()).zip(&read).collect();
    named.sort_by_key(|(name, _)| *name);
    notes::print(&read);
    let color = view.color(std::io::stdout().is_terminal());
    stdout::print(|out| match args.format {
        Format::Json => show_json::print(&named, &view.redactor, out),
        Format::Human => show_text::print(&named, &view.redactor, color, out),
    })?;
    Ok(Exit::Done)
}

/// A file with statements and no section is something else.
fn check_sections(loaded: &Loaded) -> Result<(), Failure> {
    for source in &loaded.files {
        let document = &source.document;
        let statement = |line: &_| document.word_count(*line) > 0 && !document.first_word(*line).starts_with(b".");
        if let (true, Some(line)) = (document.sections().is_empty(), document.lines().find(statement)) {
            let message = format!("{}:{}: a statement outside of any section", source.name, line.human());
            return Err(Failure::misuse(message, "this is no HAProxy configuration: it has no section at all"));
        }
    }
    Ok(())
}
