//! What a running standby says of itself, and `peerctl hold status`, which asks it.

use super::keeper::Keeper;
use super::peer::word;
use crate::cli::args::HoldStatusArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::state::Health;
use crate::cli::status;
use crate::escape;
use crate::node::clock;
use crate::output::hold::{Peer, StateFile, Status, Table};

/// Shows what a running standby holds.
///
/// # Errors
/// If nobody answers on its socket, or it isn't one.
pub(super) fn run(args: &HoldStatusArgs) -> Result<Exit, Failure> {
    status::show::<Status>(&args.control, args.format, "a standby", Status::human)
}

/// How it goes.
pub(super) fn of(keeper: &Keeper) -> Status {
    let now = clock::now();
    let name = |bytes: &[u8]| escape::name(bytes).into_owned();
    let peers = keeper.current().map(|(at, peer)| Peer {
        name: peer.shown.clone(),
        state: word(peer.up, keeper.standby.course(at)).to_owned(),
        problem: peer.complaints.problem().filter(|_| !peer.up).map(str::to_owned),
        heard_ms: peer
            .heard
            .map(|heard| u64::try_from(now.saturating_duration_since(heard).as_millis()).unwrap_or(u64::MAX)),
        sessions: peer.counts.sessions,
        updates: peer.counts.updates,
        taught: peer.counts.taught,
        rejected: keeper.standby.rejected(at).map(|definition| name(&definition.name)).collect(),
    });
    let tables = keeper.standby.tables().iter().map(|held| Table {
        name: name(&held.definition().name),
        entries: held.store().len(),
        definition: held.definition().to_string(),
    });
    let state = keeper.state.as_ref();
    let health = state.map(crate::cli::state::StateFile::health);
    Status {
        version: 1,
        name: name(&keeper.us),
        peers: peers.collect(),
        tables: tables.collect(),
        memory_bytes: keeper.standby.memory(),
        lost: keeper.standby.lost() + keeper.unwritten,
        state_file: StateFile {
            name: state.map(|state| name(state.name().as_bytes())),
            bytes: state.map_or(0, crate::cli::state::StateFile::bytes),
            waiting_bytes: state.map_or(0, crate::cli::state::StateFile::waiting),
            problem: match health {
                Some(Health::Well) => None,
                Some(Health::Trouble(why)) => Some(why),
                Some(Health::Failed) | None => Some("it is closed".to_owned()),
            },
        },
    }
}
