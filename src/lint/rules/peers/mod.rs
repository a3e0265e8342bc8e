//! Peers sections.

pub(in crate::lint) mod address_mismatch;
pub(in crate::lint) mod address_twice;
pub(in crate::lint) mod bind_and_peer;
pub(in crate::lint) mod duplicate_name;
pub(in crate::lint) mod ignored_option;
pub(in crate::lint) mod known_bad_version;
pub(in crate::lint) mod list_differs;
pub(in crate::lint) mod local_name_unset;
pub(in crate::lint) mod local_server_address;
pub(in crate::lint) mod loopback;
pub(in crate::lint) mod no_address;
pub(in crate::lint) mod no_client_certificate;
pub(in crate::lint) mod no_handover;
pub(in crate::lint) mod no_listener;
pub(in crate::lint) mod no_local;
pub(in crate::lint) mod not_listed;
pub(in crate::lint) mod one_handover;
pub(in crate::lint) mod refused;
pub(in crate::lint) mod same_local_name;
pub(in crate::lint) mod section_missing;
pub(in crate::lint) mod section_name;
pub(in crate::lint) mod shard;
pub(in crate::lint) mod ssl_on_peer_line;
pub(in crate::lint) mod tls_mismatch;
pub(in crate::lint) mod unused;
pub(in crate::lint) mod verify_none;
