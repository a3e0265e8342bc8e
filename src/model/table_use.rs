//! Who refers to which stick table: `track-scN`, `stick`, fetches, converters, bandwidth limits and `write-to`.

mod collect;
mod sample;

pub use collect::Collector;

use crate::{
    grammar::{DataType, keywords::TableUser},
    model::reading::{Known, Place},
};

/// One reference to a stick table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableUse {
    /// The full name of the table: as written, or that of the section that holds the rule. It need not exist.
    pub table: Vec<u8>,
    /// Whether the name is written down.
    pub named: bool,
    /// How the table is used.
    pub how: How,
    /// The name of the section that holds the rule.
    pub owner: Vec<u8>,
    /// The line.
    pub place: Place,
    /// The raw word that holds the name; the keyword's where it isn't written.
    pub word: usize,
    /// Whether HAProxy reads the line.
    pub known: Known,
    /// Whether the environment took part in that word.
    pub referenced: bool,
    /// The expression that makes the key, where the line says it: `src`, `req.cook(sid)`, `src,ipmask(24)`.
    pub key: Option<Vec<u8>>,
    /// The raw word that holds the key; [`Self::word`] where there is none.
    pub key_word: usize,
    /// Whether it decides about `deny`, `reject`, `tarpit` or `silent-drop`, itself or through an `acl`.
    pub limits: bool,
}

/// How a table is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// `track-scN` with this N.
    Track(u32),
    /// `stick on`, `match`, `store-request` or `store-response`.
    Stick,
    /// A fetch or converter.
    Sample(Sample),
    /// `filter bwlim-in` or `bwlim-out`.
    Bandwidth,
    /// `write-to` of another table.
    WriteTo,
}

/// A fetch or converter that looks into a table.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Which one.
    pub user: &'static TableUser,
    /// The tracked counter it starts from: 1 in `sc1_conn_cnt` and in `sc_conn_cnt(1)`.
    pub counter: Option<u32>,
}

impl PartialEq for Sample {
    fn eq(&self, other: &Self) -> bool {
        (self.user.name, self.counter) == (other.user.name, other.counter)
    }
}

impl Eq for Sample {}

impl Sample {
    /// The column it reads or writes; `None` if it is about the entry or the table as a whole.
    #[must_use]
    pub fn column(&self) -> Option<DataType> {
        let name = self.user.name;
        let rest = ["sc_", "src_", "table_"].iter().find_map(|prefix| name.strip_prefix(prefix));
        let rest = rest.or_else(|| name.strip_prefix("sc")?.split_once('_').map(|(_, rest)| rest))?;
        let rest = ["get_", "inc_", "clr_", "updt_"].iter().find_map(|verb| rest.strip_prefix(verb)).unwrap_or(rest);
        match rest {
            "kbytes_in" => DataType::by_name(b"bytes_in_cnt"),
            "kbytes_out" => DataType::by_name(b"bytes_out_cnt"),
            _ => DataType::by_name(rest.as_bytes()),
        }
    }

    /// Whether it changes the entry.
    #[must_use]
    pub fn writes(&self) -> bool {
        ["_inc_", "_clr_", "_updt_"].iter().any(|verb| self.user.name.contains(verb))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::keywords::table_users;

    fn sample(name: &str) -> Sample {
        let user = table_users().iter().find(|user| user.name == name).expect("a user of tables");
        Sample { user, counter: None }
    }

    #[test]
    fn names_tell_the_column() {
        let column = |name| sample(name).column().map(|column| column.to_string());
        assert_eq!(column("sc0_http_req_rate").as_deref(), Some("http_req_rate"));
        assert_eq!(column("sc_get_gpc").as_deref(), Some("gpc"));
        assert_eq!(column("src_kbytes_in").as_deref(), Some("bytes_in_cnt"));
        assert_eq!(column("table_gpc0_rate").as_deref(), Some("gpc0_rate"));
        assert_eq!(column("src_updt_conn_cnt").as_deref(), Some("conn_cnt"));
        for name in ["sc0_tracked", "in_table", "table_trackers", "table_avl", "table_idle"] {
            assert_eq!(column(name), None, "{name}");
        }
        let unknown: Vec<_> = table_users().iter().filter(|user| sample(user.name).column().is_none()).collect();
        assert!(unknown.iter().all(|user| !user.name.contains("rate") && !user.name.contains("gp")), "{unknown:?}");
    }

    #[test]
    fn names_tell_who_writes() {
        assert!(
            sample("sc_inc_gpc").writes() && sample("src_clr_gpc0").writes() && sample("src_updt_conn_cnt").writes()
        );
        assert!(!sample("sc0_get_gpc0").writes() && !sample("in_table").writes());
    }
}
