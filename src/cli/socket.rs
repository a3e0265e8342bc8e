//! HAProxy's runtime socket as a source of entries: `show table`. No line in a peers section is needed for it.
//!
//! HAProxy prints less there than peers tell: no `expire` and no length of keys, unless a configuration says them; of a rate only
//! what it is now. See [`crate::runtime`].

use super::collect::Collector;
use super::exit::Exit;
use super::failure::Failure;
use super::instances::Loaded;
use super::target::{Meant, Tables};
use crate::grammar::KeyType;
use crate::node::runtime_socket::{RuntimeError, RuntimeSocket};
use crate::node::{self, clock};
use crate::runtime::{Columns, ShownTable};
use crate::stick::{Definition, Layout};
use crate::table::{Applied, ServerKey, Update};

/// A runtime socket to be read.
#[derive(Debug)]
pub struct Source {
    /// The name it is given, that of the HAProxy behind it if it says one.
    pub name: String,
    socket: RuntimeSocket,
}

/// What was printed of an entry.
struct Row {
    key: Box<[u8]>,
    expire_ms: u32,
    values: Box<[u64]>,
    server_key: Option<Box<[u8]>>,
}

impl Source {
    /// Reads `[NAME=]PATH`, or an address in place of the path, and asks the HAProxy there for its name if none is given.
    ///
    /// # Errors
    /// Exit 2 for what is no address; exit 3 if nothing answers.
    pub fn open(text: &str) -> Result<Self, Failure> {
        let (name, address) = match text.split_once('=') {
            Some((name, address)) if !name.is_empty() && !name.contains(['/', '@']) => (Some(name), address),
            _ => (None, text),
        };
        let socket = RuntimeSocket::parse(address).map_err(|error| {
            let help = "give the path of a `stats socket`, or unix@PATH, or ipv4@ADDRESS:PORT";
            Failure::misuse(format!("--socket: {error}"), help)
        })?;
        let name = match name {
            Some(name) => name.to_owned(),
            None => Self::own_name(&socket)?.unwrap_or_else(|| text.to_owned()),
        };
        Ok(Self { name, socket })
    }

    /// The local peer's name.
    fn own_name(socket: &RuntimeSocket) -> Result<Option<String>, Failure> {
        let sections = answered(node::run(socket.peers()))?;
        let name = sections.iter().find_map(|section| Some(section.local()?.name.clone()));
        Ok(name.map(|name| String::from_utf8_lossy(&name).into_owned()))
    }

    /// Reads the tables that are meant into the place of a peer; returns the peers section whose tables they are, if all
    /// that have one have the same. What the definitions are `configuration` knows best.
    ///
    /// # Errors
    /// Exit 3 if the socket doesn't answer.
    pub fn read(
        &self,
        collector: &mut Collector,
        peer: usize,
        tables: &Tables,
        configuration: Option<&Loaded>,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let shown = answered(node::run(self.socket.tables()))?;
        let mut section: Option<Vec<u8>> = None;
        for table in &shown {
            let wire = table.wire_name();
            let wanted = tables.meant(wire) > Meant::No;
            if wanted {
                let configured = configuration.and_then(|loaded| configured(loaded, table));
                let known = configured.or_else(|| collector.definition(wire).cloned());
                let (definition, rows) = answered(node::run(self.rows(table, known.as_ref())))?;
                if known.is_none_or(|known| known != definition) {
                    collector.guessed.insert(peer);
                }
                put(collector, peer, &definition, rows);
                section = section.or_else(|| table.section().map(<[u8]>::to_vec));
            }
            collector.name(peer, wire);
        }
        let same = |table: &ShownTable| table.section().is_none() || table.section() == section.as_deref();
        Ok(if shown.iter().all(same) { section } else { None })
    }

    /// The entries of a table, and what they are: as is known, if they look so.
    async fn rows(
        &self,
        table: &ShownTable,
        known: Option<&Definition>,
    ) -> Result<(Definition, Vec<Row>), RuntimeError> {
        let mut columns = known.map(|definition| Columns::of_layout(&definition.layout));
        let mut entries = self.socket.entries(&table.name).await?;
        let (mut rows, mut values) = (Vec::new(), Vec::new());
        while let Some(entry) = entries.next().await? {
            let mut text = None;
            let mut take = |columns: &Columns| {
                let dictionary = |found: &[u8]| {
                    text = Some(found.into());
                    1
                };
                columns.read(&entry, dictionary, &mut values)
            };
            // A process that runs with an older configuration may print other columns than the file says.
            let as_known = columns.as_ref().is_some_and(|columns| take(columns).is_ok());
            if !as_known {
                let found = Columns::of(&entry);
                take(&found)?;
                columns = Some(found);
            }
            rows.push(Row {
                expire_ms: entry.expire_ms,
                values: values.as_slice().into(),
                server_key: text,
                key: entry.key,
            });
        }
        let layout = columns.map(|columns| columns.layout().clone());
        let definition = match (known, layout) {
            (Some(known), Some(layout)) if known.layout == layout => known.clone(),
            (Some(known), None) => known.clone(),
            (_, layout) => guessed(table, layout.unwrap_or_default(), &rows),
        };
        rows.retain(|row| row.values.len() == definition.layout.slots());
        Ok((definition, rows))
    }
}

/// What the configuration says of a table.
fn configured(loaded: &Loaded, table: &ShownTable) -> Option<Definition> {
    let instance = loaded.instance();
    Definition::of_schema(table.wire_name(), instance.table(&table.name)?.schema())
}

/// What can be told from the entries: lengths and lives are at least as large as the largest that is there.
fn guessed(table: &ShownTable, layout: Layout, rows: &[Row]) -> Definition {
    let key_type = table.key_type;
    let longest = rows.iter().map(|row| row.key.len()).max().unwrap_or(0);
    let key_len = match key_type {
        KeyType::STRING => longest + 1,
        KeyType::IPV6 => 16,
        KeyType::BINARY => longest.max(1),
        _ => 4,
    };
    Definition {
        name: table.wire_name().into(),
        key_type,
        key_len: u32::try_from(key_len).unwrap_or(u32::MAX),
        expire_ms: rows.iter().map(|row| row.expire_ms).max().unwrap_or(0),
        layout,
    }
}

fn put(collector: &mut Collector, peer: usize, definition: &Definition, rows: Vec<Row>) {
    let now_ms = collector.ms(clock::now());
    let mut dropped = 0;
    let Some(store) = collector.store(peer, definition) else { return };
    for row in rows {
        let applied = store.apply(
            now_ms,
            &Update {
                key: &row.key,
                values: &row.values,
                server_key: row.server_key.as_deref().map_or(ServerKey::Unchanged, ServerKey::Known),
                update_id: 0,
                life_ms: Some(row.expire_ms),
                resync: true,
            },
        );
        dropped += u64::from(applied == Applied::Dropped);
    }
    collector.dropped += dropped;
}

fn answered<T>(answer: std::io::Result<Result<T, RuntimeError>>) -> Result<T, Failure> {
    let answer = answer.map_err(|error| Failure::events(&error))?;
    answer.map_err(|error| Failure::new(Exit::Io, error.to_string(), ""))
}
