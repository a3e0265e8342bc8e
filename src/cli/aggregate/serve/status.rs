//! What a running aggregator says of itself, and `peerctl aggregate status`, which asks it.

use std::time::Instant;

use super::runner::Runner;
use crate::aggregate::{PeerStatus, Relation, TableStatus};
use crate::cli::args::StatusArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::state::Health;
use crate::cli::status;
use crate::escape;
use crate::node::clock;
use crate::output::aggregate::{Aggregation, Peer, Source, StateFile, Status, Table, Unwritable};

/// Shows what a running aggregator does.
///
/// # Errors
/// If nobody answers on its socket, or it isn't one.
pub(in crate::cli) fn run(args: &StatusArgs) -> Result<Exit, Failure> {
    status::show::<Status>(&args.control, args.format, "an aggregator", Status::human)
}

/// How it goes.
pub(super) fn of(runner: &mut Runner) -> Status {
    let now = clock::now();
    let now_ms = runner.wall.ms(now);
    let mut aggregations = Vec::new();
    for (at, aggregator) in runner.aggregators.iter_mut().enumerate() {
        let status = aggregator.status(now_ms);
        let pulse = runner.pulses.get(at).copied().unwrap_or_default();
        let peers = status.peers.iter().map(|peer| {
            let ours = runner.peers.iter().find(|ours| ours.section == at && ours.name == peer.name);
            shown_peer(peer, ours.and_then(|ours| Some(ours.complaints.problem()?.to_owned())))
        });
        aggregations.push(Aggregation {
            name: escape::name(status.name.as_bytes()).into_owned(),
            publishing: status.is_open && !runner.dry_run,
            standby: status.is_standby,
            lease_valid: status.lease.is_valid && !runner.dry_run,
            fresh_sources: status.lease.fresh,
            sources: status.lease.sources,
            published_per_second: pulse.per_second,
            published_ago_ms: pulse.last.map(|last| ms(now, last)),
            memory_bytes: status.memory,
            peers: peers.collect(),
            tables: status.tables.iter().map(shown_table).collect(),
        });
    }
    Status {
        version: 1,
        name: escape::name(&runner.us).into_owned(),
        dry_run: runner.dry_run,
        aggregations,
        state_file: runner.state.as_ref().map(|state| {
            let (bytes, waiting_bytes) = state.bytes();
            StateFile { bytes, waiting_bytes, well: state.health() == Health::Well }
        }),
    }
}

fn shown_peer(peer: &PeerStatus, problem: Option<String>) -> Peer {
    let relation = match peer.relation {
        Relation::Node => "node",
        Relation::Standby => "standby",
        Relation::Up => "up",
        Relation::Down => "down",
    };
    Peer {
        name: escape::name(&peer.name).into_owned(),
        relation: relation.into(),
        state: state(peer).into(),
        since_ms: peer.since_ms,
        problem: problem.filter(|_| !peer.is_up),
        queued: peer.queued,
        lag_ms: peer.lag_ms,
        sent: peer.sent,
        echoed: peer.echoed,
    }
}

/// A word for how a peer is.
pub(super) fn state(peer: &PeerStatus) -> &'static str {
    let learns = matches!(peer.relation, Relation::Node | Relation::Down);
    match () {
        () if !peer.is_up => "down",
        () if peer.is_fresh || !learns => "in_sync",
        () if peer.is_learning => "learning",
        () => "partial",
    }
}

fn shown_table(table: &TableStatus) -> Table {
    let name = |bytes: &[u8]| escape::name(bytes).into_owned();
    let sources = table.sources.iter().map(|source| Source {
        peer: name(&source.peer),
        entries: source.entries,
        updates: source.updates,
        newest_ms: source.newest_ms,
        rejected: source.rejected.as_ref().map(ToString::to_string),
        alike: source.alike.as_deref().map(name),
    });
    let unwritable = table.problems.iter().map(|problem| Unwritable {
        peer: name(&problem.peer),
        reason: problem.differs.as_ref().map_or_else(
            || format!("it has no such table; add it to its peers section as `{}`", table.total),
            ToString::to_string,
        ),
    });
    Table {
        source: name(&table.source.name),
        total: name(&table.total.name),
        definition: table.source.to_string(),
        keys: table.keys,
        sources: sources.collect(),
        unwritable: unwritable.collect(),
    }
}

/// One line about everything.
pub(super) fn summary(runner: &Runner, began: Instant) -> String {
    let seconds = clock::now().saturating_duration_since(began).as_secs_f64();
    let peer = |peer: &super::peer::Peer| {
        let counts = peer.counts;
        let taught = if counts.taught > 0 { format!(", {} taught back", counts.taught) } else { String::new() };
        format!("{}: {} updates, {} totals{taught}", peer.shown, counts.updates, counts.published)
    };
    let peers: Vec<String> = runner.peers.iter().map(peer).collect();
    let unwritten = runner.state.as_ref().map_or(0, |state| state.unwritten);
    let lost = if unwritten > 0 { format!("; {unwritten} entries could not be written") } else { String::new() };
    format!("{} in {seconds:.1} s{lost}", peers.join(", "))
}

fn ms(now: Instant, then: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(then).as_millis()).unwrap_or(u64::MAX)
}
