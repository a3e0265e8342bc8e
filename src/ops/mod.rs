//! Edits of an instance: one file each, from a model to edit sets, computed on one snapshot.
//!
//! Nothing here writes a file. A [`Plan`] says what would change and why; the caller applies it, reads the result
//! again and checks that it says what was intended.

pub mod add_peers;
pub mod add_star;
pub mod attach;
mod definition;
mod error;
pub mod generate;
pub mod guard;
pub mod handover;
pub mod localpeer;
mod new_place;
mod plan;
pub mod reload_order;
pub mod remove_peers;
pub mod rewrite_table;
pub mod set_server_ids;
pub mod spec;
mod splice;
pub mod star;

pub use error::{Label, OpError, OpErrorKind};
pub use plan::{Mark, Note, Plan};
