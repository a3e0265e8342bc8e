//! What a stick table is: key, size, columns.

use std::fmt;

use crate::grammar::{DataType, KeyType};
use crate::units::{Delay, Size};

/// The definition of a stick table, from a configuration line or from the wire.
///
/// `None` means "not given". A line that HAProxy refuses may lack what is mandatory ([`Self::key_type`], [`Self::size`]).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Schema {
    /// The type of the keys.
    pub key_type: Option<KeyType>,
    /// Characters of a string key (31 if not given), bytes of a binary one (32 if not given); `None` for other types
    /// and for a number that makes no sense.
    pub len: Option<u32>,
    /// The most entries.
    pub size: Option<Size>,
    /// How long an entry lives unused; `None` and 0 mean for ever.
    pub expire: Option<Delay>,
    /// A full table refuses new entries instead of dropping the oldest.
    pub nopurge: bool,
    /// The table learns from peers and never teaches its own values.
    pub recv_only: bool,
    /// The peers section the table travels through; never given on a `table` line.
    pub peers: Option<Box<[u8]>>,
    /// What identifies a server in `server_key`; `None` means its name.
    pub srvkey: Option<SrvKey>,
    /// The table that learns what this one counts.
    pub write_to: Option<Box<[u8]>>,
    /// How many bytes one unit of a byte rate is, 1 to 1024; `None` means 1.
    pub brates_factor: Option<u32>,
    /// The columns, in the order of their wire numbers, which is how HAProxy lays out and prints an entry.
    pub store: Vec<Column>,
    /// Items of `store` that this program does not know, as written.
    pub unknown_columns: Vec<Box<[u8]>>,
    /// Words that are no parameter this program knows, as written.
    pub unknown_words: Vec<Box<[u8]>>,
}

impl Schema {
    /// The column of `data_type`.
    #[must_use]
    pub fn column(&self, data_type: DataType) -> Option<&Column> {
        self.store.iter().find(|column| column.data_type == data_type)
    }

    /// Adds a column where it belongs; returns whether it was new (HAProxy keeps the first of two and warns).
    pub fn add_column(&mut self, column: Column) -> bool {
        match self.store.binary_search_by_key(&column.data_type, |column| column.data_type) {
            Ok(_) => false,
            Err(place) => {
                self.store.insert(place, column);
                true
            }
        }
    }

    /// Adds the columns that any `stick` rule adds to the table it names: `server_id` and `server_key`.
    pub fn add_implicit(&mut self) {
        for data_type in [DataType::SERVER_ID, DataType::SERVER_KEY] {
            self.add_column(Column { data_type, period: None, count: None, implicit: true });
        }
    }

    /// Milliseconds an entry lives unused; 0 = for ever.
    #[must_use]
    pub fn expire_ms(&self) -> u32 {
        self.expire.map_or(0, Delay::ms)
    }
}

/// One column of a stick table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// What it holds.
    pub data_type: DataType,
    /// The period of a rate.
    pub period: Option<Delay>,
    /// The number of elements of an array, 1 to 100.
    pub count: Option<u32>,
    /// A rule elsewhere asked for it, not `store`.
    pub implicit: bool,
}

/// As in `store`: `gpc0`, `http_req_rate(10s)`, `gpc_rate(2,1m)`.
impl fmt::Display for Column {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.data_type)?;
        match (self.count, self.period) {
            (None, None) => Ok(()),
            (Some(count), None) => write!(out, "({count})"),
            (None, Some(period)) => write!(out, "({period})"),
            (Some(count), Some(period)) => write!(out, "({count},{period})"),
        }
    }
}

/// What identifies a server in the column `server_key`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SrvKey {
    /// Its name.
    Name,
    /// Its address and port.
    Addr,
}

impl SrvKey {
    /// The argument `word` of `srvkey`.
    #[must_use]
    pub fn by_word(word: &[u8]) -> Option<Self> {
        match word {
            b"name" => Some(Self::Name),
            b"addr" => Some(Self::Addr),
            _ => None,
        }
    }
}

/// The argument of `srvkey`.
impl fmt::Display for SrvKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Name => "name",
            Self::Addr => "addr",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn implicit_columns_take_their_place_and_leave_written_ones_alone() {
        let written = |data_type| Column { data_type, period: None, count: None, implicit: false };
        let mut schema = Schema::default();
        assert!(schema.add_column(written(DataType::GPC0)));
        assert!(schema.add_column(written(DataType::SERVER_ID)));
        schema.add_implicit();
        schema.add_implicit();
        let columns: Vec<_> = schema.store.iter().map(|c| (c.data_type.to_string(), c.implicit)).collect();
        assert_eq!(
            columns,
            [("server_id".to_owned(), false), ("gpc0".to_owned(), false), ("server_key".to_owned(), true)]
        );
    }

    #[test]
    fn columns_print_as_store_reads_them() {
        let period = Delay::from_ms(60_000);
        let column = |data_type, count, period| Column { data_type, count, period, implicit: false }.to_string();
        assert_eq!(column(DataType::GPC0, None, None), "gpc0");
        assert_eq!(column(DataType::GPC0_RATE, None, period), "gpc0_rate(1m)");
        assert_eq!(column(DataType::GPT, Some(3), None), "gpt(3)");
        assert_eq!(column(DataType::GPC_RATE, Some(2), period), "gpc_rate(2,1m)");
    }
}
