//! `--record` and the key `r`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::channel::Channel;
use super::follower::Follower;
use super::lines::Lines;
use super::outlet::Outlet;
use crate::cli::failure::Failure;
use crate::cli::files::Recording;
use crate::cli::recorder::{Patience, Recorder};
use crate::record::{Checksum, Time};

/// Begins to record everything: what is known already, and what comes. Returns what is to be said about the file.
pub(super) fn begin(follower: &mut Follower, path: &Path, now: Instant) -> Result<Option<String>, Failure> {
    let (recording, found) = Recording::open(path)?;
    let name = recording.shown();
    let cut = (found.cut > 0).then(|| format!("{name}: {} bytes of a torn end were cut off", found.cut));
    let channel = Channel::Recording(Recorder::start(recording, name, Patience::default()));
    let time = follower.wall.at(now);
    let mut outlet = Outlet::new(Lines::records(Checksum::Crc32c), channel, time)?;
    for (number, held) in follower.tables.iter().enumerate() {
        let name = follower.peers.get(held.peer).map(|peer| &*peer.name).unwrap_or_default();
        outlet.table(number, name, held.store.definition(), time);
        for entry in held.store.iter(follower.wall.ms(now)) {
            outlet.keep(number, entry.key());
        }
    }
    follower.outlets.push(outlet);
    Ok(cut)
}

/// Where the key `r` records to: a file of the current folder that isn't there yet.
pub(super) fn path(time: Time) -> PathBuf {
    let digits: String = time.to_string().chars().take(19).filter(|c| *c != '-' && *c != ':').collect();
    PathBuf::from(format!("peerctl-{digits}Z.ndjson"))
}
