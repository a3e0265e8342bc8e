//! Files that HAProxy can't read, or reads otherwise than they look.

pub(in crate::lint) mod condition_unknown;
pub(in crate::lint) mod syntax;
pub(in crate::lint) mod word_hidden;
