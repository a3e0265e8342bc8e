//! How following ends: what is left is written, and it is said how it went.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use super::follower::Follower;
use super::outlet::Counts;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::files;
use crate::cli::queue::LAST_WORDS;
use crate::cli::stderr::tell;
use crate::node::clock;

/// Between two looks at whoever reads slowly.
const PAUSE: Duration = Duration::from_millis(5);

/// Why following ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// Time was up, there were as many entries as were wanted, or the user had enough.
    Enough,
    /// Nobody reads any more, or nothing more can be written.
    Gone,
    /// Nobody is left to follow.
    Alone,
    /// It can't go on.
    Failed,
    /// A signal came: its number.
    Interrupted(i32),
}

/// Writes what is left and says how it went.
pub(super) fn end(mut follower: Follower, ending: Ending, began: Instant) -> Result<Exit, Failure> {
    let limit = matches!(ending, Ending::Interrupted(_)).then(|| clock::now() + LAST_WORDS);
    write_rest(&mut follower, ending, limit);
    let complete = follower.has_all() && follower.dropped == 0;
    let mut counts = None;
    let mut result: Result<(), Failure> = Ok(());
    for outlet in std::mem::take(&mut follower.outlets) {
        let (channel, all) = outlet.end(complete);
        counts = Some(counts.map_or(all, |counts: Counts| counts.and(all)));
        let patience = limit.map(|limit| limit.saturating_duration_since(clock::now()));
        let finished = channel.finish(patience);
        // The first failure counts, but one that says something more than a closed pipe.
        result = match (result, finished) {
            (Err(first), Err(other)) if first.exit == Exit::Done => Err(other),
            (first, other) => first.and(other),
        };
    }
    let messages = std::mem::take(&mut follower.messages);
    tell(messages.into_iter().map(|message| message.text).collect::<Vec<_>>());
    if let Some(failure) = follower.failed.take() {
        return Err(failure);
    }
    let closed = matches!(&result, Err(failure) if failure.exit == Exit::Done);
    let lost = counts.map_or(0, |counts| counts.lost);
    let interesting = matches!(ending, Ending::Interrupted(_)) || lost > 0 || std::io::stderr().is_terminal();
    if interesting && !closed {
        tell(&[summary(&follower, counts, began)]);
    }
    if let Ending::Interrupted(signal) = ending {
        return match result {
            Err(failure) if failure.exit != Exit::Done => Err(failure),
            _ => Ok(Exit::of_signal(signal)),
        };
    }
    result?;
    Ok(match () {
        () if follower.peers.iter().any(|peer| peer.sessions == 0) => Exit::Io,
        // Who printed has said everything in time; a screen has not.
        () if counts.is_none() && follower.forgotten() > 0 => Exit::Incomplete,
        () if lost > 0 || follower.dropped > 0 || !follower.has_all() => Exit::Incomplete,
        () => Exit::Done,
    })
}

/// Waits until everything is on its way, as long as there is time.
fn write_rest(follower: &mut Follower, ending: Ending, limit: Option<Instant>) {
    loop {
        follower.tick(clock::now());
        let behind = follower.outlets.iter_mut().any(|outlet| outlet.is_behind() && !outlet.is_gone());
        let late = match limit {
            Some(limit) => clock::now() >= limit,
            None => files::interrupted().is_some(),
        };
        if !behind || late || ending == Ending::Gone {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// One line about everything.
fn summary(follower: &Follower, counts: Option<Counts>, began: Instant) -> String {
    let seconds = clock::now().saturating_duration_since(began).as_secs_f64();
    let peer = |peer: &super::peer::Peer| {
        let sessions = if peer.sessions == 1 { "session" } else { "sessions" };
        format!("{}: {} updates in {} {sessions}", peer.shown, peer.updates, peer.sessions)
    };
    let peers: Vec<String> = follower.peers.iter().map(peer).collect();
    let written = counts.map_or_else(String::new, |counts| format!("{} entries written; ", counts.entries));
    let mut text = format!("{written}{} in {seconds:.1} s", peers.join(", "));
    let counts = counts.unwrap_or_default();
    if counts.merged > 0 {
        let merged = counts.merged;
        text.push_str(&format!("; {merged} more were replaced by later states before they could be written"));
    }
    let lost = counts.lost + follower.dropped;
    if lost > 0 {
        text.push_str(&format!("; {lost} were lost"));
    }
    let forgotten = follower.forgotten();
    if forgotten > 0 {
        text.push_str(&format!(
            "; {forgotten} were forgotten, the oldest ones, to keep tables within 512 MiB of memory"
        ));
    }
    text
}

impl Counts {
    /// Both together.
    fn and(self, other: Self) -> Self {
        Self {
            entries: self.entries.max(other.entries),
            merged: self.merged + other.merged,
            lost: self.lost + other.lost,
        }
    }
}
