//! peerctl below its output, its sockets and its command line: the modules themselves, so that targets are built in seconds,
//! without what the others need.

#![expect(unused_imports, reason = "only the layers above use it")]

pub use folder::units;

/// A file with modules of its own is found by its folder only.
#[path = "../src"]
mod folder {
    pub mod units;
}

#[path = "../src/config/mod.rs"]
pub mod config;
#[path = "../src/escape.rs"]
pub mod escape;
#[path = "../src/grammar/mod.rs"]
pub mod grammar;
#[path = "../src/limits.rs"]
pub mod limits;
#[path = "../src/lint/mod.rs"]
pub mod lint;
#[path = "../src/model/mod.rs"]
pub mod model;
#[path = "../src/proto/mod.rs"]
pub mod proto;
#[path = "../src/record/mod.rs"]
pub mod record;
#[path = "../src/span.rs"]
pub mod span;
#[path = "../src/stick/mod.rs"]
pub mod stick;
#[path = "../src/table/mod.rs"]
pub mod table;
