//! Tables of facts, compiled in from the top-level `grammar/` folder.

mod aggregate;
mod data_type;
pub mod ebnf;
mod key_type;
pub mod keywords;
mod known_bad;
mod nearest;
mod params;
mod peers_ignored;
mod sample;
pub mod secrets;
pub mod section_keywords;
mod table_param;
pub mod texts;
mod tsv;
mod version;

pub use aggregate::{AggregateKeyword, AggregateSection, AggregateUse, aggregate_keyword, aggregate_keywords};
pub use data_type::{DataArgument, DataKind, DataType, DataTypeInfo};
pub use key_type::{KeyType, KeyTypeInfo};
pub use known_bad::{KnownBug, known_bugs};
pub use nearest::nearest;
pub use params::{ParamInfo, ParamTable, ParamUse, ParamWords};
pub use peers_ignored::{PeersIgnoredParam, peers_ignored_param, peers_ignored_params};
pub use sample::SampleType;
pub use table_param::{TableParam, TableParamInfo};
pub use version::{Lifetime, Release, Version, VersionError};

/// Whether a word starts a section in some version.
#[must_use]
pub fn is_section_keyword(word: &[u8]) -> bool {
    keywords::section(word, None).is_some()
}
