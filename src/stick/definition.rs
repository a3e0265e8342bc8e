//! A stick table as peers see it: what a definition message, a record or a configuration line says of its entries.

use std::fmt;

use crate::grammar::{DataKind, DataType, KeyType};
use crate::stick::{Column, FreqCtr, Schema};
use crate::units::Delay;

/// The most elements of an array that HAProxy's configuration takes.
pub const MAX_ELEMENTS: u32 = 100;

/// What one peer announces about a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Definition {
    /// The name on the wire: that of a proxy, or `/` and the name of a `table` line of a peers section.
    pub name: Box<[u8]>,
    /// The type of the keys.
    pub key_type: KeyType,
    /// Bytes of a key as the wire counts them: a string's `len` plus one, 4 or 16 for addresses and numbers.
    pub key_len: u32,
    /// How long an entry lives unused, in milliseconds; 0 = for ever.
    pub expire_ms: u32,
    /// The data types this program can read, in the order of their numbers.
    pub layout: Layout,
}

impl Definition {
    /// The definition that HAProxy announces for a table of the configuration; `None` if the key type is missing.
    #[must_use]
    pub fn of_schema(name: &[u8], schema: &Schema) -> Option<Self> {
        let key_type = schema.key_type?;
        let wire_len = key_type.info()?.wire_len;
        let key_len = match (key_type, schema.len) {
            (KeyType::STRING, Some(len)) => len.checked_add(1)?,
            (KeyType::BINARY, Some(len)) => len,
            _ => wire_len,
        };
        let layout = Layout::of_columns(&schema.store);
        Some(Self { name: name.into(), key_type, key_len, expire_ms: schema.expire_ms(), layout })
    }

    /// `len` as the configuration gives it: characters of a string, bytes of a binary key; `None` for other types.
    #[must_use]
    pub fn key_chars(&self) -> Option<u32> {
        match self.key_type {
            KeyType::STRING => Some(self.key_len.saturating_sub(1)),
            KeyType::BINARY => Some(self.key_len),
            _ => None,
        }
    }
}

/// As in the configuration, without a size: `type string len 32 expire 5m store gpc0,conn_rate(10s)`.
impl fmt::Display for Definition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "type {}", self.key_type)?;
        if let Some(len) = self.key_chars() {
            write!(out, " len {len}")?;
        }
        if let Some(expire) = Delay::from_ms(self.expire_ms).filter(|expire| expire.ms() > 0) {
            write!(out, " expire {expire}")?;
        }
        for (n, field) in self.layout.fields().iter().enumerate() {
            write!(out, "{}{field}", if n == 0 { " store " } else { "," })?;
        }
        Ok(())
    }
}

/// Where the values of an entry stand: one slot of 64 bits for a number or a text, three for a frequency counter
/// (elapsed milliseconds, current, previous), in the order of the data types and of their elements.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Layout {
    fields: Vec<Field>,
    slots: usize,
}

impl Layout {
    /// The layout of data types given with their number of elements and their period in milliseconds; they must come in
    /// the order of their numbers. Stops before the first one that isn't known, as a receiver must.
    pub fn new(types: impl IntoIterator<Item = (DataType, Option<u32>, Option<u32>)>) -> Self {
        let mut layout = Self::default();
        for (data_type, count, period_ms) in types {
            let Some(kind) = ValueKind::of(data_type) else { break };
            let field = Field { data_type, kind, count, period_ms, slot: layout.slots };
            layout.slots += field.slots();
            layout.fields.push(field);
        }
        layout
    }

    /// The layout of the columns of a table of the configuration.
    #[must_use]
    pub fn of_columns(columns: &[Column]) -> Self {
        Self::new(columns.iter().map(|column| (column.data_type, column.count, column.period.map(Delay::ms))))
    }

    /// The fields in the order of their data types.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field of `data_type`.
    #[must_use]
    pub fn field(&self, data_type: DataType) -> Option<&Field> {
        self.fields.iter().find(|field| field.data_type == data_type)
    }

    /// The number of slots.
    #[must_use]
    pub const fn slots(&self) -> usize {
        self.slots
    }

    /// Makes the frequency counters among values of this layout so many milliseconds older: see [`FreqCtr::aged`].
    pub fn age(&self, values: &mut [u64], by_ms: u64) {
        for field in self.fields.iter().filter(|field| field.kind == ValueKind::Rate) {
            let period_ms = field.period_ms.unwrap_or_default();
            for slots in field.of_mut(values).as_chunks_mut::<3>().0 {
                *slots = FreqCtr::from_slots(slots).aged(period_ms, by_ms).slots();
            }
        }
    }

    /// Whether values of this layout say more than that there was nothing; texts say nothing.
    #[must_use]
    pub fn counts(&self, values: &[u64]) -> bool {
        self.fields.iter().any(|field| match field.kind {
            // The time of a counter without events means nothing.
            ValueKind::Rate => {
                let mut counters = field.of(values).as_chunks::<3>().0.iter();
                counters.any(|[_, current, previous]| (*current, *previous) != (0, 0))
            }
            ValueKind::Text => false,
            _ => field.of(values).iter().any(|value| *value > 0),
        })
    }

    /// Whether one of the values is a text.
    #[must_use]
    pub fn has_text(&self) -> bool {
        self.fields.iter().any(|field| field.kind == ValueKind::Text)
    }
}

/// One data type of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// What it is.
    pub data_type: DataType,
    /// What one of its values is.
    pub kind: ValueKind,
    /// The number of elements of an array; `None` for a single value.
    pub count: Option<u32>,
    /// The period of a rate in milliseconds.
    pub period_ms: Option<u32>,
    /// The slot of the first value.
    pub slot: usize,
}

impl Field {
    /// The number of values: 1, or the elements of the array.
    #[must_use]
    pub fn values(&self) -> usize {
        self.count.map_or(1, |count| usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// The number of slots.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.values().saturating_mul(self.kind.slots())
    }

    /// Whether its values are set, not counted: a server, or a tag.
    #[must_use]
    pub const fn is_tag(&self) -> bool {
        matches!(self.data_type, DataType::SERVER_ID | DataType::GPT0 | DataType::GPT)
    }

    /// The slots of this field among those of an entry; empty if there are too few.
    #[must_use]
    pub fn of<'a>(&self, values: &'a [u64]) -> &'a [u64] {
        values.get(self.slot..self.slot.saturating_add(self.slots())).unwrap_or_default()
    }

    /// The same, to write to.
    #[must_use]
    pub fn of_mut<'a>(&self, values: &'a mut [u64]) -> &'a mut [u64] {
        values.get_mut(self.slot..self.slot.saturating_add(self.slots())).unwrap_or_default()
    }
}

/// As in `store`: `gpc0`, `http_req_rate(10s)`, `gpc_rate(2,1m)`.
impl fmt::Display for Field {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = self.period_ms.and_then(Delay::from_ms);
        Column { data_type: self.data_type, period, count: self.count, implicit: false }.fmt(out)
    }
}

/// What one value of an entry is, and how many slots it takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueKind {
    /// A signed 32-bit number, as the slot's lowest 32 bits.
    Signed32,
    /// An unsigned 32-bit number.
    Unsigned32,
    /// An unsigned 64-bit number.
    Unsigned64,
    /// A frequency counter: three slots of 32 bits each.
    Rate,
    /// A text that travels through a dictionary: the slot holds its number there, 0 = none.
    Text,
}

impl ValueKind {
    /// The kind of `data_type`; `None` if it isn't known.
    #[must_use]
    pub fn of(data_type: DataType) -> Option<Self> {
        Some(match data_type.info()?.kind {
            DataKind::Uint if data_type == DataType::SERVER_ID => Self::Signed32,
            DataKind::Uint => Self::Unsigned32,
            DataKind::Ulonglong => Self::Unsigned64,
            DataKind::Rate => Self::Rate,
            DataKind::Dict => Self::Text,
        })
    }

    /// The number of slots of one value.
    #[must_use]
    pub const fn slots(self) -> usize {
        match self {
            Self::Rate => 3,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stick::{Place, parse};

    fn definition(line: &str) -> Definition {
        let schema = parse(&line.split(' ').collect::<Vec<_>>(), Place::Proxy, None).schema;
        Definition::of_schema(b"t", &schema).expect("a key type")
    }

    #[test]
    fn a_definition_prints_as_the_configuration_reads_it() {
        for line in [
            "type string len 32 expire 5m store gpt(3),gpc(4),gpc_rate(4,30s)",
            "type ip",
            "type binary len 8 store server_id,gpc0_rate(10s),server_key",
        ] {
            assert_eq!(definition(line).to_string(), line);
        }
        assert_eq!(definition("type string size 1k").key_len, 32);
        assert_eq!(definition("type integer size 1k").key_len, 4);
    }

    #[test]
    fn rates_take_three_slots_each() {
        let layout = definition("type ip store gpc0,conn_rate(1s),gpc_rate(2,1s),bytes_in_cnt").layout;
        let places: Vec<_> = layout.fields().iter().map(|field| (field.slot, field.slots())).collect();
        assert_eq!(places, [(0, 1), (1, 3), (4, 1), (5, 6)]);
        assert_eq!(layout.slots(), 11);
    }

    #[test]
    fn an_unknown_data_type_ends_the_layout() {
        let layout =
            Layout::new([(DataType::GPC0, None, None), (DataType(40), None, None), (DataType(41), None, None)]);
        assert_eq!(layout.fields().len(), 1);
    }
}
