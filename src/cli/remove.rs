//! `peerctl remove`.

use super::{
    args::{Cli, RemoveArgs},
    edit,
    exit::Exit,
    failure::Failure,
};
use crate::ops::remove_peers::{RemovePeers, What};

/// Runs the command.
///
/// # Errors
/// As [`edit::run`].
pub fn run(cli: &Cli, args: &RemoveArgs) -> Result<Exit, Failure> {
    let what = match (&args.guest, args.peer.is_empty()) {
        (Some(_), false) => return Err(Failure::misuse("--peer and --guest at once", "run the command twice")),
        (Some(name), true) => What::Guests(name.clone()),
        (None, false) => What::Peers(args.peer.clone()),
        (None, true) => What::Section,
    };
    let remove = RemovePeers { section: args.section.clone(), what };
    edit::run(cli, &args.instances, &args.read, &args.write, &|_, instance| remove.plan(instance))
}
