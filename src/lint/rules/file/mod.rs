//! Files that HAProxy can't read, or reads otherwise than they look; comments that this program reads.

pub(in crate::lint) mod allow_unknown;
pub(in crate::lint) mod allow_unused;
pub(in crate::lint) mod condition_unknown;
pub(in crate::lint) mod syntax;
pub(in crate::lint) mod word_hidden;
