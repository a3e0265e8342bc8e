//! Which entries are meant: the expressions of `--where`, as `grammar/where.ebnf` has them.
//!
//! ```
//! # use peerctl::stick::{Definition, Place, parse};
//! # use peerctl::table::{Limits, ServerKey, Store, Update, Where};
//! # let schema = parse(&["type", "ip", "size", "1m", "store", "gpc0"], Place::Proxy, None).schema;
//! # let definition = Definition::of_schema(b"t", &schema).ok_or("a key type")?;
//! let filter = Where::parse("gpc0 > 2 and key in 10.0.0.0/8")?.compile(&definition)?;
//! # let mut store = Store::new(definition, Limits::default())?;
//! # for n in 0..6 {
//! #     let server_key = ServerKey::Unchanged;
//! #     store.apply(0, &Update { key: &[10, 0, 0, n], values: &[n.into()], server_key, update_id: 1, life_ms: None, resync: false });
//! # }
//! let kept = store.iter(0).filter(|entry| filter.matches(entry));
//! assert_eq!(kept.count(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compile;
mod error;
mod reader;
mod test;
mod tree;
mod value;

use crate::stick::Definition;

use super::column::Contents;
use reader::Reader;
use test::Test;
use tree::Tree;
use value::Comparison;

pub use error::{WhereError, WhereErrorKind};

/// An expression that was read; it is about no table yet.
#[derive(Clone, Debug)]
pub struct Where(Tree<Comparison>);

impl Where {
    /// Reads a whole expression.
    ///
    /// # Errors
    /// Where it isn't one, with the place, what would do there, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, WhereError> {
        Reader::new(text).read().map(Self)
    }

    /// The filter for entries of one table.
    ///
    /// # Errors
    /// If the table has no such column, or a column can't be compared with such a value, or a regular expression is none.
    pub fn compile(&self, definition: &Definition) -> Result<Filter, WhereError> {
        self.0.try_map(&|comparison| compile::test(comparison, definition)).map(Filter)
    }
}

/// An expression for entries of one table.
#[derive(Clone, Debug)]
pub struct Filter(Tree<Test>);

impl Filter {
    /// Whether the expression holds for an entry or a row, which must be one of a store with the definition that the filter was
    /// compiled for. Allocates nothing.
    #[must_use]
    pub fn matches(&self, entry: &impl Contents) -> bool {
        self.0.holds(&|test| test.holds(entry))
    }
}
