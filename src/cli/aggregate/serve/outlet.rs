//! The tables that one peer is sent, on one session.

use std::collections::BTreeMap;

use crate::cli::fit::{Gauges, Plan};
use crate::grammar::{DataType, KeyType};
use crate::proto::Session;
use crate::proto::session::{LocalTable, Push};
use crate::stick::{Definition, Layout};

/// The tables that were announced to a peer, by their names.
#[derive(Debug, Default)]
pub(super) struct Outlets {
    tables: BTreeMap<Box<[u8]>, Outlet>,
    values: Vec<u64>,
    /// Entries that no HAProxy could take.
    pub(super) unfit: u64,
}

/// A table of the peer.
#[derive(Debug)]
enum Outlet {
    /// As it was announced, and how entries are cut to it.
    Open(LocalTable, Plan),
    /// There is none, or one of other keys or periods.
    Closed,
}

impl Outlets {
    /// Sends an entry to the table `name` of a peer that has it defined as `theirs`; `None` if it has no such table.
    pub(super) fn push(
        &mut self,
        session: &mut Session,
        definition: &Definition,
        theirs: Option<&Definition>,
        push: &Push<'_>,
    ) -> bool {
        if !self.tables.contains_key(&definition.name) {
            self.tables.insert(definition.name.clone(), Outlet::open(session, definition, theirs));
        }
        let Some(Outlet::Open(local, plan)) = self.tables.get(&definition.name) else { return false };
        self.values.clear();
        plan.convert(push.values, &mut self.values);
        // A table that never expires shows `exp=0` for ever after a timed update; the others in versions up to 3.0 would take
        // a longer life than theirs.
        let there = plan.definition.expire_ms;
        let life_ms = push.life_ms.filter(|_| there > 0).map(|life| life.min(there));
        let sent = session.push(*local, &Push { values: &self.values, life_ms, ..*push }).is_ok();
        self.unfit += u64::from(!sent);
        sent
    }

    /// The peer has another definition of a table from now on.
    pub(super) fn redefined(&mut self, name: &[u8]) {
        self.tables.remove(name);
    }
}

impl Outlet {
    fn open(session: &mut Session, definition: &Definition, theirs: Option<&Definition>) -> Self {
        let plan = theirs.and_then(|theirs| Plan::new(definition, theirs, &[], Gauges::Sent).ok());
        let open = plan.and_then(|plan| Some(Self::Open(session.define(plan.definition.clone()).ok()?, plan)));
        open.unwrap_or(Self::Closed)
    }
}

/// The table that says whether totals can be trusted, as `peerctl generate --aggregate` writes it.
pub(super) fn lease_definition(name: &[u8]) -> Definition {
    Definition {
        name: name.into(),
        key_type: KeyType::STRING,
        key_len: 32,
        expire_ms: 1_500,
        layout: Layout::new([(DataType::GPC0, None, None)]),
    }
}
