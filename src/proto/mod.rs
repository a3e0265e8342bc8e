//! HAProxy's peers protocol, 2.0 and 2.1, without sockets and clocks.
//!
//! [`Session`] is one end of one connection. It is fed bytes and the time, and drained of events and bytes.

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
