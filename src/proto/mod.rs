//! HAProxy's peers protocol, 2.0 and 2.1, without sockets and clocks.
//!
//! [`Session`] is one end of one connection. It is fed bytes and the time, and drained of events and bytes. Whatever a peer
//! sends, nothing here panics.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, clippy::indexing_slicing)
)]

pub mod define;
pub mod dictionary;
mod error;
pub mod frame;
pub mod hello;
mod reader;
pub mod session;
pub mod update;
pub mod varint;

pub use error::ProtoError;
pub use session::Session;
