//! Places drawn for people.

use crate::{config::Source, escape, ops::OpError};

/// The labels of a refused edit, one after the other.
#[must_use]
pub fn places(error: &OpError, sources: &[Source]) -> String {
    let mut out = String::new();
    for label in &error.labels {
        let Some(source) = sources.get(label.place.file) else { continue };
        let at = source.place(label.span.start);
        let line = source.document.line_text(label.place.line);
        out.push_str(&format!(
            "  {}:{}:{}: {}\n    {}\n",
            source.name,
            at.line,
            at.column,
            label.text,
            escape::line(line)
        ));
    }
    out
}
