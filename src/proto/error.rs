//! What a peer can do wrong.

use thiserror::Error;

use crate::proto::frame::FrameError;

/// A message, or bytes that should be one, that ends the connection.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ProtoError {
    /// A message longer than this side takes.
    #[error("a message of {announced} bytes was announced, more than the limit of {limit}")]
    TooLong {
        /// Bytes of its payload.
        announced: u64,
        /// The most bytes of a payload.
        limit: usize,
    },
    /// The length of a message takes more than five bytes.
    #[error("the length of a message has more than five bytes")]
    Length,
    /// A message of the class that is reserved.
    #[error("a message of the reserved class 255")]
    ReservedClass,
    /// A message ends within one of its fields, or a number in it is larger than 64 bits.
    #[error("{message}: it ends within its {field}, or the number there is too large")]
    Malformed {
        /// What kind of message.
        message: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A field is larger than it may be.
    #[error("{message}: its {field} is {found}, more than the limit of {limit}")]
    Limit {
        /// What kind of message.
        message: &'static str,
        /// The field.
        field: &'static str,
        /// As sent.
        found: u64,
        /// As allowed.
        limit: u64,
    },
    /// A message goes on behind its last field, and no data type that is unknown here explains it.
    #[error("{message}: {bytes} bytes are left over behind its last field")]
    Trailing {
        /// What kind of message.
        message: &'static str,
        /// How many.
        bytes: usize,
    },
    /// A definition without a table name.
    #[error("a table definition without a name")]
    NoName,
    /// An entry refers to a dictionary slot that can't exist.
    #[error("a dictionary entry has the id {id}; ids are 1 to 128")]
    DictionaryId {
        /// As sent.
        id: u64,
    },
}

impl From<FrameError> for ProtoError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::TooLong { announced, limit } => Self::TooLong { announced, limit },
            FrameError::Length => Self::Length,
        }
    }
}
