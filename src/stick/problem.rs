//! What HAProxy would say about the definition of a stick table.

use thiserror::Error;

use crate::grammar::{DataType, TableParam, Version};
use crate::units::{DelayError, SizeError};

/// Something wrong with a definition, and where.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{kind}")]
pub struct Problem {
    /// The word it is about, counted from the first word of the definition; `None` = the line as a whole.
    pub word: Option<usize>,
    /// What is wrong.
    pub kind: ProblemKind,
}

impl Problem {
    /// How HAProxy takes it.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self.kind {
            ProblemKind::IgnoredText { .. }
            | ProblemKind::DuplicateColumn { .. }
            | ProblemKind::OddLen { .. }
            | ProblemKind::ZeroPeriod { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// The file is accepted.
    Warning,
    /// HAProxy refuses the file.
    Error,
}

/// The kinds of problems of a table definition.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ProblemKind {
    /// A word that is no parameter.
    #[error(
        "`{found}` is no parameter of a stick table; known ones are type, size, expire, store, peers and a few more"
    )]
    UnknownParam {
        /// The word.
        found: String,
    },
    /// A parameter of a later version.
    #[error("`{param}` is a parameter since {since}; this is for {version}")]
    ParamTooNew {
        /// The parameter.
        param: TableParam,
        /// The first version that knows it.
        since: Version,
        /// The version asked for.
        version: Version,
    },
    /// `peers` on a `table` line.
    #[error("`{param}` is not accepted inside a peers section: the table belongs to that section already; remove it")]
    ParamNotInPeers {
        /// The parameter.
        param: TableParam,
    },
    /// `len` somewhere else than right after the word of `type string` or `type binary`.
    #[error("`len` must follow `type string` or `type binary` directly")]
    MisplacedLen,
    /// A parameter without its value.
    #[error("`{param}` needs a value behind it")]
    MissingValue {
        /// The parameter.
        param: TableParam,
    },
    /// A parameter that is mandatory.
    #[error("the table has no `{param}`; it is mandatory")]
    MissingParam {
        /// The parameter.
        param: TableParam,
    },
    /// A word after `type` that is no type.
    #[error("`{found}` is no key type; known are ip, ipv6, integer, string and binary")]
    UnknownType {
        /// The word.
        found: String,
    },
    /// A type of a later version.
    #[error("the key type `{found}` exists since {since}; this is for {version}")]
    TypeTooNew {
        /// The word.
        found: String,
        /// The first version that knows it.
        since: Version,
        /// The version asked for.
        version: Version,
    },
    /// A value of `len` that is no positive number.
    #[error("`{found}` is no length; expected a positive integer without a unit, such as 64")]
    BadLen {
        /// The word.
        found: String,
    },
    /// A value of `len` that HAProxy takes although it makes no sense.
    #[error("HAProxy accepts the length `{found}`, but it is not a sensible number of bytes; give a positive one")]
    OddLen {
        /// The word.
        found: String,
    },
    /// A value of `size` or `brates-factor`.
    #[error("{0}")]
    BadSize(#[from] SizeError),
    /// A size of 0.
    #[error("a table of size 0 is none; give at least 1")]
    ZeroSize,
    /// A value of `brates-factor` outside 1 to 1024.
    #[error("`brates-factor` is {found}; expected 1 to 1024")]
    BadFactor {
        /// The value.
        found: u32,
    },
    /// A value of `expire`.
    #[error("{0}")]
    BadDelay(#[from] DelayError),
    /// Text behind a time that HAProxy drops with a warning.
    #[error("`{ignored}` behind the unit of a time is ignored by HAProxy; write the time with one unit")]
    IgnoredText {
        /// The text.
        ignored: String,
    },
    /// A value of `srvkey`.
    #[error("`{found}` is no server key; expected `name` or `addr`")]
    BadSrvKey {
        /// The word.
        found: String,
    },
    /// An item of `store` that is no data type.
    #[error("`{found}` is no data type that a stick table can store")]
    UnknownColumn {
        /// The name; empty between two commas.
        found: String,
    },
    /// A data type of a later version.
    #[error("the data type `{data_type}` exists since {since}; this is for {version}")]
    ColumnTooNew {
        /// The type.
        data_type: DataType,
        /// The first version that knows it.
        since: Version,
        /// The version asked for.
        version: Version,
    },
    /// An item of `store` whose parenthesis is not closed.
    #[error("the parenthesis behind `{found}` is not closed; blanks are not allowed inside")]
    OpenParenthesis {
        /// The name.
        found: String,
    },
    /// A data type without its period or number of elements.
    #[error("`{data_type}` needs {expected} in parentheses")]
    MissingArgument {
        /// The type.
        data_type: DataType,
        /// What is missing, with an example.
        expected: &'static str,
    },
    /// An argument that the data type does not take.
    #[error("`{data_type}` takes no argument `{found}`; remove it")]
    UnexpectedArgument {
        /// The type.
        data_type: DataType,
        /// The argument.
        found: String,
    },
    /// A number of elements outside 1 to 100.
    #[error("`{data_type}` with {found} elements: expected 1 to 100")]
    BadCount {
        /// The type.
        data_type: DataType,
        /// The argument.
        found: String,
    },
    /// A period that is no time.
    #[error("period of `{data_type}`: {error}")]
    BadPeriod {
        /// The type.
        data_type: DataType,
        /// What is wrong with it.
        error: DelayError,
    },
    /// A period of 0. HAProxy takes it and divides by it when the rate is read.
    #[error(
        "the period of `{data_type}` is 0; HAProxy accepts that and crashes when the rate is read; give at least 1ms"
    )]
    ZeroPeriod {
        /// The type.
        data_type: DataType,
    },
    /// A column named twice; the first one counts.
    #[error("`{data_type}` is stored already; HAProxy keeps the first one and warns")]
    DuplicateColumn {
        /// The type.
        data_type: DataType,
    },
    /// Two data types that exclude each other.
    #[error("`{array}` and `{single}` cannot be stored in one table: `{array}` holds its values")]
    ExclusiveColumns {
        /// The array.
        array: DataType,
        /// The single value.
        single: DataType,
    },
}
