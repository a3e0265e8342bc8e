//! The rules, one file each, by what they are about.

pub(super) mod config;
pub(super) mod file;
pub(super) mod peers;
pub(super) mod server;
pub(super) mod table;
