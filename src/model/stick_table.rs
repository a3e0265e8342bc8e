//! Stick tables, wherever they are declared.

use crate::{
    config::Decoded,
    grammar::Version,
    model::reading::{Known, Place, Statement},
    stick::{self, ParsedTable, Schema},
};

/// A table: a proxy's `stick-table` or a `table` line of a peers section.
#[derive(Clone, Debug)]
pub struct StickTable {
    /// Its full name, as rules use it: the proxy's name, or `SECTION/NAME`.
    pub name: Vec<u8>,
    /// Its line.
    pub place: Place,
    /// Whether HAProxy reads the line.
    pub known: Known,
    /// Index of the decoded word at which the parameters start: 1 behind `stick-table`, 2 behind `table NAME`.
    pub first_param: usize,
    /// The peers section it is declared in, for a `table` line.
    pub section: Option<Vec<u8>>,
    /// Its definition, with where each parameter stands and what is wrong; its word indexes count from `first_param`.
    pub parsed: ParsedTable,
    /// The words of the parameters as HAProxy sees them.
    pub words: Vec<Vec<u8>>,
    /// For each of [`words`](Self::words): the raw words it stands in, and whether the environment took part.
    pub raw: Vec<RawRange>,
    /// The raw word that is empty and hides what follows it, if there is one.
    pub hidden_from: Option<u16>,
}

/// Where a decoded word stands on its line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawRange {
    /// The first raw word, counted from the start of the line.
    pub first: u16,
    /// The last one.
    pub last: u16,
    /// Whether a reference to the environment took part.
    pub referenced: bool,
}

impl StickTable {
    /// Reads a `stick-table` line of the proxy called `proxy`.
    #[must_use]
    pub fn of_proxy(proxy: &[u8], statement: &Statement<'_, '_>, version: Version) -> Self {
        Self::read(proxy.to_vec(), None, 1, statement, version)
    }

    /// Reads a `table` line of the peers section called `section`.
    #[must_use]
    pub fn of_peers(section: &[u8], statement: &Statement<'_, '_>, version: Version) -> Self {
        let name = [section, b"/", statement.words.get(1)].concat();
        Self::read(name, Some(section.to_vec()), 2, statement, version)
    }

    fn read(
        name: Vec<u8>,
        section: Option<Vec<u8>>,
        first_param: usize,
        statement: &Statement<'_, '_>,
        version: Version,
    ) -> Self {
        let params: &[Decoded<'_>] = statement.words.words.get(first_param..).unwrap_or_default();
        let words: Vec<&[u8]> = params.iter().map(|w| &*w.bytes).collect();
        let place = if section.is_some() { stick::Place::Peers } else { stick::Place::Proxy };
        let parsed = stick::parse(&words, place, Some(version));
        Self {
            name,
            place: statement.place,
            known: statement.known,
            first_param,
            section,
            parsed,
            words: params.iter().map(|w| w.bytes.to_vec()).collect(),
            raw: params.iter().map(|w| RawRange { first: w.first, last: w.last, referenced: w.referenced }).collect(),
            hidden_from: statement.words.hidden_from,
        }
    }

    /// Its definition.
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.parsed.schema
    }

    /// The peers section over which the table travels.
    #[must_use]
    pub fn peers(&self) -> Option<&[u8]> {
        self.section.as_deref().or(self.schema().peers.as_deref())
    }

    /// The name on the wire: that of a peers section's table has no section, but a slash.
    #[must_use]
    pub fn wire_name(&self) -> Vec<u8> {
        match &self.section {
            Some(section) => self.name.get(section.len()..).unwrap_or_default().to_vec(),
            None => self.name.clone(),
        }
    }
}
