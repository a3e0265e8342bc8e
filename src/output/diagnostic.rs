//! Messages with places: what is it, where is it, what to do next.
//!
//! ```
//! use peerctl::config::{Document, Source};
//! use peerctl::output::diagnostic::{Diagnostic, Look};
//! use peerctl::span::Span;
//!
//! let document = Document::parse(b"peers mesh\n  pear lb1 10.0.0.1:10000\n".to_vec())?;
//! let source = Source::new("lb1.cfg", document);
//! let diagnostic = Diagnostic::error("`pear` is no keyword of a peers section")
//!     .label(0, Span::new(13, 17), "did you mean `peer`?")
//!     .next("write `peer NAME ADDRESS:PORT`");
//! let shown = "\
//! error: `pear` is no keyword of a peers section
//!    ╭─[lb1.cfg:2:3]
//!  1 │ peers mesh
//!  2 │   pear lb1 10.0.0.1:10000
//!    ·   ──── did you mean `peer`?
//!    ╰────
//!   next: write `peer NAME ADDRESS:PORT`
//! ";
//! assert_eq!(diagnostic.render(&[&source], &Look::default()), shown);
//! # Ok::<(), peerctl::config::TooLong>(())
//! ```

mod excerpt;
mod frame;
mod line;
mod text;

use std::{borrow::Cow, fmt};

use crate::{
    config::{Document, LineNo, Source, SyntaxError, SyntaxErrorKind},
    escape,
    ops::OpError,
    span::Span,
};

/// A message about a configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The name of the rule that found it, if one did.
    pub code: Option<Cow<'static, str>>,
    /// What it is, in one sentence, without a full stop.
    pub message: String,
    /// Where; the first one is the place that is named with line and column.
    pub labels: Vec<Label>,
    /// What else there is to say.
    pub notes: Vec<Note>,
}

/// How bad a message is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Perhaps not as meant.
    Warning,
    /// It can't stay like this.
    Error,
}

/// A place with its meaning.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// The file, as an index into the sources that the message is rendered with.
    pub source: usize,
    /// Its bytes; may be empty. Only the part on its first line is marked.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
}

/// A paragraph below the excerpts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Its first word or two, such as `next`.
    pub title: Cow<'static, str>,
    /// The rest. It is wrapped at blanks, but never inside `` `…` ``, so that commands can be pasted.
    pub text: String,
}

/// Says which bytes of a line are secret.
pub type Secrets<'a> = dyn Fn(&Document, LineNo) -> Vec<Span> + 'a;

/// How messages look.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Whether colours are used.
    pub color: bool,
    /// Whether frames are drawn with Unicode characters; else with ASCII.
    pub unicode: bool,
    /// How many columns there are. Lines of the configuration are cut to fit; at least 40 are taken.
    pub width: usize,
    /// What must not be shown.
    pub secrets: &'a Secrets<'a>,
}

impl Diagnostic {
    /// An error.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    /// A warning.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    /// A message without a place.
    #[must_use]
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, code: None, message: message.into(), labels: Vec::new(), notes: Vec::new() }
    }

    /// The same, found by the rule `code`.
    #[must_use]
    pub fn code(self, code: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Some(code.into()), ..self }
    }

    /// The same, with one more place.
    #[must_use]
    pub fn label(mut self, source: usize, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { source, span, text: text.into() });
        self
    }

    /// The same, with one more paragraph.
    #[must_use]
    pub fn note(mut self, title: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        self.notes.push(Note { title: title.into(), text: text.into() });
        self
    }

    /// The same, with what to do next; nothing is added for an empty text.
    #[must_use]
    pub fn next(self, text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { self } else { self.note("next", text) }
    }

    /// A refused edit of an instance whose files start at `first` among the sources.
    #[must_use]
    pub fn of_edit(error: &OpError, first: usize) -> Self {
        let empty = Self::error(error.kind.to_string());
        let labelled = error.labels.iter().fold(empty, |d, l| d.label(first + l.place.file, l.span, l.text.as_str()));
        labelled.next(error.help.as_str())
    }

    /// A place in file `source` that HAProxy refuses before it looks at keywords.
    #[must_use]
    pub fn of_syntax(error: &SyntaxError, source: usize) -> Self {
        let message = format!("line {} has {}", error.line.human(), error.kind);
        Self::error(message).label(source, error.span, mark(error.kind)).next(error.kind.help())
    }

    /// The text for people, with a line end. Everything in it is escaped: no byte of a configuration or of a message acts
    /// on the terminal.
    #[must_use]
    pub fn render(&self, sources: &[&Source], look: &Look<'_>) -> String {
        let paint = text::Paint::new(self.severity, look.color);
        let mut out = paint.heading(self.severity, self.code.as_deref(), &escape::text(self.message.as_bytes()));
        let frames = excerpt::excerpts(&self.labels, sources, look);
        let digits = frames.iter().map(excerpt::Excerpt::digits).max().unwrap_or(0);
        for excerpt in &frames {
            frame::push(&mut out, excerpt, digits, self.severity, look);
        }
        for note in &self.notes {
            text::push_note(&mut out, note, look, &paint);
        }
        out
    }
}

/// What stands beside the place of a syntax error, where that says more than the message.
const fn mark(kind: SyntaxErrorKind) -> &'static str {
    match kind {
        SyntaxErrorKind::OpenQuote(_) | SyntaxErrorKind::UnterminatedIf => "opened here",
        SyntaxErrorKind::NoFinalNewline => "the file ends here",
        SyntaxErrorKind::TooManyWords => "from here on",
        _ => "",
    }
}

impl Default for Look<'_> {
    /// Without colours, drawn in Unicode, 100 columns wide, nothing hidden.
    fn default() -> Self {
        Self { color: false, unicode: true, width: 100, secrets: &|_, _| Vec::new() }
    }
}

impl fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { color, unicode, width, secrets: _ } = self;
        f.debug_struct("Look")
            .field("color", color)
            .field("unicode", unicode)
            .field("width", width)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}
