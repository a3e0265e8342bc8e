//! The JSON shape of a stick table, shared by all commands that print one.

use serde::Serialize;

use crate::{
    config::Source,
    escape,
    model::StickTable,
    stick::{Column, SrvKey},
};

/// A stick table as it takes effect: what the line leaves out has HAProxy's default, or `null` where there is none.
///
/// Names are text: a byte that is none is written as `\xNN`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TableJson {
    /// The full name: that of the proxy, or `SECTION/NAME`.
    pub name: String,
    /// The file as it was given on the command line.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The key type; `null` if the line has none that is known.
    #[serde(rename = "type")]
    pub key_type: Option<String>,
    /// Characters of string keys, bytes of binary ones; `null` for other types.
    pub len: Option<u32>,
    /// The most entries; `null` if the line doesn't say.
    pub size: Option<u32>,
    /// Milliseconds an unused entry lives; 0 = for ever.
    pub expire_ms: u32,
    /// Whether a full table refuses new entries.
    pub nopurge: bool,
    /// Whether the table learns from peers and never teaches.
    pub recv_only: bool,
    /// The peers section it travels through.
    pub peers: Option<String>,
    /// What identifies a server in `server_key`.
    pub srvkey: &'static str,
    /// The table that learns what this one counts.
    pub write_to: Option<String>,
    /// What is stored, in the order of the wire numbers; items that are no known data type come last, as written.
    pub store: Vec<ColumnJson>,
}

/// One column of a stick table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ColumnJson {
    /// HAProxy's name of the data type.
    pub name: String,
    /// The period of a rate, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_ms: Option<u32>,
    /// The number of elements of an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Whether a rule elsewhere asked for it and not `store`; left out where it didn't.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub implicit: bool,
}

impl TableJson {
    /// The shape of `table`, which stands in one of an instance's `files`.
    #[must_use]
    pub fn new(table: &StickTable, files: &[Source]) -> Self {
        let schema = table.schema();
        let unknown = schema.unknown_columns.iter().map(|item| ColumnJson {
            name: text(item),
            period_ms: None,
            count: None,
            implicit: false,
        });
        Self {
            name: text(&table.name),
            file: files.get(table.place.file).map(|f| f.name.clone()).unwrap_or_default(),
            line: table.place.line.human(),
            key_type: schema.key_type.map(|t| t.to_string()),
            len: schema.len,
            size: schema.size.map(crate::units::Size::get),
            expire_ms: schema.expire_ms(),
            nopurge: schema.nopurge,
            recv_only: schema.recv_only,
            peers: table.peers().map(text),
            srvkey: match schema.srvkey {
                None | Some(SrvKey::Name) => "name",
                Some(SrvKey::Addr) => "addr",
            },
            write_to: schema.write_to.as_deref().map(text),
            store: schema.store.iter().map(ColumnJson::from).chain(unknown).collect(),
        }
    }
}

impl From<&Column> for ColumnJson {
    fn from(column: &Column) -> Self {
        Self {
            name: column.data_type.to_string(),
            period_ms: column.period.map(crate::units::Delay::ms),
            count: column.count,
            implicit: column.implicit,
        }
    }
}

fn text(bytes: &[u8]) -> String {
    escape::name(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Document,
        grammar::Version,
        model::{Facts, Instance, Naming},
    };

    #[test]
    fn a_table_has_the_shape_of_the_contract() {
        let text = "backend shop\n  stick-table type string size 10k expire 1m peers mesh store http_req_rate(10s),gpc(2)\n  stick on src\n";
        let files = [Source::new("lb.cfg", Document::parse(text.into()).expect("short"))];
        let facts = Facts { version: Version::new(3, 2), environment: std::iter::empty::<(&str, &str)>().collect() };
        let instance = Instance::read(&files, &Naming::default(), &facts);
        let tables = instance.tables();
        let shape = TableJson::new(tables.first().expect("one table"), &files);
        let json = serde_json::to_value(shape).expect("plain values");
        assert_eq!(
            json,
            serde_json::json!({
                "name": "shop", "file": "lb.cfg", "line": 2, "type": "string", "len": 31, "size": 10240,
                "expire_ms": 60000, "nopurge": false, "recv_only": false, "peers": "mesh", "srvkey": "name",
                "write_to": null,
                "store": [
                    {"name": "server_id", "implicit": true},
                    {"name": "http_req_rate", "period_ms": 10000},
                    {"name": "server_key", "implicit": true},
                    {"name": "gpc", "count": 2},
                ],
            })
        );
    }
}
