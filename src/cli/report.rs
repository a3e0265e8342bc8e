//! What people and programs are told about an edit.

use super::{
    args::{Cli, Format, WriteArgs},
    edit::Edited,
    exit::Exit,
    failure::Failure,
    files::Written,
    stdout,
};

/// Prints the report and says how the command ends.
///
/// # Errors
/// If standard output can't be written.
pub fn finish(_cli: &Cli, write: &WriteArgs, edited: &[Edited], written: &[Written], _validated: Option<()>) -> Result<Exit, Failure> {
    let changed = edited.iter().any(Edited::changed);
    let mut text = String::new();
    for one in edited {
        text.push_str(&format!("{}\n", one.loaded.name));
        for note in &one.notes {
            text.push_str(&format!("  {} {:<24} {}\n", note.mark.sign(), note.subject, note.text));
        }
    }
    let _ = (written, Format::Human);
    stdout::print(|out| out.write_all(text.as_bytes()))?;
    Ok(if write.check && changed { Exit::WouldChange } else { Exit::Done })
}
