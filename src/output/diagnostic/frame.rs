//! An excerpt drawn by `miette`, with the texts of labels beside their marks where they fit.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode, ThemeCharacters, ThemeStyles,
};

use super::{
    Look, Severity,
    excerpt::{Excerpt, MIN_WIDTH, Mark},
    text::Paint,
};

/// Appends an excerpt. All frames of a message leave `digits` columns for line numbers.
pub(super) fn push(out: &mut String, excerpt: &Excerpt, digits: usize, severity: Severity, look: &Look<'_>) {
    let mut drawn = String::new();
    let frame = Frame { excerpt };
    if handler(excerpt, severity, look).render_report(&mut drawn, &frame).is_err() {
        return;
    }
    // `miette` begins with the message, which is empty here.
    let mut rows = drawn.lines().skip(1);
    let indent = " ".repeat(digits.saturating_sub(excerpt.digits()));
    let mut push_row = |row: &str| {
        out.push_str(&indent);
        out.push_str(row.trim_end());
        out.push('\n');
    };
    rows.next().into_iter().for_each(&mut push_row);
    for line in 0..excerpt.count {
        rows.next().into_iter().for_each(&mut push_row);
        let marks: Vec<&Mark> = excerpt.marks.iter().filter(|m| m.line == line).collect();
        if marks.is_empty() {
            continue;
        }
        let Some(underline) = rows.next() else { break };
        if let [mark] = marks.as_slice() {
            for row in beside(mark, underline, excerpt.digits(), look, severity) {
                push_row(&row);
            }
        } else {
            push_row(underline);
            rows.by_ref().take(marks.iter().filter(|m| !m.text.is_empty()).count()).for_each(&mut push_row);
        }
    }
    rows.for_each(&mut push_row);
}

/// The row with the mark and its text; the text on a row of its own where the first has no room.
fn beside(mark: &Mark, underline: &str, digits: usize, look: &Look<'_>, severity: Severity) -> Vec<String> {
    let paint = if mark.is_primary { severity } else { Severity::Note };
    let text = Paint::new(paint, look.color).text(&mark.text);
    let gutter = digits + 4;
    let (length, width) = (mark.text.chars().count(), look.width.max(MIN_WIDTH));
    if mark.text.is_empty() {
        return vec![underline.to_owned()];
    }
    if gutter + mark.end_column + 1 + length <= width {
        return vec![format!("{underline} {text}")];
    }
    let column = mark.start_column.min(width.saturating_sub(gutter + length));
    let bar = characters(look).vbar_break;
    vec![underline.to_owned(), format!(" {:digits$} {bar} {:column$}{text}", "", "")]
}

fn handler(excerpt: &Excerpt, severity: Severity, look: &Look<'_>) -> GraphicalReportHandler {
    let ansi = ThemeStyles::ansi();
    let mut styles = if look.color { ThemeStyles::ansi() } else { ThemeStyles::none() };
    if look.color {
        let primary = match severity {
            Severity::Error => ansi.error,
            Severity::Warning => ansi.warning,
            Severity::Note => ansi.advice,
        };
        // `miette` takes the labels in the order of the text, as they are here.
        styles.highlights =
            excerpt.marks.iter().map(|mark| if mark.is_primary { primary } else { ansi.advice }).collect();
        styles.link = ansi.linum;
    }
    GraphicalReportHandler::new_themed(GraphicalTheme { characters: characters(look), styles })
        .with_width(look.width.max(MIN_WIDTH))
        .without_syntax_highlighting()
        .with_context_lines(1)
        .without_cause_chain()
}

fn characters(look: &Look<'_>) -> ThemeCharacters {
    if look.unicode { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() }
}

/// An excerpt as a diagnostic of `miette`'s, with nothing to say but its labels.
#[derive(Debug)]
struct Frame<'e> {
    excerpt: &'e Excerpt,
}

impl Diagnostic for Frame<'_> {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let marks = &self.excerpt.marks;
        Some(Box::new(marks.iter().map(|mark| {
            let is_alone = marks.iter().filter(|m| m.line == mark.line).count() == 1;
            let text = Some(mark.text.clone()).filter(|text| !is_alone && !text.is_empty());
            LabeledSpan::new(text, mark.start, mark.len)
        })))
    }
}

impl fmt::Display for Frame<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Frame<'_> {}
