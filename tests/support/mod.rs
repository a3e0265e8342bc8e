//! What integration tests share: the real HAProxy in several versions, checked or running, in a network of its own.
//!
//! ```ignore
//! mod support;
//!
//! for haproxy in support::haproxies() {
//!     let network = support::Network::new();
//!     let lb1 = haproxy.start(&network, dir.path(), &["lb1.cfg"], Some("lb1"));
//!     lb1.set_entry("t", "k", "data.gpc0 1");
//!     …
//! }
//! ```
#![allow(dead_code, reason = "each test crate compiles this module and calls its own part of it")]

mod certificate;
pub(crate) mod chaos;
pub(crate) mod disk;
pub(crate) mod fake_peer;
pub(crate) mod frames;
pub(crate) mod generate;
pub(crate) mod generate_tables;
mod haproxy;
pub(crate) mod live;
pub(crate) mod machine;
mod network;
pub(crate) mod node;
pub(crate) mod plant;
mod program;
pub(crate) mod random;
mod running;
pub(crate) mod shown;
mod standstill;
pub(crate) mod terminal;
mod wait;
pub(crate) mod wire;

#[allow(unused_imports, reason = "as above")]
pub(crate) use self::{
    certificate::{Authority, self_signed_certificate},
    haproxy::{Check, Haproxy, haproxies},
    live::{Live, Setup},
    network::Network,
    program::{Ended, Program},
    running::{Retired, Running},
    standstill::Stopwatch,
    wait::{DEADLINE, try_until, wait_until},
};
