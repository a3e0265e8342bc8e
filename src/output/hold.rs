//! `hold status`: what a running standby says of itself, for programs and for people.

use serde::{Deserialize, Serialize};

use super::entries::columns::grouped;

/// The document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Of this shape.
    pub version: u32,
    /// The standby's name among the peers.
    pub name: String,
    /// Peers, in the order in which they were named.
    pub peers: Vec<Peer>,
    /// Tables, in the order in which they came.
    pub tables: Vec<Table>,
    /// Bytes of memory that entries take.
    pub memory_bytes: usize,
    /// Entries for which there was no room, in memory or on disk.
    pub lost: u64,
    /// The state file.
    pub state_file: StateFile,
}

/// A peer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// `down`, `learning`, `partial` or `finished`.
    pub state: String,
    /// Why there is no session, where that is known.
    pub problem: Option<String>,
    /// Milliseconds since it was heard last.
    pub heard_ms: Option<u64>,
    /// Sessions that were established.
    pub sessions: u64,
    /// Entries received.
    pub updates: u64,
    /// Entries taught.
    pub taught: u64,
    /// Tables that it defines in another way than others, and is not heard about.
    pub rejected: Vec<String>,
}

/// A table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Entries held.
    pub entries: usize,
    /// As in the configuration.
    pub definition: String,
}

/// The state file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StateFile {
    /// Its name; `None` once it is closed.
    pub name: Option<String>,
    /// Bytes of it that are safe on disk.
    pub bytes: u64,
    /// Bytes that wait for it.
    pub waiting_bytes: usize,
    /// Why the disk takes nothing at the moment.
    pub problem: Option<String>,
}

impl Status {
    /// For people: peers, tables, then where all that is.
    #[must_use]
    pub fn human(&self) -> String {
        let peers = self.peers.iter().map(|peer| peer.name.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for peer in &self.peers {
            let (name, problem) = (&peer.name, peer.problem.as_deref().unwrap_or("not called yet"));
            let state = match &*peer.state {
                "finished" => "in sync",
                "partial" => "doesn't have everything itself",
                other => other,
            };
            if peer.state == "down" {
                text += &format!("{name:<peers$}  ✗ down: {problem}\n");
                continue;
            }
            let heard =
                peer.heard_ms.map_or_else(String::new, |ms| format!(", heard {}.{} s ago", ms / 1000, ms % 1000 / 100));
            let updates = grouped(peer.updates.into());
            text +=
                &format!("{name:<peers$}  {state}, {updates} updates{heard}, taught {}\n", grouped(peer.taught.into()));
            for table in &peer.rejected {
                text += &format!(
                    "{:<peers$}  ✗ table {table}: others define it in another way, so it is not heard about it\n",
                    ""
                );
            }
        }
        let width = self.tables.iter().map(|table| table.name.chars().count()).max().unwrap_or(0);
        for table in &self.tables {
            let (name, entries) = (&table.name, grouped(table.entries as i128));
            text += &format!("{name:<width$}  {entries:>11} entries  {}\n", table.definition);
        }
        if self.tables.is_empty() {
            text += "no peer has announced a table\n";
        }
        let file = &self.state_file;
        let name = file.name.as_deref().unwrap_or("the state file");
        text += &format!("{} in memory, {} safe in {name}", megabytes(self.memory_bytes as u64), megabytes(file.bytes));
        text += &match &file.problem {
            Some(why) => format!("\n✗ the disk takes nothing, so nothing is acknowledged: {why}\n"),
            None => "\n".to_owned(),
        };
        if self.lost > 0 {
            text += &format!("✗ there was no room for {} entries\n", grouped(self.lost.into()));
        }
        text
    }
}

fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_and_what_is_wrong() {
        let peer = |name: &str, state: &str| Peer {
            name: name.into(),
            state: state.into(),
            problem: (state == "down").then(|| "connection refused".into()),
            heard_ms: Some(1250),
            sessions: 2,
            updates: 412_009,
            taught: 3,
            rejected: if state == "finished" { vec!["/api".into()] } else { Vec::new() },
        };
        let table = |name: &str, entries| Table { name: name.into(), entries, definition: "type ip".into() };
        let mut status = Status {
            version: 1,
            name: "peerctl-hold".into(),
            peers: vec![peer("lb1", "finished"), peer("lb-2", "down"), peer("lb3", "partial")],
            tables: vec![table("/t", 100_000), table("/api", 7)],
            memory_bytes: 8_150_000,
            lost: 0,
            state_file: StateFile {
                name: Some("hold.ndjson".into()),
                bytes: 25_000_000,
                waiting_bytes: 0,
                problem: None,
            },
        };
        assert_eq!(
            status.human(),
            "lb1   in sync, 412,009 updates, heard 1.2 s ago, taught 3\n      \
             ✗ table /api: others define it in another way, so it is not heard about it\n\
             lb-2  ✗ down: connection refused\n\
             lb3   doesn't have everything itself, 412,009 updates, heard 1.2 s ago, taught 3\n\
             /t        100,000 entries  type ip\n\
             /api            7 entries  type ip\n\
             8.1 MB in memory, 25.0 MB safe in hold.ndjson\n"
        );
        (status.lost, status.state_file.problem) = (5, Some("no space left".into()));
        assert!(status.human().ends_with(
            "\n✗ the disk takes nothing, so nothing is acknowledged: no space left\n✗ there was no room for 5 entries\n"
        ));
    }
}
