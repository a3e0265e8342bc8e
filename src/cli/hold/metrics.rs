//! `--metrics`: what monitoring is told.

use std::rc::Rc;

use super::keeper::Keeper;
use super::peer::{Peer, word};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::state::{Health, StateFile};
use crate::cli::target::metrics_address;
use crate::escape;
use crate::hold::Course;
use crate::node::metrics::{Page, Server};
use crate::node::{ListenError, Node, clock};
use crate::output::metrics::{CONTENT_TYPE, Kind, Metrics};

/// Begins to answer at that address; a port alone is one of the loopback.
pub(super) async fn serve(text: &str, node: &Rc<Node<Keeper>>) -> Result<Server, Failure> {
    let address = metrics_address(text).map_err(|error| {
        Failure::misuse(format!("--metrics: {error}"), "write --metrics 127.0.0.1:9199, or :9199 for the same")
    })?;
    let node = Rc::downgrade(node);
    let answer = move |path: &str| {
        let node = node.upgrade()?;
        let keeper = node.handler();
        match path {
            "/metrics" => Some(Page { status: 200, content_type: CONTENT_TYPE, body: metrics(&keeper, &node) }),
            "/healthz" => Some(Page::text(200, "ok\n")),
            "/readyz" => Some(ready(&keeper)),
            _ => None,
        }
    };
    let failed = |error: ListenError| Failure::new(Exit::Io, format!("--metrics: {error}"), "");
    Server::start(&address, answer).await.map_err(failed)
}

/// Ready as long as all peers are in sync and the disk takes what they teach.
fn ready(keeper: &Keeper) -> Page {
    let health = keeper.state.as_ref().map(StateFile::health);
    let disk = match &health {
        Some(Health::Well) => "state file: well\n".to_owned(),
        Some(Health::Trouble(why)) => format!("state file: it takes nothing: {why}\n"),
        Some(Health::Failed) | None => "state file: closed\n".to_owned(),
    };
    let state = |at: usize, peer: &Peer| word(peer.up, keeper.standby.course(at));
    let all = keeper.current().all(|(at, _)| keeper.standby.course(at) == Course::InSync);
    let lines: String = keeper.current().map(|(at, peer)| format!("{}: {}\n", peer.shown, state(at, peer))).collect();
    Page::text(if all && health == Some(Health::Well) { 200 } else { 503 }, disk + &lines)
}

/// A metric, what it is, and its value for one peer; `None` where it has none.
type OfPeer = (&'static str, Kind, &'static str, fn(&Peer) -> Option<String>);

const OF_PEER: [OfPeer; 7] = [
    ("peer_up", Kind::Gauge, "Whether there is a session with the peer.", |peer| Some(u8::from(peer.up).to_string())),
    ("handshake_status", Kind::Gauge, "The peer's last answer to our hello, 200 if it took it.", |peer| {
        (peer.status > 0).then(|| peer.status.to_string())
    }),
    ("updates_total", Kind::Counter, "Entries received, resyncs counted in.", |peer| {
        Some(peer.counts.updates.to_string())
    }),
    ("sessions_total", Kind::Counter, "Sessions that were established.", |peer| Some(peer.counts.sessions.to_string())),
    ("takeovers_total", Kind::Counter, "Sessions that another client of our name seems to have taken over.", |peer| {
        Some(peer.counts.takeovers.to_string())
    }),
    ("taught_total", Kind::Counter, "Entries taught to a peer that asked for everything.", |peer| {
        Some(peer.counts.taught.to_string())
    }),
    ("source_age_seconds", Kind::Gauge, "Seconds since the peer was heard, heartbeats counted in.", |peer| {
        let age = clock::now().saturating_duration_since(peer.heard?);
        Some(format!("{:.3}", age.as_secs_f64()))
    }),
];

fn metrics(keeper: &Keeper, node: &Node<Keeper>) -> String {
    let mut metrics = Metrics::default();
    for (name, kind, help, value) in OF_PEER {
        metrics.metric(name, kind, help);
        for (_, peer) in keeper.current() {
            if let Some(value) = value(peer) {
                metrics.sample(&[("peer", &peer.shown)], value);
            }
        }
    }
    metrics.metric("resync_answers_total", Kind::Counter, "Resync requests of the peer that were answered, and how.");
    for (_, peer) in keeper.current() {
        for (answer, count) in [("finished", peer.counts.finished), ("partial", peer.counts.partial)] {
            metrics.sample(&[("peer", &peer.shown), ("answer", answer)], count);
        }
    }
    metrics.metric("resync_state", Kind::Gauge, "1 for the state that the peer is in.");
    for (at, peer) in keeper.current() {
        let state = word(peer.up, keeper.standby.course(at));
        for known in ["learning", "finished", "partial", "down"] {
            metrics.sample(&[("peer", &peer.shown), ("state", known)], u8::from(known == state));
        }
    }
    metrics.metric("source_rejected", Kind::Gauge, "1 where a peer defines a table in another way than the others.");
    for (at, peer) in keeper.current() {
        for definition in keeper.standby.rejected(at) {
            metrics.sample(&[("table", &escape::name(&definition.name)), ("peer", &peer.shown)], 1);
        }
    }
    metrics.metric("table_entries", Kind::Gauge, "Entries held of a table.");
    for held in keeper.standby.tables() {
        metrics.sample(&[("table", &escape::name(&held.definition().name))], held.store().len());
    }
    metrics.metric("memory_bytes", Kind::Gauge, "Bytes of memory that entries take.");
    metrics.sample(&[], keeper.standby.memory());
    metrics.metric("entries_lost_total", Kind::Counter, "Entries for which there was no room, in memory or on disk.");
    metrics.sample(&[], keeper.standby.lost() + keeper.unwritten);
    if let Some(state) = &keeper.state {
        metrics.metric("state_bytes", Kind::Gauge, "Bytes of the state file that are safe on disk.");
        metrics.sample(&[], state.bytes());
        metrics.metric("state_waiting_bytes", Kind::Gauge, "Bytes that wait for the disk.");
        metrics.sample(&[], state.waiting());
        metrics.metric("state_failed", Kind::Gauge, "1 while the disk takes nothing, so that nothing is acknowledged.");
        metrics.sample(&[], u8::from(state.health() != Health::Well));
    }
    metrics.metric("insecure", Kind::Gauge, "1 where anybody who calls from another machine can use a peer's name.");
    metrics.sample(&[], u8::from(node.is_insecure()));
    metrics.metric("refused_callers_total", Kind::Counter, "Callers that were turned away.");
    for (reason, count) in node.refusals() {
        metrics.sample(&[("reason", reason)], count);
    }
    metrics.finish()
}
