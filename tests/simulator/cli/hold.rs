//! `peerctl hold` without its process.

use std::path::Path;

use super::keeper::Keeper;
use super::load::Load;
use crate::cli::state::StateFile;
use crate::cli::wall::WallClock;
use crate::hold::Standby;
use crate::node::{Handler, clock};
use crate::stick::Definition;
use crate::table::EntryRef;

/// The most bytes it holds.
const MEMORY: usize = 64 << 20;

/// A standby that runs.
#[derive(Debug)]
pub(crate) struct Hold(Keeper);

impl Hold {
    /// Starts with what the file says.
    pub(crate) fn start(us: &[u8], peers: &[Box<[u8]>], path: &Path) -> Self {
        let wall = WallClock::default();
        let (now_ms, time) = (wall.ms(clock::now()), wall.at(clock::now()));
        let mut standby = Standby::new(0, MEMORY);
        let mut load = Load::new(&mut standby, now_ms, time);
        let (state, _) = StateFile::open(path, time, |record| load.take(record)).expect("I8: its own file is readable");
        assert!(load.problems.is_empty(), "I8: {:?}", load.problems);
        let mut keeper = Keeper::new(us, standby, state, wall);
        for name in peers {
            keeper.add_peer(String::from_utf8_lossy(name).into_owned(), None);
        }
        Self(keeper)
    }

    pub(crate) fn handler(&mut self) -> &mut impl Handler {
        &mut self.0
    }

    /// What is done now and then; returns whether acknowledgements wait.
    pub(crate) fn tick(&mut self) -> bool {
        self.0.tick(clock::now());
        self.0.messages.clear();
        assert!(self.0.failed.is_none() && self.0.unwritten == 0, "I8: it can't go on: {:?}", self.0.failed);
        self.0.owes()
    }

    /// Ends in order.
    pub(crate) fn stop(&mut self) {
        self.0.stopping = true;
        let state = self.0.state.take();
        state.expect("it runs").finish(std::time::Duration::MAX).expect("I8: its file is finished");
    }

    /// Looks at an entry that it holds.
    pub(crate) fn with<T>(
        &self,
        table: &[u8],
        key: &[u8],
        look: impl FnOnce(&EntryRef<'_>, &Definition) -> T,
    ) -> Option<T> {
        let held = self.0.standby.tables().iter().find(|held| *held.definition().name == *table)?;
        Some(look(&held.store().get(key, self.0.wall.ms(clock::now()))?, held.definition()))
    }

    /// Entries of all tables.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Definition, EntryRef<'_>)> {
        let now_ms = self.0.wall.ms(clock::now());
        let tables = self.0.standby.tables().iter();
        tables.flat_map(move |held| held.store().iter(now_ms).map(|entry| (held.definition(), entry)))
    }
}
