//! Stick tables.

pub(in crate::lint) mod unknown_section;
