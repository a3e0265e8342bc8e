//! Entries of stick tables in memory: what one source has taught, with deadlines, limits and an order.
//!
//! A [`Store`] holds one table as one peer knows it. It reads no clock: every call that depends on the time takes it, in
//! milliseconds of a clock that never goes back.

mod batch;
mod column;
mod entry;
mod filter;
mod merged;
mod snapshot;
mod store;
mod update;

pub use batch::Batch;
pub use column::{Column, ColumnError, Contents, Sort};
pub use entry::{Entry, EntryRef};
pub use filter::{Filter, Where, WhereError, WhereErrorKind};
pub use merged::{Merge, Row, is_added, merged};
pub(crate) use store::Index;
pub use store::{Counters, Full, Iter, Limits, Store, StoreError};
pub use update::{Applied, ServerKey, Update};
