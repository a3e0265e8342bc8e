//! Servers and their ids.

pub(in crate::lint) mod id_mismatch;
