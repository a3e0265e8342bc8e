//! The tables that one peer is sent, on one session.

use std::collections::BTreeMap;

use crate::aggregate::TotalId;
use crate::cli::fit::{Gauges, Plan};
use crate::grammar::{DataType, KeyType};
use crate::proto::Session;
use crate::proto::session::{LocalTable, Push};
use crate::stick::{Definition, Layout};

/// The tables that were announced to a peer, by their names.
#[derive(Debug, Default)]
pub(super) struct Outlets {
    tables: BTreeMap<Box<[u8]>, (Option<TotalId>, Outlet)>,
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
    /// Sends an entry to the table of that name of a peer that has it defined as `theirs`; `None` if it has no such table.
    /// Entries with another `id` are of a table that was defined anew.
    pub(super) fn push(
        &mut self,
        session: &mut Session,
        (id, definition): (Option<TotalId>, &Definition),
        theirs: Option<&Definition>,
        push: &Push<'_>,
    ) -> bool {
        if self.tables.get(&definition.name).is_none_or(|(known, _)| *known != id) {
            self.tables.insert(definition.name.clone(), (id, Outlet::open(session, definition, theirs)));
        }
        let Some((_, Outlet::Open(local, plan))) = self.tables.get(&definition.name) else { return false };
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::aggregate::{
        Aggregation, Aggregator, Limits, Naming, Peer, PeerNumber, Policy, Publish, Relation, Stale,
    };
    use crate::proto::session::{Options, Role};
    use crate::stick::{Place, parse};
    use crate::table::{ServerKey, Update};

    fn definition(name: &str, columns: &str) -> Definition {
        let line = format!("type integer size 1k expire 1m store {columns}");
        let schema = parse(&line.split(' ').collect::<Vec<_>>(), Place::Proxy, None).schema;
        Definition::of_schema(name.as_bytes(), &schema).expect("a key type")
    }

    #[test]
    fn a_table_of_totals_that_is_defined_anew_is_announced_anew() {
        let aggregation = Aggregation {
            name: "web".into(),
            naming: Naming::Suffix { from: None, to: b".agg".as_slice().into() },
            peers: vec![Peer { name: b"lb1".as_slice().into(), relation: Relation::Node }],
            policy: Policy::default(),
            publish: Publish { min_interval_ms: 0, max_interval_ms: 1000 },
            stale: Stale::Keep,
            start_grace_ms: 0,
            refresh_ms: None,
            teach_back: false,
            lease: None,
        };
        let lb1 = PeerNumber(0);
        let mut aggregator = Aggregator::new(aggregation, b"agg", Limits::default(), 0).expect("a source");
        let mut session = Session::new(Options::new(b"agg", Role::Caller(b"lb1".as_slice().into())), Instant::now());
        let mut outlets = Outlets::default();
        let mut send = |aggregator: &mut Aggregator, now_ms, theirs: &Definition| {
            aggregator.publish(lb1, now_ms, 10, |id, definition, push| {
                assert!(outlets.push(&mut session, (Some(id), definition), Some(theirs), push));
                true
            });
            let mut out = Vec::new();
            session.poll_transmit(&mut out);
            out
        };
        let teach = |aggregator: &mut Aggregator, columns: &str, values: &[u64], now_ms| {
            aggregator.table(lb1, 0, &definition("t", columns), now_ms);
            let update = Update {
                key: &[0, 0, 0, 7],
                values,
                server_key: ServerKey::Unchanged,
                update_id: 1,
                life_ms: None,
                resync: false,
            };
            aggregator.update(lb1, 0, &update, now_ms);
            aggregator.tick(now_ms, 100);
        };
        aggregator.link_up(lb1, 0);
        teach(&mut aggregator, "gpc0,bytes_in_cnt", &[1, 2], 0);
        let two = send(&mut aggregator, 10, &definition("t.agg", "gpc0,bytes_in_cnt"));
        assert!(two.ends_with(&[0, 0, 0, 7, 1, 2]), "{two:?}");
        // One column more, in the middle.
        teach(&mut aggregator, "gpc0,conn_cnt,bytes_in_cnt", &[3, 4, 5], 20);
        let three = send(&mut aggregator, 30, &definition("t.agg", "gpc0,conn_cnt,bytes_in_cnt"));
        assert!(three.starts_with(b"\x0a\x82"), "it is announced: {three:?}");
        assert!(three.ends_with(&[0, 0, 0, 7, 3, 4, 5]), "{three:?}");
    }
}
