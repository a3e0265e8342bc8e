//! The configuration as a whole.

pub(in crate::lint) mod keyword_unknown;
pub(in crate::lint) mod version_unsupported;
