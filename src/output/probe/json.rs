//! `probe --format json`.

use std::io::{self, Write};

use serde::Serialize;

use crate::escape;
use crate::output::json::{self, VERSION};
use crate::output::probe::{Report, View};
use crate::runtime::{Advice, Severity};
use crate::stick::{Definition, Field};

#[derive(Serialize)]
struct DocumentJson {
    version: u32,
    peers: Vec<PeerJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sockets: Vec<SocketJson>,
}

/// What a HAProxy itself says.
#[derive(Serialize)]
struct SocketJson {
    socket: String,
    advice: Vec<AdviceJson>,
}

#[derive(Serialize)]
struct AdviceJson {
    section: String,
    peer: Option<String>,
    severity: &'static str,
    state: String,
    next: Option<String>,
}

/// A peer, as the contract has it.
#[derive(Serialize)]
struct PeerJson {
    name: Option<String>,
    address: String,
    result: &'static str,
    status: Option<u16>,
    protocol: Option<String>,
    rtt_ms: Option<f64>,
    resync: Option<&'static str>,
    tables: Vec<TableJson>,
    summary: String,
    advice: Vec<String>,
}

/// A table as it was announced.
#[derive(Serialize)]
struct TableJson {
    /// The name on the wire.
    name: String,
    #[serde(rename = "type")]
    key_type: String,
    len: Option<u32>,
    expire_ms: u32,
    store: Vec<ColumnJson>,
}

#[derive(Serialize)]
struct ColumnJson {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    period_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

/// Prints the document.
///
/// # Errors
/// If `out` takes nothing more.
pub fn print(reports: &[Report], views: &[View], out: &mut dyn Write) -> io::Result<()> {
    let peers = reports.iter().map(PeerJson::from).collect();
    let document = DocumentJson { version: VERSION, peers, sockets: views.iter().map(SocketJson::from).collect() };
    json::print(&document, out)
}

impl From<&Report> for PeerJson {
    fn from(report: &Report) -> Self {
        Self {
            name: report.name.as_deref().map(|name| escape::name(name).into_owned()),
            address: report.address.clone(),
            result: report.outcome.word(),
            status: report.status,
            protocol: report.protocol.clone(),
            // Microseconds are more than the network keeps.
            rtt_ms: report.rtt.map(|rtt| (rtt.as_secs_f64() * 1e6).round() / 1e3),
            resync: report.resync.map(super::Resync::word),
            tables: report.tables.iter().map(TableJson::from).collect(),
            summary: report.summary.clone(),
            advice: report.advice.clone(),
        }
    }
}

impl From<&View> for SocketJson {
    fn from(view: &View) -> Self {
        Self { socket: view.socket.clone(), advice: view.advice.iter().map(AdviceJson::from).collect() }
    }
}

impl From<&Advice> for AdviceJson {
    fn from(advice: &Advice) -> Self {
        Self {
            section: escape::name(&advice.section).into_owned(),
            peer: advice.peer.as_deref().map(|peer| escape::name(peer).into_owned()),
            severity: match advice.severity {
                Severity::Fine => "fine",
                Severity::Note => "note",
                Severity::Problem => "problem",
            },
            state: advice.state.clone(),
            next: advice.next.clone(),
        }
    }
}

impl From<&Definition> for TableJson {
    fn from(table: &Definition) -> Self {
        Self {
            name: escape::name(&table.name).into_owned(),
            key_type: table.key_type.to_string(),
            len: table.key_chars(),
            expire_ms: table.expire_ms,
            store: table.layout.fields().iter().map(ColumnJson::from).collect(),
        }
    }
}

impl From<&Field> for ColumnJson {
    fn from(field: &Field) -> Self {
        Self { name: field.data_type.to_string(), period_ms: field.period_ms, count: field.count }
    }
}
