//! Which lines are shown: those with labels and their neighbours, in runs.

use std::ops::RangeInclusive;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::{Label, Look, line::Line};
use crate::{
    config::{LineNo, Source},
    escape,
    span::Span,
};

/// Narrower terminals are taken to be this wide.
pub(super) const MIN_WIDTH: usize = 40;

/// How many lines before and after a label are shown.
const CONTEXT: u32 = 1;

/// A run of lines of one file, as it is shown: text that a terminal takes, with the labels moved accordingly.
///
/// It is all that `miette` gets to see, so nothing of the file is read twice, however long it is.
#[derive(Debug)]
pub(super) struct Excerpt {
    /// The file's name, escaped.
    name: String,
    /// The first line, from 0.
    first: u32,
    text: String,
    /// How many lines `text` has.
    pub(super) count: u32,
    /// In the order they are shown.
    pub(super) marks: Vec<Mark>,
    /// The place that is named: the line and the column in bytes, from 0.
    place: (usize, usize),
}

/// A label of an excerpt.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// Whether it is the message's first label.
    pub(super) is_primary: bool,
    /// The line in the excerpt, from 0.
    pub(super) line: u32,
    /// Where it is in the text of the excerpt.
    pub(super) start: usize,
    pub(super) len: usize,
    /// The column in characters after its last one.
    pub(super) end_column: usize,
    pub(super) start_column: usize,
    /// What it says, escaped, on one line.
    pub(super) text: String,
}

impl Excerpt {
    /// How many digits its line numbers take.
    pub(super) fn digits(&self) -> usize {
        (self.first + self.count).to_string().len()
    }
}

/// The excerpts for `labels`: files in the order of their first labels, lines in order.
pub(super) fn excerpts(labels: &[Label], sources: &[&Source], look: &Look<'_>) -> Vec<Excerpt> {
    let mut files: Vec<usize> = Vec::new();
    for label in labels {
        if !files.contains(&label.source) {
            files.push(label.source);
        }
    }
    let mut excerpts = Vec::new();
    for file in files {
        let Some(source) = sources.get(file) else { continue };
        let here: Vec<(usize, &Label)> = labels.iter().enumerate().filter(|(_, l)| l.source == file).collect();
        for (lines, labels) in runs(&here, source) {
            excerpts.push(excerpt(source, lines, &labels, look));
        }
    }
    excerpts
}

/// A label with its number among all, on a line.
type Placed<'l> = (u32, usize, &'l Label);

/// Runs of lines that are shown together, with their labels in the order of the text.
fn runs<'l>(labels: &[(usize, &'l Label)], source: &Source) -> Vec<(RangeInclusive<u32>, Vec<Placed<'l>>)> {
    let place = |(number, label): &(usize, &'l Label)| (source.document.line_at(label.span.start).0, *number, *label);
    let mut placed: Vec<Placed<'l>> = labels.iter().map(place).collect();
    placed.sort_by_key(|(line, number, label)| (*line, label.span.start, *number));
    let last = source.document.line_count().saturating_sub(1);
    let mut runs: Vec<(RangeInclusive<u32>, Vec<Placed<'l>>)> = Vec::new();
    for label in placed {
        let (from, to) = (label.0.saturating_sub(CONTEXT), (label.0 + CONTEXT).min(last));
        match runs.last_mut() {
            // One line between two runs is shown rather than left out.
            Some((lines, labels)) if from <= lines.end() + 2 => {
                *lines = *lines.start()..=to;
                labels.push(label);
            }
            _ => runs.push((from..=to, vec![label])),
        }
    }
    runs
}

fn excerpt(source: &Source, lines: RangeInclusive<u32>, labels: &[Placed<'_>], look: &Look<'_>) -> Excerpt {
    let document = &source.document;
    let digits = (lines.end() + 1).to_string().len();
    // Left of the text: a blank, the number, ` │ `.
    let room = look.width.max(MIN_WIDTH) - (digits + 4).min(MIN_WIDTH / 2);
    let primary = labels.iter().min_by_key(|(_, number, _)| *number);
    let place = primary.map_or((0, 0), |(line, _, label)| {
        let text = document.line_span(LineNo(*line));
        (*line as usize, label.span.start.clamp(text.start, text.end) as usize - text.start as usize)
    });
    let name = escape::name(source.name.as_bytes()).into_owned();
    let mut excerpt = Excerpt { name, first: *lines.start(), text: String::new(), count: 0, marks: Vec::new(), place };
    for number in lines {
        let span = document.line_span(LineNo(number));
        let here = || labels.iter().filter(|(line, ..)| *line == number);
        let focus = here().map(|(_, _, label)| label.span).reduce(Span::to);
        let secrets = (look.secrets)(document, LineNo(number));
        let line = Line::new(span.of(document.text()), span.start, &secrets, focus, room, look.unicode);
        for (_, number, label) in here() {
            excerpt.mark(&line, label, *number == 0);
        }
        excerpt.text.push_str(&line.text);
        excerpt.text.push('\n');
        excerpt.count += 1;
    }
    excerpt
}

impl Excerpt {
    /// Adds a label on the line that comes next.
    fn mark(&mut self, line: &Line, label: &Label, is_primary: bool) {
        let (start, end) = (line.position(label.span.start), line.position(label.span.end));
        let columns = |at: usize| line.text.get(..at).map_or(0, |text| text.chars().count());
        self.marks.push(Mark {
            is_primary,
            line: self.count,
            start: self.text.len() + start,
            len: end.saturating_sub(start),
            start_column: columns(start),
            end_column: columns(end).max(columns(start) + 1),
            text: escape::line(label.text.as_bytes()).replace('\t', " "),
        });
    }
}

impl SourceCode for Excerpt {
    /// All of it, whatever is asked for; but the place is that of the first label.
    fn read_span<'a>(
        &'a self,
        _: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let span = (0, self.text.len()).into();
        let (line, column) = if before + after == 0 { self.place } else { (self.first as usize, 0) };
        let name = self.name.clone();
        let contents =
            MietteSpanContents::new_named(name, self.text.as_bytes(), span, line, column, self.count as usize);
        Ok(Box::new(contents))
    }
}
