//! Rules to begin with, as comments: they belong into a frontend.

use std::fmt::Write as _;

use super::{StarSpec, TOTAL};
use crate::{
    escape,
    grammar::{
        KeyType,
        keywords::{TableUserKind, table_user},
    },
    ops::spec::PeerSpec,
    stick::{self, Column, Place},
};

/// The comment in front of a node's section.
pub(super) fn rules(star: &StarSpec, local: &str) -> String {
    let names: Vec<&str> = star.aggregators.iter().map(|peer| peer.name.as_str()).collect();
    let mut text =
        format!("# {local}, whose tables {} adds up. `global` has to say: localpeer {local}\n", names.join(" or "));
    for words in &star.sources {
        let Some((name, params)) = words.split_first() else { continue };
        let Some(fetch) = Fetch::of(params) else { continue };
        let table = format!("{}/{}", star.section, escape::name(name));
        let total = format!("{table}{TOTAL}");
        let Some(trusted) = over_limit(&total, params, &star.section, &star.aggregators) else { continue };
        let own = fetch.of_table(&table);
        let _infallible = write!(
            text,
            "# In a frontend: a local limit always, one for the total while the lease says that it can be trusted.\n\
             #   http-request track-sc0 {} table {table}\n\
             #   http-request deny deny_status 429 if {{ {own} gt 100 }}\n\
             #   http-request deny deny_status 429 if {}\n",
            fetch.key, trusted,
        );
    }
    text
}

/// The condition that the total of a table is over a limit and can be trusted; `None` if rules can't read any of its values.
pub(in crate::ops) fn over_limit(
    total: &str,
    params: &[Vec<u8>],
    section: &str,
    aggregators: &[PeerSpec],
) -> Option<String> {
    let total = Fetch::of(params)?.of_table(total);
    let trusted = |peer: &PeerSpec| format!("{{ {total} gt 300 }} {{ str({}),in_table({section}/lease) }}", peer.name);
    Some(aggregators.iter().map(trusted).collect::<Vec<_>>().join(" || "))
}

/// How rules read a value of a key's entry.
struct Fetch {
    /// The key.
    key: &'static str,
    /// The fetch or converter.
    name: String,
    /// What stands in front of the table among its arguments.
    index: &'static str,
    converts: bool,
}

impl Fetch {
    /// The first rate, else the first value that rules can read.
    fn of(params: &[Vec<u8>]) -> Option<Self> {
        let schema = stick::parse(params, Place::Peers, None).schema;
        let client = matches!(schema.key_type, Some(KeyType::IP | KeyType::IPV6));
        let (rates, others): (Vec<&Column>, Vec<&Column>) = schema.store.iter().partition(|c| c.period.is_some());
        rates.into_iter().chain(others).find_map(|column| Self::of_column(column, client))
    }

    fn of_column(column: &Column, client: bool) -> Option<Self> {
        let data = column.data_type.info()?.name;
        let kind = if client { TableUserKind::Fetch } else { TableUserKind::Converter };
        let names =
            if client { vec![format!("src_{data}"), format!("src_get_{data}")] } else { vec![format!("table_{data}")] };
        let user = names.iter().find_map(|name| table_user(kind, name.as_bytes()))?;
        Some(Self {
            key: if client { "src" } else { "req.hdr(x-api-key)" },
            name: user.name.to_owned(),
            index: if user.position == 0 { "" } else { "0," },
            converts: !client,
        })
    }

    /// The expression for a table.
    fn of_table(&self, table: &str) -> String {
        let Self { key, name, index, converts } = self;
        if *converts { format!("{key},{name}({index}{table})") } else { format!("{name}({index}{table})") }
    }
}
