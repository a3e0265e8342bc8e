//! Servers and their ids.

pub(in crate::lint) mod backend_missing;
pub(in crate::lint) mod default_id;
pub(in crate::lint) mod id_duplicate;
pub(in crate::lint) mod id_gap;
pub(in crate::lint) mod id_implicit;
pub(in crate::lint) mod id_invalid;
pub(in crate::lint) mod id_mismatch;
pub(in crate::lint) mod id_unknown;
pub(in crate::lint) mod missing;
pub(in crate::lint) mod name_mismatch;
pub(in crate::lint) mod order_dependent;
