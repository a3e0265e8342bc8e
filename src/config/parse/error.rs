//! What can be wrong with the text of a line, whatever its words mean.

use std::fmt;

use crate::{config::LineNo, span::Span};

/// A place HAProxy refuses before it looks at any keyword.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// The line, counted from 0.
    pub line: LineNo,
    /// The bytes to point at; may be empty (a place).
    pub span: Span,
    /// What is wrong.
    pub kind: SyntaxErrorKind,
}

/// The kinds of [`SyntaxError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SyntaxErrorKind {
    /// `"` or `'` that is never closed on its line.
    OpenQuote(u8),
    /// `\x` without two hexadecimal digits.
    BadHexEscape,
    /// `"$…"` whose name starts with neither a letter nor `_`, is empty, or starts with `.` and isn't one that HAProxy
    /// itself gives (`.FILE`, `.LINE`, `.SECTION`).
    BadReferenceName,
    /// `"${NAME…"` without `}`, or with something other than `[*]` and `-default` between them.
    BadReferenceBrace,
    /// The 65th word of a line.
    TooManyWords,
    /// A NUL byte: HAProxy takes it for the end of the line.
    NulByte,
    /// The last line has no LF.
    NoFinalNewline,
    /// A byte order mark: it becomes part of the first word.
    ByteOrderMark,
    /// `.else`, `.elif` or `.endif` outside a block, `.else` twice, or `.elif` after `.else`.
    StrayDirective,
    /// A word after `.else` or `.endif`.
    DirectiveArgument,
    /// A `.if` that is open at the end of the file.
    UnterminatedIf,
}

impl SyntaxErrorKind {
    /// What to do about it, as a sentence for a person.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::OpenQuote(b'"') => "close the quote on this line, or write a literal `\"` as `\\\"`",
            Self::OpenQuote(_) => "close the quote on this line, or write a literal `'` as `\\'`",
            Self::BadHexEscape => "write two hexadecimal digits after `\\x`, or `\\\\x` for the text itself",
            Self::BadReferenceName => "name a variable (letters, digits, `_`), or write `\\$` for a dollar sign",
            Self::BadReferenceBrace => "write `${NAME}`, `${NAME-default}` or `${NAME[*]}`",
            Self::TooManyWords => "HAProxy takes 64 words a line: split the statement, or quote what is one value",
            Self::NulByte => "remove the NUL byte",
            Self::NoFinalNewline => "end the file with a newline",
            Self::ByteOrderMark => "save the file without a byte order mark",
            Self::StrayDirective => "check that each `.if` has its own `.endif`, with `.elif` before `.else`",
            Self::DirectiveArgument => "nothing but a comment may follow on this line",
            Self::UnterminatedIf => "add `.endif`: a block ends in the file it starts in",
        }
    }
}

impl fmt::Display for SyntaxErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenQuote(b'"') => f.write_str("a double quote that is never closed"),
            Self::OpenQuote(_) => f.write_str("a single quote that is never closed"),
            Self::BadHexEscape => f.write_str("`\\x` without two hexadecimal digits"),
            Self::BadReferenceName => f.write_str("`$` without the name of a variable"),
            Self::BadReferenceBrace => f.write_str("`${…` that isn't closed or isn't understood"),
            Self::TooManyWords => f.write_str("more than 64 words"),
            Self::NulByte => f.write_str("a NUL byte"),
            Self::NoFinalNewline => f.write_str("no newline at the end of the file"),
            Self::ByteOrderMark => f.write_str("a byte order mark before the first word"),
            Self::StrayDirective => f.write_str("a directive with no matching `.if` before it"),
            Self::DirectiveArgument => f.write_str("a word after `.else` or `.endif`"),
            Self::UnterminatedIf => f.write_str("a `.if` without `.endif`"),
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", u64::from(self.line.0) + 1, self.kind)
    }
}

impl std::error::Error for SyntaxError {}
