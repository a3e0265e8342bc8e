//! peerctl: for people who run HAProxy peers.

pub mod cli;
pub mod config;
pub mod escape;
pub mod grammar;
pub mod model;
pub mod ops;
pub mod output;
pub mod span;
pub mod stick;
pub mod units;
