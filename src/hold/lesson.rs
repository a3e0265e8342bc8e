//! Teaching a peer everything, piece by piece while updates go on.

use std::ops::Range;

use crate::grammar::DataType;
use crate::hold::standby::Standby;
use crate::hold::tables::is_alike;
use crate::proto::Session;
use crate::proto::session::{LocalTable, Push};
use crate::stick::{Definition, Layout};
use crate::table::EntryRef;

/// How far everything was taught to a peer.
#[derive(Clone, Debug, Default)]
pub struct Lesson {
    /// The table that it is about now, and where in it it goes on.
    number: usize,
    place: u32,
    /// How the table of this moment is sent.
    course: Option<Form>,
    /// Entries that were sent.
    taught: u64,
    /// Entries that no HAProxy could take.
    unfit: u64,
    values: Vec<u64>,
    sent: Vec<u64>,
}

/// Whether there is more to teach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// There is, and it is time for others.
    More,
    /// Enough waits to be sent for now.
    Full,
    /// Everything was sent.
    Done,
}

/// How entries of a table are sent.
#[derive(Clone, Debug)]
struct Form {
    table: LocalTable,
    /// The `expire` of the peer, as far as it is known.
    expire_ms: u32,
    /// The slots that are sent.
    slots: Vec<Range<usize>>,
}

impl Lesson {
    /// Entries that were sent so far.
    #[must_use]
    pub const fn taught(&self) -> u64 {
        self.taught
    }

    /// Entries that could not be sent because no HAProxy could take them.
    #[must_use]
    pub const fn unfit(&self) -> u64 {
        self.unfit
    }

    /// Pushes at most `budget` entries, as long as less than `low` bytes wait to be sent.
    pub fn go_on(
        &mut self,
        standby: &Standby,
        peer: usize,
        now_ms: u64,
        session: &mut Session,
        (budget, low): (usize, usize),
    ) -> Progress {
        let mut left = budget;
        while let Some(held) = standby.tables().get(self.number) {
            if self.course.is_none() {
                let theirs = standby.theirs(peer).and_then(|all| all.get(&held.definition().name));
                self.course = form(held.definition(), theirs, session);
            }
            let Some(course) = &self.course else {
                // The peer has another table of that name, or can't have one like that.
                self.number += 1;
                self.place = 0;
                continue;
            };
            let (definition, course) = (held.definition(), course.clone());
            let mut entries = held.store().iter_from(now_ms, self.place);
            while left > 0 && session.pending_output() < low {
                let Some(entry) = entries.next() else { break };
                left -= 1;
                if self.push(definition, &course, &entry, session) {
                    self.taught += 1;
                } else {
                    self.unfit += 1;
                }
                self.place = entries.place();
            }
            if session.pending_output() >= low {
                return Progress::Full;
            }
            if left == 0 {
                return Progress::More;
            }
            (self.number, self.place, self.course) = (self.number + 1, 0, None);
        }
        Progress::Done
    }

    fn push(&mut self, definition: &Definition, form: &Form, entry: &EntryRef<'_>, session: &mut Session) -> bool {
        entry.values(&mut self.values);
        definition.layout.age(&mut self.values, entry.age_ms());
        self.sent.clear();
        for slots in &form.slots {
            self.sent.extend_from_slice(self.values.get(slots.clone()).unwrap_or_default());
        }
        // A table that never expires shows `exp=0` for ever after a timed update; the others in versions up to 3.0 would take a
        // longer life than theirs.
        let life_ms = entry.rest_ms().filter(|_| form.expire_ms > 0).map(|rest| rest.min(form.expire_ms));
        let push = Push { key: entry.key(), values: &self.sent, server_key: entry.server_key(), life_ms };
        session.push(form.table, &push).is_ok()
    }
}

/// Announces a table of ours to a peer; `None` if it can't take it.
fn form(ours: &Definition, theirs: Option<&Definition>, session: &mut Session) -> Option<Form> {
    if theirs.is_some_and(|theirs| !is_alike(ours, theirs)) {
        return None;
    }
    // Connections don't outlive a process: their number would never fall again.
    let sent = || ours.layout.fields().iter().filter(|field| field.data_type != DataType::CONN_CUR);
    let layout = Layout::new(sent().map(|field| (field.data_type, field.count, field.period_ms)));
    let slots = sent().map(|field| field.slot..field.slot + field.slots()).collect();
    let expire_ms = theirs.map_or(ours.expire_ms, |theirs| theirs.expire_ms);
    let table = session.define(Definition { expire_ms, layout, ..ours.clone() }).ok()?;
    Some(Form { table, expire_ms, slots })
}
