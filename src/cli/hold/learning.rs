//! What peers teach, and what they are taught.

use std::time::Instant;

use super::keeper::Keeper;
use super::peer::CONFIRM;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::ledger::Ledger;
use crate::escape;
use crate::hold::{Announcement, Progress, Taken};
use crate::node::{LinkError, Next, OUTPUT_LOW};
use crate::proto::Session;
use crate::proto::session::{Closed, RemoteTable, Update};
use crate::stick::Definition;

/// The most entries taught in one turn, so that others have theirs.
const TURN: usize = 2048;

impl Keeper {
    pub(super) fn table(&mut self, peer: usize, now: Instant, table: &RemoteTable) {
        let now_ms = self.wall.ms(now);
        let announcement = self.standby.announce(peer, now_ms, table);
        let name = &table.definition.name;
        let (shown, name) = (self.shown(peer).to_owned(), escape::name(name).into_owned());
        match announcement {
            Announcement::Known => {}
            Announcement::Taken => self.log_definition(&table.definition),
            Announcement::Redefined(forgotten, again) => {
                let text = format!(
                    "table {name}: {shown} defines it in another way now ({}); {forgotten} entries are forgotten",
                    table.definition
                );
                self.messages.push(text);
                self.log_definition(&table.definition);
                for peer in again {
                    if let Some(at) = self.peers.get_mut(peer) {
                        at.ask.get_or_insert(now);
                    }
                }
            }
            Announcement::Rejected(ours) => self.messages.push(format!(
                "table {name}: {shown} is not heard about it: it has `{}`, others have `{ours}`; give all the same definition",
                table.definition
            )),
            Announcement::Impossible(error) => self.messages.push(format!("table {name} of {shown}: {error}")),
        }
    }

    pub(super) fn log_definition(&mut self, definition: &Definition) {
        let named = |held: &crate::hold::Held| held.definition().name == definition.name;
        if let Some(number) = self.standby.tables().iter().position(named) {
            self.log_table(number);
        }
    }

    #[inline]
    pub(super) fn update(&mut self, peer: usize, now: Instant, update: &Update<'_>) {
        let taken = self.standby.update(peer, self.wall.ms(now), update);
        if let Taken::Kept(number) = taken {
            self.log(number, now, update.key);
        }
        let Some(at) = self.peers.get_mut(peer) else { return };
        at.counts.updates += 1;
        // Some of what a process says that may have come up cold isn't on disk.
        let settled = self.standby.is_settled(peer);
        if settled && !update.resync && matches!(taken, Taken::Kept(_) | Taken::Known) {
            at.ledger.note(update.table.index, update.id);
        }
    }

    /// Teaches on, if there is a lesson; says when to come back.
    pub(super) fn teach(&mut self, peer: usize, now: Instant, session: &mut Session) -> Option<Next> {
        let now_ms = self.wall.ms(now);
        let at = self.peers.get_mut(peer)?;
        if std::mem::take(&mut at.too_soon) {
            session.end_resync(false);
            at.counts.partial += 1;
        }
        let lesson = at.lesson.as_mut()?;
        match lesson.go_on(&self.standby, peer, now_ms, session, (TURN, OUTPUT_LOW)) {
            Progress::More => return Some(Next::Again),
            Progress::Full => return Some(Next::Wait),
            Progress::Done => {}
        }
        let whole = self.standby.is_whole_for(peer) && lesson.unfit() == 0;
        session.end_resync(whole);
        let (taught, unfit) = (lesson.taught(), lesson.unfit());
        at.counts.taught += taught;
        at.counts.finished += u64::from(whole);
        at.counts.partial += u64::from(!whole);
        at.lesson = None;
        at.taught_at = Some(now);
        at.ask = Some(now + CONFIRM);
        let end = if whole { "finished" } else { "partial" };
        let unfit =
            if unfit == 0 { String::new() } else { format!("; {unfit} can't be sent: no HAProxy could take them") };
        self.messages.push(format!(
            "{}: it asked for everything and was taught {taught} {} ({end}){unfit}",
            at.shown,
            if taught == 1 { "entry" } else { "entries" }
        ));
        None
    }

    pub(super) fn learned(&mut self, peer: usize, now: Instant, complete: bool) {
        let settled = self.standby.learned(peer, complete);
        self.log_all(now, &settled);
        let Some(at) = self.peers.get_mut(peer) else { return };
        at.learned(now, complete);
        if complete || at.partials == 1 {
            let what = if complete { "in sync" } else { "it doesn't have everything itself (resync partial)" };
            self.messages.push(format!("{}: {what}", at.shown));
        }
    }

    pub(super) fn closed(&mut self, peer: usize, now: Instant, why: &LinkError) {
        let Some(at) = self.peers.get_mut(peer) else { return };
        if std::mem::replace(&mut at.up, false) {
            // What was sent before an end in order has arrived.
            let whole = matches!(why, LinkError::Session(Closed::Eof { within: 0 }));
            let settled = self.standby.end(peer, self.wall.ms(now), whole);
            self.log_all(now, &settled);
        }
        let Some(at) = self.peers.get_mut(peer) else { return };
        // Nobody waits for acknowledgements any more.
        (at.ask, at.lesson, at.ledger) = (None, None, Ledger::default());
        if self.stopping || at.retired {
            return;
        }
        if let LinkError::Session(Closed::Refused(status)) = why {
            at.status = status.0;
        }
        self.messages.extend(at.complaints.closed(now, why, &at.shown));
        if matches!(why, LinkError::TakenOver { .. }) {
            let help = "stop the other one, or give this one a `server` or `peer` line of its own and its name in -L";
            self.failed.get_or_insert(Failure::new(Exit::Io, format!("{}: {why}", at.shown), help));
        }
    }

    fn shown(&self, peer: usize) -> &str {
        self.peers.get(peer).map_or("", |peer| &peer.shown)
    }
}
