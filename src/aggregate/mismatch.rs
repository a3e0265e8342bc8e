//! Whether the table of one source can be added to that of another.

use thiserror::Error;

use crate::grammar::{DataType, KeyType};
use crate::stick::{Definition, ValueKind};

/// Why a source's table isn't taken.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Mismatch {
    /// Its keys are of another type.
    #[error(
        "its keys are of type {found}, those of the other sources of type {expected}; give the table the same type on all nodes"
    )]
    KeyType {
        /// As announced.
        found: KeyType,
        /// As the first source has it.
        expected: KeyType,
    },
    /// Its keys have another length.
    #[error(
        "its keys have {found} bytes on the wire, those of the other sources {expected}; give the table the same len on all nodes"
    )]
    KeyLen {
        /// As announced.
        found: u32,
        /// As the first source has it.
        expected: u32,
    },
    /// It lacks a data type.
    #[error("it doesn't store {0}, which the other sources do; give the table the same data types on all nodes")]
    Lacks(DataType),
    /// It has a data type more.
    #[error("it stores {0}, which the other sources don't; give the table the same data types on all nodes")]
    Has(DataType),
    /// A rate has another period, or an array another number of elements.
    #[error("it stores {found}, the other sources {expected}; give the table the same data types on all nodes")]
    Parameters {
        /// As announced.
        found: String,
        /// As the first source has it.
        expected: String,
    },
    /// A rate has no period: the source speaks an old version of the protocol.
    #[error("it doesn't say the period of {0}, without which rates can't be added")]
    NoPeriod(DataType),
    /// Its entries are larger than any that HAProxy can have.
    #[error("its entries are larger than those of any table that HAProxy's configuration takes")]
    TooWide,
}

/// Why a table can't be added to one with that definition; its `expire` may differ.
pub(super) fn difference(expected: &Definition, found: &Definition) -> Result<(), Mismatch> {
    if found.key_type != expected.key_type {
        return Err(Mismatch::KeyType { found: found.key_type, expected: expected.key_type });
    }
    if found.key_len != expected.key_len {
        return Err(Mismatch::KeyLen { found: found.key_len, expected: expected.key_len });
    }
    for field in expected.layout.fields() {
        let theirs = found.layout.field(field.data_type).ok_or(Mismatch::Lacks(field.data_type))?;
        if (theirs.count, theirs.period_ms) != (field.count, field.period_ms) {
            return Err(Mismatch::Parameters { found: theirs.to_string(), expected: field.to_string() });
        }
    }
    let more = found.layout.fields().iter().find(|field| expected.layout.field(field.data_type).is_none());
    more.map_or(Ok(()), |field| Err(Mismatch::Has(field.data_type)))
}

/// Whether entries of the table can be added at all.
pub(super) fn check(found: &Definition) -> Result<(), Mismatch> {
    let no_period = |kind, period_ms: Option<u32>| kind == ValueKind::Rate && period_ms.unwrap_or(0) == 0;
    let field = found.layout.fields().iter().find(|field| no_period(field.kind, field.period_ms));
    field.map_or(Ok(()), |field| Err(Mismatch::NoPeriod(field.data_type)))
}
