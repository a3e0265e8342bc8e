//! Stick tables.

pub(in crate::lint) mod array_differs;
pub(in crate::lint) mod columns_differ;
pub(in crate::lint) mod conn_cur;
pub(in crate::lint) mod disabled_section;
pub(in crate::lint) mod duplicate_name;
pub(in crate::lint) mod expire_differs;
pub(in crate::lint) mod expire_short;
pub(in crate::lint) mod ipv6_clients;
pub(in crate::lint) mod key_differs;
pub(in crate::lint) mod key_type;
pub(in crate::lint) mod limit_shared;
pub(in crate::lint) mod memory;
pub(in crate::lint) mod mesh_aggregator;
pub(in crate::lint) mod no_expire;
pub(in crate::lint) mod not_replicated;
pub(in crate::lint) mod not_shared;
pub(in crate::lint) mod output_written;
pub(in crate::lint) mod period_differs;
pub(in crate::lint) mod refused;
mod shared;
pub(in crate::lint) mod size_differs;
pub(in crate::lint) mod srvkey_differs;
pub(in crate::lint) mod unknown;
pub(in crate::lint) mod unknown_section;
pub(in crate::lint) mod unused;
pub(in crate::lint) mod zero_period;
