//! Peers sections.

pub(in crate::lint) mod no_local;
