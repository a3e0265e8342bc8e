//! The data types of stick tables: what `store` names, and the bits of a table definition on the wire.

use std::fmt;
use std::sync::LazyLock;

use super::tsv;
use super::version::Lifetime;

/// A data type by its wire number, so that types this program does not know survive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DataType(pub u8);

impl DataType {
    /// Id of the server last used.
    pub const SERVER_ID: Self = Self(0);
    /// First general purpose tag.
    pub const GPT0: Self = Self(1);
    /// First general purpose counter.
    pub const GPC0: Self = Self(2);
    /// Rate of the first general purpose counter.
    pub const GPC0_RATE: Self = Self(3);
    /// Connections in progress; never replicated.
    pub const CONN_CUR: Self = Self(6);
    /// Second general purpose counter.
    pub const GPC1: Self = Self(17);
    /// Rate of the second general purpose counter.
    pub const GPC1_RATE: Self = Self(18);
    /// Name or address of the server last used.
    pub const SERVER_KEY: Self = Self(19);
    /// Array of general purpose tags.
    pub const GPT: Self = Self(22);
    /// Array of general purpose counters.
    pub const GPC: Self = Self(23);
    /// Array of rates of general purpose counters.
    pub const GPC_RATE: Self = Self(24);

    /// All known types in the order of their wire numbers, each under its usual name.
    pub fn all() -> impl Iterator<Item = &'static DataTypeInfo> {
        TABLE.iter().filter(|info| !info.alias)
    }

    /// All spellings of all types.
    #[must_use]
    pub fn spellings() -> &'static [DataTypeInfo] {
        &TABLE
    }

    /// The type that `store` calls `name`, in whatever version.
    #[must_use]
    pub fn by_name(name: &[u8]) -> Option<Self> {
        TABLE.iter().find(|info| info.name.as_bytes() == name).map(|info| info.data_type)
    }

    /// What is known about the type; `None` for a number this program does not know.
    #[must_use]
    pub fn info(self) -> Option<&'static DataTypeInfo> {
        Self::all().find(|info| info.data_type == self)
    }
}

/// HAProxy's name, or `type 31` for an unknown number.
impl fmt::Display for DataType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.info() {
            Some(info) => write!(out, "{}", info.name),
            None => write!(out, "type {}", self.0),
        }
    }
}

/// One row of `grammar/data-types.tsv`.
#[derive(Clone, Copy, Debug)]
pub struct DataTypeInfo {
    /// The type.
    pub data_type: DataType,
    /// Its name in `store`.
    pub name: &'static str,
    /// What one value is.
    pub kind: DataKind,
    /// What `store` wants in parentheses.
    pub argument: DataArgument,
    /// The versions that know it.
    pub lifetime: Lifetime,
    /// The value never leaves the process.
    pub local: bool,
    /// Whether another name of the same type is the usual one.
    pub alias: bool,
}

/// What one value of a data type is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataKind {
    /// An unsigned 32-bit number.
    Uint,
    /// An unsigned 64-bit number.
    Ulonglong,
    /// A frequency counter.
    Rate,
    /// A text sent through a dictionary.
    Dict,
}

/// What `store` wants in parentheses behind a data type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataArgument {
    /// Nothing, not even empty parentheses.
    None,
    /// A period.
    Period,
    /// A number of elements.
    Count,
    /// A number of elements and a period.
    CountAndPeriod,
}

impl DataArgument {
    /// Whether the first argument is a number of elements.
    #[must_use]
    pub const fn has_count(self) -> bool {
        matches!(self, Self::Count | Self::CountAndPeriod)
    }

    /// Whether the last argument is a period.
    #[must_use]
    pub const fn has_period(self) -> bool {
        matches!(self, Self::Period | Self::CountAndPeriod)
    }
}

static TABLE: LazyLock<Vec<DataTypeInfo>> = LazyLock::new(|| {
    let kinds = [
        ("uint", DataKind::Uint),
        ("ulonglong", DataKind::Ulonglong),
        ("rate", DataKind::Rate),
        ("dict", DataKind::Dict),
    ];
    let arguments = [
        ("none", DataArgument::None),
        ("period", DataArgument::Period),
        ("count", DataArgument::Count),
        ("count+period", DataArgument::CountAndPeriod),
    ];
    let info = |row: tsv::Row| DataTypeInfo {
        data_type: DataType(row.number(1)),
        name: row.text(0),
        kind: row.choice(2, &kinds),
        argument: row.choice(3, &arguments),
        lifetime: row.since(4),
        local: row.flag(5),
        alias: row.flag(6),
    };
    let mut table: Vec<_> = tsv::rows(include_str!("../../grammar/data-types.tsv")).map(info).collect();
    table.sort_by_key(|info| (info.data_type, info.alias));
    table
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_constants_are_the_types_of_the_table() {
        let named = [
            (DataType::SERVER_ID, "server_id"),
            (DataType::GPT0, "gpt0"),
            (DataType::GPC0, "gpc0"),
            (DataType::GPC0_RATE, "gpc0_rate"),
            (DataType::CONN_CUR, "conn_cur"),
            (DataType::GPC1, "gpc1"),
            (DataType::GPC1_RATE, "gpc1_rate"),
            (DataType::SERVER_KEY, "server_key"),
            (DataType::GPT, "gpt"),
            (DataType::GPC, "gpc"),
            (DataType::GPC_RATE, "gpc_rate"),
        ];
        for (data_type, name) in named {
            assert_eq!(DataType::by_name(name.as_bytes()), Some(data_type), "{name}");
        }
        assert_eq!(DataType(31).to_string(), "type 31");
        assert_eq!(DataType::by_name(b"GPC0"), None);
        assert_eq!(DataType::by_name(b"server_name").map(|t| t.to_string()).as_deref(), Some("server_key"));
    }

    #[test]
    fn wire_numbers_have_no_gap() {
        let numbers: Vec<_> = DataType::all().map(|info| info.data_type.0).collect();
        assert_eq!(numbers, (0..27).collect::<Vec<_>>());
    }
}
