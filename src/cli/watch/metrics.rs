//! `--metrics`: what monitoring is told.

use super::follower::Follower;
use super::peer::{Peer, Phase};
use super::view::{tables, usual_sort};
use crate::escape;
use crate::node::metrics::{Page, Server};
use crate::node::{Node, clock};
use crate::output::metrics::{CONTENT_TYPE, Kind, Metrics};
use crate::output::screen::{heading, view_columns};
use crate::stick::key;
use crate::table::{Merge, Sort, merged};
use std::rc::Rc;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::target::metrics_address;

/// What is told beside the peers.
#[derive(Clone, Debug, Default)]
pub(super) struct Top {
    /// So many keys of each table.
    pub(super) keys: usize,
    /// By what, if it was said.
    pub(super) sort: Option<String>,
    pub(super) sum: bool,
}

/// Begins to answer at that address; a port alone is one of the loopback.
pub(super) async fn serve(text: &str, node: &Rc<Node<Follower>>, top: Top) -> Result<Server, Failure> {
    let address = metrics_address(text).map_err(|error| {
        Failure::misuse(format!("--metrics: {error}"), "write --metrics 127.0.0.1:9199, or :9199 for the same")
    })?;
    let node = Rc::downgrade(node);
    let answer = move |path: &str| {
        let node = node.upgrade()?;
        let follower = node.handler();
        match path {
            "/metrics" => {
                let body = metrics(&follower, &top, &node);
                Some(Page { status: 200, content_type: CONTENT_TYPE, body })
            }
            "/healthz" => Some(Page::text(200, "ok\n")),
            "/readyz" => Some(ready(&follower)),
            _ => None,
        }
    };
    let failed = |error: crate::node::ListenError| Failure::new(Exit::Io, format!("--metrics: {error}"), "");
    Server::start(&address, answer).await.map_err(failed)
}

/// Ready as long as there is a session with each peer that has finished a resync.
fn ready(follower: &Follower) -> Page {
    let all = follower.peers.iter().all(|peer| peer.phase == Phase::InSync);
    let line = |peer: &Peer| format!("{}: {}\n", peer.shown, state(&peer.phase));
    Page::text(if all { 200 } else { 503 }, follower.peers.iter().map(line).collect::<String>())
}

fn state(phase: &Phase) -> &'static str {
    match phase {
        Phase::Calling => "connecting",
        Phase::Learning => "learning",
        Phase::InSync => "finished",
        Phase::Partial => "partial",
        Phase::Down { .. } => "down",
    }
}

fn metrics(follower: &Follower, top: &Top, node: &Node<Follower>) -> String {
    let mut metrics = Metrics::default();
    peers(&mut metrics, follower);
    metrics.metric("table_entries", Kind::Gauge, "Entries of a table as the peer taught them.");
    for held in follower.tables.iter().filter(|held| held.announced) {
        let peer = follower.peers.get(held.peer).map_or("", |peer| peer.shown.as_str());
        metrics.sample(&[("peer", peer), ("table", &escape::name(held.name()))], held.store.len());
    }
    metrics.metric("source_rejected", Kind::Gauge, "1 where a peer defines a table in another way than the first one.");
    for group in tables(follower) {
        for peer in group.misfits.iter().filter_map(|peer| follower.peers.get(*peer)) {
            metrics.sample(&[("table", &escape::name(group.name)), ("peer", &peer.shown)], 1);
        }
    }
    let lost = follower.outlets.iter().map(|outlet| outlet.counts().lost).sum::<u64>() + follower.dropped;
    let merged = follower.outlets.iter().map(|outlet| outlet.counts().merged).sum::<u64>();
    metrics.metric("entries_lost_total", Kind::Counter, "Entries for which there was no room.");
    metrics.sample(&[], lost);
    metrics.metric("entries_merged_total", Kind::Counter, "Entries that a later state of the same key replaced.");
    metrics.sample(&[], merged);
    metrics.metric("insecure", Kind::Gauge, "1 where anybody who calls from another machine can use a peer's name.");
    metrics.sample(&[], u8::from(node.is_insecure()));
    metrics.metric("refused_callers_total", Kind::Counter, "Callers that were turned away.");
    for (reason, count) in node.refusals() {
        metrics.sample(&[("reason", reason)], count);
    }
    if top.keys > 0 {
        keys(&mut metrics, follower, top);
    }
    metrics.finish()
}

/// A metric, what it is, and its value for one peer; `None` where it has none.
type OfPeer = (&'static str, Kind, &'static str, fn(&Peer) -> Option<String>);

fn peers(metrics: &mut Metrics, follower: &Follower) {
    const ALL: [OfPeer; 6] = [
        ("peer_up", Kind::Gauge, "Whether there is a session with the peer.", |peer| {
            Some(u8::from(peer.has_session()).to_string())
        }),
        ("handshake_status", Kind::Gauge, "The peer's last answer to our hello, 200 if it took it.", |peer| {
            (peer.status > 0).then(|| peer.status.to_string())
        }),
        ("updates_total", Kind::Counter, "Entries received, resyncs counted in.", |peer| {
            Some(peer.updates.to_string())
        }),
        ("sessions_total", Kind::Counter, "Sessions that were established.", |peer| Some(peer.sessions.to_string())),
        ("takeovers_total", Kind::Counter, "Sessions that another client of our name took over.", |peer| {
            Some(peer.takeovers.to_string())
        }),
        ("source_age_seconds", Kind::Gauge, "Seconds since the peer was heard, heartbeats counted in.", |peer| {
            let age = clock::now().saturating_duration_since(peer.heard?);
            Some(format!("{:.3}", age.as_secs_f64()))
        }),
    ];
    for (name, kind, help, value) in ALL {
        metrics.metric(name, kind, help);
        for peer in &follower.peers {
            if let Some(value) = value(peer) {
                metrics.sample(&[("peer", &peer.shown)], value);
            }
        }
    }
    metrics.metric("resync_state", Kind::Gauge, "1 for the state that the peer is in.");
    for peer in &follower.peers {
        for known in ["connecting", "learning", "finished", "partial", "down"] {
            let value = u8::from(known == state(&peer.phase));
            metrics.sample(&[("peer", &peer.shown), ("state", known)], value);
        }
    }
}

/// The largest values, with their keys.
fn keys(metrics: &mut Metrics, follower: &Follower, top: &Top) {
    metrics.metric("top", Kind::Gauge, "The largest values of a table by their keys.");
    let now_ms = follower.wall.ms(clock::now());
    let merge = if top.sum { Merge::Sum } else { Merge::Newest };
    for group in tables(follower) {
        let definition = group.definition();
        let sort = top.sort.as_deref().and_then(|sort| Sort::parse(sort, definition).ok());
        let sort = sort.unwrap_or_else(|| usual_sort(&view_columns(definition)));
        for row in merged(&group.stores(), now_ms, merge, &sort, top.keys, |_| true) {
            let Some(value) = row.number(&sort.column) else { continue };
            let key = key::text(definition.key_type, row.key());
            let labels = [("table", &*escape::name(group.name)), ("type", &*heading(&sort.column)), ("key", &*key)];
            metrics.sample(&labels, value);
        }
    }
}
