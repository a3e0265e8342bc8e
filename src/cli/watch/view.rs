//! From what is kept to what is shown.

use std::time::Instant;

use super::follower::Follower;
use super::held::Held;
use super::peer::{Ask, Peer, Phase};
use crate::escape;
use crate::grammar::KeyType;
use crate::output::screen::{Health, PeerStatus, Screen, cells, heading};
use crate::stick::{Definition, ValueKind};
use crate::table::{Column, Filter, Merge, Row, Sort, Store, is_added, merged};
use crate::units::Delay;

/// Where the user looks.
#[derive(Debug)]
pub(super) struct Looking {
    /// The table, by its name.
    pub(super) name: Option<Box<[u8]>>,
    /// The names of all tables at the last picture.
    names: Vec<Box<[u8]>>,
    /// Rows in front of the first one that is shown.
    pub(super) skipped: usize,
    pub(super) merge: Merge,
    /// At most so many rows.
    pub(super) limit: Option<usize>,
    /// The last picture, for who wants to hold it.
    pub(super) last: Screen,
}

impl Looking {
    pub(super) fn new(limit: Option<usize>, merge: Merge) -> Self {
        Self { name: None, names: Vec::new(), skipped: 0, merge, limit, last: Screen::default() }
    }

    /// Goes to the table so many places further.
    pub(super) fn step(&mut self, step: isize) {
        let Some(most) = self.names.len().checked_sub(1) else { return };
        let at = self.names.iter().position(|name| Some(name) == self.name.as_ref()).unwrap_or(0);
        self.choose(match at.checked_add_signed(step) {
            Some(next) if next <= most => next,
            Some(_) => 0,
            None => most,
        });
    }

    /// Goes to the table with that number.
    pub(super) fn choose(&mut self, number: usize) {
        if let Some(name) = self.names.get(number) {
            self.name = Some(name.clone());
            self.skipped = 0;
        }
    }
}

/// A table that peers have under one name.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) name: &'a [u8],
    /// Those that have it in the same way as the first one.
    held: Vec<&'a Held>,
    /// The peers that have it in another way.
    pub(super) misfits: Vec<usize>,
}

impl<'a> Group<'a> {
    pub(super) fn definition(&self) -> &'a Definition {
        // A group has at least one.
        self.held.first().map_or_else(|| unreachable!("a group without a table"), |held| held.store.definition())
    }

    pub(super) fn stores(&self) -> Vec<&'a Store> {
        self.held.iter().map(|held| &held.store).collect()
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = usize> + '_ {
        self.held.iter().map(|held| held.peer)
    }
}

/// The tables, by name.
pub(super) fn tables(follower: &Follower) -> Vec<Group<'_>> {
    let mut all: Vec<&Held> = follower.tables.iter().filter(|held| held.announced || !held.store.is_empty()).collect();
    all.sort_by_key(|held| (held.name(), held.peer));
    let mut groups: Vec<Group<'_>> = Vec::new();
    for held in all {
        match groups.last_mut().filter(|group| group.name == held.name()) {
            None => groups.push(Group { name: held.name(), held: vec![held], misfits: Vec::new() }),
            Some(group) if is_same(group.definition(), held.store.definition()) => group.held.push(held),
            Some(group) => group.misfits.push(held.peer),
        }
    }
    groups
}

/// Whether entries of both can stand in one table.
fn is_same(one: &Definition, other: &Definition) -> bool {
    (one.key_type, one.key_len, &one.layout) == (other.key_type, other.key_len, &other.layout)
}

/// How it is with the peers.
pub(super) fn peers(follower: &Follower, now: Instant) -> Vec<PeerStatus> {
    follower.peers.iter().map(|peer| status(peer, now)).collect()
}

fn status(peer: &Peer, now: Instant) -> PeerStatus {
    let since = |then: Instant| Some(now.saturating_duration_since(then));
    let heard = peer.heard.and_then(since);
    let until = |then: Instant| {
        let wait = then.saturating_duration_since(now).as_secs_f32().ceil();
        if wait > 0.0 { format!("next try in {wait} s") } else { "trying".to_owned() }
    };
    let (health, age, problem) = match &peer.phase {
        Phase::InSync => (Health::InSync, heard, String::new()),
        Phase::Learning => (Health::Learning(peer.updates.saturating_sub(peer.before)), heard, String::new()),
        Phase::Partial => {
            let again = match peer.ask {
                Ask::At(then) => format!("; asked again in {:.0} s", then.saturating_duration_since(now).as_secs_f32()),
                Ask::Now | Ask::Never => String::new(),
            };
            (Health::Partial, heard, format!("it says that it doesn't have everything itself{again}"))
        }
        Phase::Calling => match &peer.told {
            None => (Health::Connecting, since(peer.without), String::new()),
            Some(why) => (Health::Down, since(peer.without), format!("{why}; trying")),
        },
        Phase::Down { why, next_try } => {
            let next = next_try.map_or_else(|| "not called again".to_owned(), until);
            (Health::Down, since(peer.without), format!("{why}; {next}"))
        }
    };
    PeerStatus { name: peer.shown.clone(), health, age, problem }
}

/// The tables and which of them is shown.
pub(super) fn fill_tables(screen: &mut Screen, looking: &mut Looking, tables: &[Group<'_>]) {
    // What one peer has, all should have: the largest number counts.
    let entries = |group: &Group<'_>| group.held.iter().map(|held| held.store.len()).max().unwrap_or(0);
    screen.tables = tables.iter().map(|group| (escape::name(group.name).into_owned(), entries(group))).collect();
    looking.names = tables.iter().map(|group| group.name.into()).collect();
    // The first look is at a table that has something to show.
    let first = || tables.iter().find(|group| entries(group) > 0).map(|group| group.name);
    let at = |name: &[u8]| tables.iter().position(|group| group.name == name);
    screen.table = looking.name.as_deref().and_then(at).or_else(|| at(first()?)).unwrap_or(0);
    if looking.name.is_none() && first().is_some() {
        looking.name = tables.get(screen.table).map(|group| group.name.into());
    }
}

/// The rows of one table.
#[expect(clippy::too_many_arguments, reason = "all of it is needed once")]
pub(super) fn fill_rows(
    screen: &mut Screen,
    looking: &mut Looking,
    follower: &Follower,
    group: &Group<'_>,
    sort: &Sort,
    filter: Option<&Filter>,
    page: usize,
    now: Instant,
) {
    let definition = group.definition();
    let columns = crate::output::screen::view_columns(definition);
    let stores = group.stores();
    let now_ms = follower.wall.ms(now);
    let keep = |row: &Row<'_>| filter.is_none_or(|filter| filter.matches(row));
    let limit = looking.limit.unwrap_or(usize::MAX);
    let wanted = (looking.skipped + page).min(limit);
    let rows = merged(&stores, now_ms, looking.merge, sort, wanted, keep);
    // The last page is a full one.
    looking.skipped = looking.skipped.min(rows.len().saturating_sub(page.min(rows.len())));
    let names: Vec<&str> =
        group.peers().map(|peer| follower.peers.get(peer).map_or("", |peer| peer.shown.as_str())).collect();
    screen.rows =
        rows.iter().skip(looking.skipped).take(page).map(|row| cells(row, definition, &columns, &names)).collect();
    screen.skipped = looking.skipped;
    screen.headings = columns.iter().map(heading).collect();
    screen.sorted = columns.iter().position(|column| *column == sort.column);
    screen.descending = sort.descending;
    screen.sum = looking.merge == Merge::Sum;
    screen.definition = described(definition);
    let misfits: Vec<&str> =
        group.misfits.iter().filter_map(|peer| follower.peers.get(*peer)).map(|peer| peer.shown.as_str()).collect();
    if !misfits.is_empty() {
        screen.notice = Some(format!("{} defines this table in another way and isn't shown", misfits.join(", ")));
    }
    looking.last = screen.clone();
}

/// `type string len 32 expire 5m`, without what the headings say.
fn described(definition: &Definition) -> String {
    let mut text = format!("type {}", definition.key_type);
    if let Some(len) = definition.key_chars().filter(|_| definition.key_type != KeyType::IP) {
        text.push_str(&format!(" len {len}"));
    }
    if let Some(expire) = Delay::from_ms(definition.expire_ms).filter(|expire| expire.ms() > 0) {
        text.push_str(&format!(" expire {expire}"));
    }
    text
}

/// How rows are sorted if nobody says it: by the first rate, else the first counter, else the key.
pub(in crate::cli) fn usual_sort(columns: &[Column]) -> Sort {
    let is_rate = |column: &&Column| matches!(column, Column::Value { field, .. } if field.kind == ValueKind::Rate);
    let column = columns.iter().find(is_rate).or_else(|| columns.iter().find(|column| is_added(column)));
    column.map_or(Sort::BY_KEY, |column| Sort { column: *column, descending: true })
}
