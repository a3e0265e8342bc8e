//! What can be wrong with an expression.

use thiserror::Error;

use crate::escape;
use crate::span::Span;
use crate::stick::key::KeyError;
use crate::table::ColumnError;

/// Why a text is no expression, or none for a table, and where.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{kind}")]
pub struct WhereError {
    /// The bytes of the expression to point at; may be empty (its end).
    pub span: Span,
    /// What is wrong.
    pub kind: WhereErrorKind,
}

/// The kinds of [`WhereError`].
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum WhereErrorKind {
    /// Something else than what can stand there.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What can stand there.
        expected: &'static str,
        /// What does, escaped.
        found: String,
    },
    /// `and` or `or` right behind something.
    #[error("`{word}` touches what is in front of it: put a blank between them")]
    Touching {
        /// The word.
        word: &'static str,
    },
    /// Parentheses and `not` inside each other.
    #[error("more than {most} parentheses and `not` inside each other: write it with fewer")]
    TooDeep {
        /// How many there can be.
        most: usize,
    },
    /// A number that no counter can have.
    #[error("`{found}` is more than any counter can have: the largest one is {}", u64::MAX)]
    TooLarge {
        /// The number.
        found: String,
    },
    /// A text without its end.
    #[error("the text is not closed: end it with {quote}")]
    OpenText {
        /// The quote it starts with.
        quote: char,
    },
    /// A backslash that means nothing.
    #[error(r#"no such escape: there are \\, \", \', \xNN for a byte and \u{{N}} for a character"#)]
    Escape,
    /// A regular expression that is none, or one that would become too large.
    #[error("no regular expression: {0}")]
    Regex(String),
    /// A column that the table doesn't have.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// A value that is none of the column.
    #[error("`{column}` is {is}: {next}")]
    Mismatch {
        /// The column.
        column: String,
        /// What it is.
        is: &'static str,
        /// What can be written.
        next: &'static str,
    },
    /// A text that is no key of the table.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl WhereErrorKind {
    /// The error at a place.
    pub(super) const fn at(self, span: Span) -> WhereError {
        WhereError { span, kind: self }
    }

    pub(super) fn expected(expected: &'static str, found: &str) -> Self {
        let found = match found {
            "" => "the end".to_owned(),
            found => format!("`{}`", escape::name(found.as_bytes())),
        };
        Self::Expected { expected, found }
    }
}
