//! `aggregate status`: what a running aggregator says of itself, for programs and for people.

use serde::{Deserialize, Serialize};

use super::entries::columns::grouped;

/// The document.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Of this shape.
    pub version: u32,
    /// The aggregator's name among the peers.
    pub name: String,
    /// Nothing is published, because it was asked not to.
    pub dry_run: bool,
    /// The sections of its file, in order.
    pub aggregations: Vec<Aggregation>,
    /// The state file; `None` if there is none.
    pub state_file: Option<StateFile>,
}

/// A section.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Aggregation {
    /// Its name.
    pub name: String,
    /// Whether totals are published.
    pub publishing: bool,
    /// Whether the other aggregator of the same nodes publishes, and this one waits.
    pub standby: bool,
    /// Whether nodes are told that totals can be trusted.
    pub lease_valid: bool,
    /// Sources that are connected and have taught everything, and all sources.
    pub fresh_sources: usize,
    /// All sources.
    pub sources: usize,
    /// Totals published in the last second.
    pub published_per_second: u64,
    /// Milliseconds since the last one; `None` = never.
    pub published_ago_ms: Option<u64>,
    /// Bytes held.
    pub memory_bytes: usize,
    /// Tables, in the order of their announcement.
    pub tables: Vec<Table>,
    /// Peers, in the order of the file.
    pub peers: Vec<Peer>,
}

/// A table and its total.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Table {
    /// What is added up.
    pub source: String,
    /// Where the total goes.
    pub total: String,
    /// As in the configuration.
    pub definition: String,
    /// Keys.
    pub keys: usize,
    /// By peer.
    pub sources: Vec<Source>,
    /// Peers where the total can't be written, and why.
    pub unwritable: Vec<Unwritable>,
}

/// A source of a table.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Source {
    /// Its name.
    pub peer: String,
    /// Entries it has.
    pub entries: usize,
    /// Updates taken.
    pub updates: u64,
    /// Milliseconds since the last one.
    pub newest_ms: Option<u64>,
    /// Why it isn't part of the total.
    pub rejected: Option<String>,
    /// Another source that seems to have the same table: both replicate it to each other, and the total counts twice.
    #[serde(default)]
    pub alike: Option<String>,
}

/// A peer where a total can't be written.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Unwritable {
    /// Its name.
    pub peer: String,
    /// Why.
    pub reason: String,
}

/// A peer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// `node`, `standby`, `up` or `down`.
    pub relation: String,
    /// `down`, `learning`, `partial` or `in_sync`; without `learning` and `partial` where nothing is learned.
    pub state: String,
    /// Milliseconds since it came or went.
    pub since_ms: Option<u64>,
    /// Why there is no session, where that is known.
    pub problem: Option<String>,
    /// Totals that wait for it, and how long the first one does.
    pub queued: usize,
    /// Milliseconds.
    pub lag_ms: u64,
    /// Totals sent.
    pub sent: u64,
    /// Updates of totals that came from it, and were thrown away.
    pub echoed: u64,
}

/// The state file.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StateFile {
    /// Bytes that are safe on disk.
    pub bytes: u64,
    /// Bytes that wait for it.
    pub waiting_bytes: usize,
    /// Whether the disk takes what comes.
    pub well: bool,
}

impl Status {
    /// For people: each table with its sources, then what is wrong.
    #[must_use]
    pub fn human(&self) -> String {
        let sections = self.aggregations.iter().map(|section| section.human(self.aggregations.len() > 1));
        let mut text = sections.collect::<Vec<_>>().join("\n");
        if self.dry_run {
            text += "dry run: nothing is published\n";
        }
        if let Some(StateFile { well: false, .. }) = self.state_file {
            text += "state file: the disk takes nothing\n";
        }
        text
    }
}

impl Aggregation {
    fn human(&self, named: bool) -> String {
        let mut text = if named { format!("aggregations {}\n", self.name) } else { String::new() };
        if self.tables.is_empty() {
            text += "no source has announced a table that is added up\n";
        }
        let ago = self.published_ago_ms.map_or_else(
            || "nothing published yet".to_owned(),
            |ago| {
                let lag = self.peers.iter().map(|peer| peer.lag_ms).max().unwrap_or(0);
                format!("published {} ago, {}/s, lag {lag} ms", seconds(ago), grouped(self.published_per_second.into()))
            },
        );
        let width = self.peers.iter().map(|peer| peer.name.chars().count()).max().unwrap_or(0);
        for table in &self.tables {
            let sources = table.sources.iter().filter(|source| source.rejected.is_none()).count();
            let what = format!("{} → {}", table.source, table.total);
            let count = plural(sources, "source");
            text += &format!("{what:<25} {count}, {}        {ago}\n", plural(table.keys, "key"));
            for source in &table.sources {
                let state =
                    self.peers.iter().find(|peer| peer.name == source.peer).map_or("", |peer| shown(&peer.state));
                let name = &source.peer;
                if let Some(why) = &source.rejected {
                    text += &format!("  {name:<width$}  ✗ rejected: {why}. Its part is not in the totals.\n");
                    continue;
                }
                if let Some(other) = &source.alike {
                    text += &format!(
                        "  {name:<width$}  ✗ has the entries of {other}, to the moment of their last use: nodes that are peers of \
                         each other count twice\n"
                    );
                }
                let newest = source.newest_ms.map_or_else(String::new, |ms| format!("   newest {}", seconds(ms)));
                text +=
                    &format!("  {name:<width$}  {state:<8} {:>11} updates{newest}\n", grouped(source.updates.into()));
            }
            for Unwritable { peer, reason } in &table.unwritable {
                text += &format!("  {peer:<width$}  ✗ {}: {reason}\n", table.total);
            }
        }
        for peer in &self.peers {
            let known = self.tables.iter().flat_map(|table| &table.sources).any(|source| source.peer == peer.name);
            let down = peer.state == "down";
            if known && !down {
                continue;
            }
            let problem = peer.problem.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            let kind = if peer.relation == "node" { String::new() } else { format!(" ({})", peer.relation) };
            let mark = if down { "✗ " } else { "" };
            text += &format!("  {:<width$}{kind}  {mark}{}{problem}\n", peer.name, shown(&peer.state));
        }
        let echoed: u64 = self.peers.iter().map(|peer| peer.echoed).sum();
        let lease = match (self.standby, self.publishing, self.lease_valid) {
            (true, ..) => "the other aggregator publishes; this one waits".to_owned(),
            (_, false, _) => "nothing is published yet: not all sources have taught everything".to_owned(),
            (_, _, true) => format!("lease: valid, {} fresh", plural(self.fresh_sources, "source")),
            (..) => format!(
                "lease: withdrawn, {} of {} fresh; nodes fall back to their local limits",
                self.fresh_sources,
                plural(self.sources, "source")
            ),
        };
        text + &format!("{lease:<56}  echoes thrown away: {}\n", grouped(echoed.into()))
    }
}

fn shown(state: &str) -> &str {
    match state {
        "in_sync" => "in sync",
        other => other,
    }
}

fn plural(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {what}{s}", grouped(i128::try_from(count).unwrap_or(i128::MAX)))
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_where_it_is() {
        let source = |peer: &str, rejected: Option<&str>| Source {
            peer: peer.into(),
            entries: 7,
            updates: 412_009,
            newest_ms: Some(30),
            rejected: rejected.map(str::to_owned),
            alike: (peer == "lb1").then(|| "lb3".into()),
        };
        let peer = |name: &str, state: &str, echoed| Peer {
            name: name.into(),
            relation: "node".into(),
            state: state.into(),
            since_ms: Some(5),
            problem: (state == "down").then(|| "connection refused".into()),
            queued: 0,
            lag_ms: 3,
            sent: 9,
            echoed,
        };
        let status = Status {
            version: 1,
            name: "agg1".into(),
            dry_run: false,
            state_file: None,
            aggregations: vec![Aggregation {
                name: "web".into(),
                publishing: true,
                standby: false,
                lease_valid: false,
                fresh_sources: 1,
                sources: 3,
                published_per_second: 1204,
                published_ago_ms: Some(140),
                memory_bytes: 1,
                tables: vec![Table {
                    source: "st_src".into(),
                    total: "st_src.agg".into(),
                    definition: "type ip".into(),
                    keys: 88_310,
                    sources: vec![source("lb1", None), source("lb2", Some("it stores http_req_rate(30s)"))],
                    unwritable: vec![Unwritable { peer: "lb1".into(), reason: "it has no such table".into() }],
                }],
                peers: vec![peer("lb1", "in_sync", 1031), peer("lb2", "learning", 0), peer("lb3", "down", 0)],
            }],
        };
        assert_eq!(
            status.human(),
            "st_src → st_src.agg       1 source, 88,310 keys        published 0.1 s ago, 1,204/s, lag 3 ms\n  \
             lb1  ✗ has the entries of lb3, to the moment of their last use: nodes that are peers of each other count twice\n  \
             lb1  in sync      412,009 updates   newest 0.0 s\n  \
             lb2  ✗ rejected: it stores http_req_rate(30s). Its part is not in the totals.\n  \
             lb1  ✗ st_src.agg: it has no such table\n  \
             lb3  ✗ down: connection refused\n\
             lease: withdrawn, 1 of 3 sources fresh; nodes fall back to their local limits  echoes thrown away: 1,031\n"
        );
    }
}
