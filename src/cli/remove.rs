//! `peerctl remove`.

use super::{args::RemoveArgs, edit, exit::Exit, failure::Failure, view::View};
use crate::ops::remove_peers::{RemovePeers, What};

/// Runs the command.
///
/// # Errors
/// As [`edit::run`].
pub fn run(view: &View, args: &RemoveArgs) -> Result<Exit, Failure> {
    let what = match (&args.guest, args.peer.is_empty()) {
        (Some(_), false) => return Err(Failure::misuse("--peer and --guest at once", "run the command twice")),
        (Some(name), true) => What::Guests(name.clone()),
        (None, false) => What::Peers(args.peer.clone()),
        (None, true) => What::Section,
    };
    let remove = RemovePeers { section: args.section.clone(), what };
    edit::run(view, &args.instances, &args.read, &args.write, &|_, instance| remove.plan(instance))
}
