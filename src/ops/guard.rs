//! What an edit must not touch: lines that can't be read, lines that may not be read, values from elsewhere.

use super::{OpError, OpErrorKind};
use crate::{
    escape,
    model::{Instance, Known, PeersSection, Place, StickTable},
    span::Span,
};

/// Refuses a line with syntax errors.
///
/// # Errors
/// With the place of the error.
pub fn readable(instance: &Instance<'_>, what: &str, place: Place) -> Result<(), OpError> {
    let errors = instance.files.get(place.file).map(|f| f.document.errors_on(place.line)).unwrap_or_default();
    // A file without its last newline can be mended; all else would be guessing.
    let fatal = errors.iter().find(|e| e.kind != crate::config::SyntaxErrorKind::NoFinalNewline);
    match fatal {
        Some(error) => {
            Err(OpError::new(OpErrorKind::Unreadable(what.into(), error.kind.to_string()), error.kind.help())
                .at(place, error.span, "here"))
        }
        None => Ok(()),
    }
}

/// Refuses a place whose condition can't be decided.
///
/// # Errors
/// With the place.
pub fn decided(instance: &Instance<'_>, what: &str, place: Place, known: Known) -> Result<(), OpError> {
    match known {
        Known::Yes => Ok(()),
        Known::Depends => Err(OpError::new(
            OpErrorKind::Conditional(what.into()),
            "say what it depends on with --env VAR=VALUE, or edit this place by hand",
        )
        .at(place, instance.word_span(place, 0), "in this block")),
    }
}

/// Refuses a section that HAProxy may not read, or whose header is inside an `.if` block: what belongs to it
/// depends on the condition.
///
/// # Errors
/// With the header's place.
pub fn section(instance: &Instance<'_>, section: &PeersSection) -> Result<(), OpError> {
    let what = format!("section `{}`", escape::name(&section.name));
    readable(instance, &what, section.place)?;
    decided(instance, &what, section.place, section.known)?;
    let blocks = instance.files.get(section.place.file).map(|f| f.document.blocks()).unwrap_or_default();
    match blocks.iter().find(|b| b.contains(section.place.line)) {
        Some(block) => {
            let place = Place { line: block.start(), ..section.place };
            let help = "the extent of such a section depends on the condition: edit it by hand";
            Err(OpError::new(OpErrorKind::Conditional(what), help)
                .at(place, instance.word_span(place, 0), "this block")
                .at(section.place, instance.word_span(section.place, 1), "the section"))
        }
        None => Ok(()),
    }
}

/// Refuses a table that can't be rewritten.
///
/// # Errors
/// With its place.
pub fn table(instance: &Instance<'_>, table: &StickTable) -> Result<(), OpError> {
    let what = format!("table `{}`", escape::name(&table.name));
    readable(instance, &what, table.place)?;
    decided(instance, &what, table.place, table.known)?;
    match table.hidden_from {
        Some(word) => Err(OpError::new(
            OpErrorKind::Unreadable(what, "an empty word hides the rest of its line".into()),
            "give the variable a value with --env, or take the word out",
        )
        .at(table.place, instance.word_span(table.place, usize::from(word)), "empty")),
        None => Ok(()),
    }
}

/// The error for a value that comes from the environment.
#[must_use]
pub fn referenced(what: &str, place: Place, span: Span) -> OpError {
    let help =
        "its value can't be changed here without losing the reference: change the variable, or edit the line by hand";
    OpError::new(OpErrorKind::Referenced(what.into()), help).at(place, span, "from the environment")
}
