//! Where a new section goes.

use super::{OpError, OpErrorKind, splice};
use crate::{
    config::LineNo,
    model::{Instance, PeersSection, Place},
};

/// A place where a section can be put in without cutting another one in two.
pub(super) struct NewPlace {
    /// The file.
    pub(super) file: usize,
    /// Where a line starts, or the end of the text.
    pub(super) offset: u32,
    /// Whether it is the end of the text.
    pub(super) at_end: bool,
    /// Whether a blank line follows.
    pub(super) blank_follows: bool,
}

impl NewPlace {
    /// Behind the last peers section, if what follows is a section or nothing; else at the end of the file that has the
    /// first `global` (of the first file, where there is none). Never inside an open `.if`.
    pub(super) fn find(instance: &Instance<'_>) -> Result<Self, OpError> {
        if let Some(place) = instance.peers.last().and_then(|section| after(instance, section)) {
            return Ok(place);
        }
        let file = instance.globals.first().map_or(0, |global| global.file);
        let Some(source) = instance.files.get(file) else {
            return Err(OpError::new(OpErrorKind::UnknownLocal, "give a file to edit"));
        };
        let document = &source.document;
        let end = LineNo(document.line_count());
        if let Some(open) = document.blocks().iter().find(|b| b.end == end) {
            let place = Place { file, line: open.start() };
            let kind = OpErrorKind::Unreadable("the end of the file".into(), "a `.if` is open there".into());
            return Err(OpError::new(kind, "add the missing `.endif` first").at(
                place,
                instance.word_span(place, 0),
                "never closed",
            ));
        }
        let offset = document.line_span(end).start;
        Ok(Self { file, offset, at_end: true, blank_follows: false })
    }
}

/// Behind a section, where that is a place.
fn after(instance: &Instance<'_>, section: &PeersSection) -> Option<NewPlace> {
    let file = section.last_line.file;
    let document = &instance.files.get(file)?.document;
    let inside = |line: LineNo| document.blocks().iter().any(|b| b.contains(line));
    let mut line = section.last_line.line;
    while inside(line) || inside(section.place.line) {
        line = document.blocks().iter().find(|b| b.contains(line))?.end;
        if line.0 + 1 >= document.line_count() || !inside(LineNo(line.0 + 1)) {
            break;
        }
        line = LineNo(line.0 + 1);
    }
    let next = (line.0 + 1..document.line_count()).map(LineNo).find(|l| document.word_count(*l) > 0);
    let is_header = next.is_none_or(|l| document.sections().iter().any(|s| s.header == l));
    if !is_header || inside(section.place.line) {
        return None;
    }
    line = splice::with_comments(document, line, next.unwrap_or(LineNo(document.line_count())));
    let following = LineNo(line.0 + 1);
    let at_end = following.0 >= document.line_count();
    Some(NewPlace {
        file,
        offset: document.full_line_span(line).end,
        at_end,
        blank_follows: splice::is_blank(document, following),
    })
}
