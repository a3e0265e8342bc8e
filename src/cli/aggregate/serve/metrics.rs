//! `--metrics`: what monitoring is told.

use super::runner::Runner;
use super::status;
use crate::aggregate::{Aggregator, Relation, Status};
use crate::cli::state::Health;
use crate::cli::watch::usual_sort;
use crate::escape;
use crate::node::Node;
use crate::node::metrics::Page;
use crate::output::metrics::{CONTENT_TYPE, Kind, Metrics};
use crate::output::screen::{heading, view_columns};
use crate::stick::key;
use crate::table::{Merge, merged};

/// What is answered.
pub(super) fn page(node: &Node<Runner>, path: &str) -> Option<Page> {
    let mut runner = node.handler();
    match path {
        "/metrics" => {
            let body = metrics(&mut runner, node);
            Some(Page { status: 200, content_type: CONTENT_TYPE, body })
        }
        "/healthz" => Some(Page::text(200, "ok\n")),
        "/readyz" => Some(ready(&mut runner)),
        _ => None,
    }
}

/// Ready as long as all sources are fresh and the disk takes what they teach.
fn ready(runner: &mut Runner) -> Page {
    let now_ms = runner.now_ms();
    let mut well = runner.state.as_ref().is_none_or(|state| state.health() == Health::Well);
    let mut lines = String::new();
    for aggregator in &mut runner.aggregators {
        let status = aggregator.status(now_ms);
        well &= status.lease.fresh == status.lease.sources;
        for peer in &status.peers {
            lines += &format!("{}: {}\n", escape::name(&peer.name), status::state(peer));
        }
    }
    Page::text(if well { 200 } else { 503 }, lines)
}

fn metrics(runner: &mut Runner, node: &Node<Runner>) -> String {
    let now_ms = runner.now_ms();
    let all: Vec<Status> = runner.aggregators.iter_mut().map(|aggregator| aggregator.status(now_ms)).collect();
    let mut metrics = Metrics::default();
    let peers = || all.iter().flat_map(|status| status.peers.iter().map(move |peer| (&status.name, peer)));
    let shown = |name: &[u8]| escape::name(name).into_owned();

    metrics.metric("peer_up", Kind::Gauge, "Whether there is a session with the peer.");
    for (section, peer) in peers() {
        metrics.sample(&[("aggregation", section), ("peer", &shown(&peer.name))], u8::from(peer.is_up));
    }
    for (name, kind, help, value) in OF_CONNECTION {
        metrics.metric(name, kind, help);
        for peer in &runner.peers {
            let section = runner.sections.get(peer.section).map_or("", String::as_str);
            metrics.sample(&[("aggregation", section), ("peer", &peer.shown)], value(peer));
        }
    }
    metrics.metric("resync_state", Kind::Gauge, "1 for the state that the peer is in.");
    for (section, peer) in peers() {
        let state = match status::state(peer) {
            "in_sync" => "finished",
            other => other,
        };
        for known in ["learning", "finished", "partial", "down"] {
            let labels = [("aggregation", section.as_str()), ("peer", &shown(&peer.name)), ("state", known)];
            metrics.sample(&labels, u8::from(known == state));
        }
    }
    metrics.metric("echoed_total", Kind::Counter, "Updates of totals that came from the peer, and were thrown away.");
    for (section, peer) in peers() {
        metrics.sample(&[("aggregation", section), ("peer", &shown(&peer.name))], peer.echoed);
    }
    metrics.metric(
        "publish_lag_seconds",
        Kind::Gauge,
        "How long the first of the totals waits that wait for the peer.",
    );
    for (section, peer) in peers().filter(|(_, peer)| matches!(peer.relation, Relation::Node | Relation::Up)) {
        let lag = std::time::Duration::from_millis(peer.lag_ms).as_secs_f64();
        metrics.sample(&[("aggregation", section), ("peer", &shown(&peer.name))], format!("{lag:.3}"));
    }
    metrics.metric("publish_queue", Kind::Gauge, "Totals that wait for the peer.");
    for (section, peer) in peers().filter(|(_, peer)| matches!(peer.relation, Relation::Node | Relation::Up)) {
        metrics.sample(&[("aggregation", section), ("peer", &shown(&peer.name))], peer.queued);
    }
    of_tables(&mut metrics, &all);
    metrics.metric("lease_valid", Kind::Gauge, "Whether nodes are told that the totals can be trusted.");
    for status in &all {
        metrics.sample(&[("aggregation", &status.name)], u8::from(status.lease.is_valid && !runner.dry_run));
    }
    metrics.metric("memory_bytes", Kind::Gauge, "Bytes of memory that entries, keys and queues take.");
    for status in &all {
        metrics.sample(&[("aggregation", &status.name)], status.memory);
    }
    if let Some(state) = &runner.state {
        let (bytes, waiting) = state.bytes();
        metrics.metric("state_bytes", Kind::Gauge, "Bytes of the state file that are safe on disk.");
        metrics.sample(&[], bytes);
        metrics.metric("state_waiting_bytes", Kind::Gauge, "Bytes that wait for the disk.");
        metrics.sample(&[], waiting);
        metrics.metric("state_failed", Kind::Gauge, "1 while the disk takes nothing, so that nothing is acknowledged.");
        metrics.sample(&[], u8::from(state.health() != Health::Well));
    }
    metrics.metric("insecure", Kind::Gauge, "1 where anybody who calls from another machine can use a peer's name.");
    metrics.sample(&[], u8::from(node.is_insecure()));
    metrics.metric("refused_callers_total", Kind::Counter, "Callers that were turned away.");
    for (reason, count) in node.refusals() {
        metrics.sample(&[("reason", reason)], count);
    }
    if runner.metrics_top > 0 {
        keys(&mut metrics, runner, runner.metrics_top);
    }
    metrics.finish()
}

type OfConnection = (&'static str, Kind, &'static str, fn(&super::peer::Peer) -> u64);

const OF_CONNECTION: [OfConnection; 6] = [
    (
        "handshake_status",
        Kind::Gauge,
        "The peer's last answer to our hello, 200 if it took it; 0 if there was none.",
        |peer| peer.status.into(),
    ),
    ("updates_total", Kind::Counter, "Entries received, resyncs counted in.", |peer| peer.counts.updates),
    ("sessions_total", Kind::Counter, "Sessions that were established.", |peer| peer.counts.sessions),
    ("takeovers_total", Kind::Counter, "Sessions that another client of our name seems to have taken over.", |peer| {
        peer.counts.takeovers
    }),
    ("published_total", Kind::Counter, "Totals sent to the peer.", |peer| peer.counts.published),
    ("taught_total", Kind::Counter, "Entries of its own that were taught back to the peer.", |peer| peer.counts.taught),
];

fn of_tables(metrics: &mut Metrics, all: &[Status]) {
    let tables = || all.iter().flat_map(|status| &status.tables);
    let shown = |name: &[u8]| escape::name(name).into_owned();
    metrics.metric("table_entries", Kind::Gauge, "Keys of a table that is added up.");
    for table in tables() {
        metrics.sample(&[("table", &shown(&table.source.name))], table.keys);
    }
    metrics.metric("source_entries", Kind::Gauge, "Entries that a source has of a table.");
    for table in tables() {
        for source in &table.sources {
            metrics.sample(&[("table", &shown(&table.source.name)), ("peer", &shown(&source.peer))], source.entries);
        }
    }
    metrics.metric("source_age_seconds", Kind::Gauge, "Seconds since a source's last update of a table.");
    for table in tables() {
        for source in &table.sources {
            let Some(newest) = source.newest_ms else { continue };
            let age = std::time::Duration::from_millis(newest).as_secs_f64();
            let labels = [("table", shown(&table.source.name)), ("peer", shown(&source.peer))];
            metrics.sample(&labels.each_ref().map(|(name, value)| (*name, value.as_str())), format!("{age:.3}"));
        }
    }
    metrics.metric(
        "source_rejected",
        Kind::Gauge,
        "1 where a source's table isn't added up, because it is another one.",
    );
    for table in tables() {
        for source in &table.sources {
            let labels = [("table", shown(&table.source.name)), ("peer", shown(&source.peer))];
            let labels = labels.each_ref().map(|(name, value)| (*name, value.as_str()));
            metrics.sample(&labels, u8::from(source.rejected.is_some()));
        }
    }
    metrics.metric(
        "source_alike",
        Kind::Gauge,
        "1 where a source seems to have what another one has, because nodes are peers of each other: totals count twice.",
    );
    for table in tables() {
        for source in &table.sources {
            let labels = [("table", shown(&table.source.name)), ("peer", shown(&source.peer))];
            let labels = labels.each_ref().map(|(name, value)| (*name, value.as_str()));
            metrics.sample(&labels, u8::from(source.alike.is_some()));
        }
    }
    metrics.metric("total_unwritable", Kind::Gauge, "1 where a peer has no table for a total, or another one.");
    for table in tables() {
        for problem in &table.problems {
            metrics.sample(&[("table", &shown(&table.total.name)), ("peer", &shown(&problem.peer))], 1);
        }
    }
}

/// The largest totals, with their keys.
fn keys(metrics: &mut Metrics, runner: &Runner, top: usize) {
    metrics.metric("top", Kind::Gauge, "The largest totals of a table by their keys.");
    let now_ms = runner.now_ms();
    for (definition, stores) in runner.aggregators.iter().flat_map(Aggregator::stores) {
        let sort = usual_sort(&view_columns(definition));
        for row in merged(&stores, now_ms, Merge::Sum, &sort, top, |_| true) {
            let Some(value) = row.number(&sort.column) else { continue };
            let key = key::text(definition.key_type, row.key());
            let table = escape::name(&definition.name);
            metrics.sample(&[("table", &table), ("type", &heading(&sort.column)), ("key", &key)], value);
        }
    }
}
