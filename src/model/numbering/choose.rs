//! Which id each server should have.
//!
//! A server that has one written-down id on all instances keeps it. Then one instance decides: its servers keep the ids they
//! have. A server it doesn't know keeps an id it has elsewhere if no other server is to have that number, or only the same machine
//! under another name; else it gets a free one.

use std::collections::{HashMap, HashSet};

use super::Side;
use crate::model::server_id;

/// The ids that the servers are to have.
#[derive(Default)]
pub(super) struct Targets<'a> {
    pub(super) by_name: HashMap<&'a [u8], u32>,
    /// By id, the servers that are to have it: several only if they are one machine.
    pub(super) by_id: HashMap<u32, Vec<&'a [u8]>>,
}

impl<'a> Targets<'a> {
    pub(super) fn set(&mut self, name: &'a [u8], id: u32) {
        self.by_name.insert(name, id);
        self.by_id.entry(id).or_default().push(name);
    }

    /// The servers that are to have this id.
    fn with(&self, id: u32) -> &[&'a [u8]] {
        self.by_id.get(&id).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn of(&self, side: &Side<'_>) -> Vec<u32> {
        (0..side.ids.len()).map(|server| self.by_name.get(side.name(server)).copied().unwrap_or(0)).collect()
    }
}

/// The ids that the servers of all instances should have.
pub(super) fn choose<'a>(sides: &[Side<'a>], decider: usize) -> Targets<'a> {
    let mut targets = Targets::default();
    for (server, id) in sides.first().into_iter().flat_map(|side| side.ids.iter().enumerate()) {
        let Some(name) = sides.first().map(|side| side.name(server)) else { continue };
        let keeps =
            |side: &Side<'_>| side.by_name.get(name).is_some_and(|n| side.is_explicit(*n) && side.id(*n) == *id);
        if sides.len() > 1 && sides.iter().all(keeps) {
            targets.set(name, *id);
        }
    }
    let highest = sides.iter().flat_map(|side| &side.ids).max().copied().unwrap_or(0);
    let mut free = Free { next: highest.checked_add(1).filter(|id| *id <= server_id::MAX_OLD), low: 1 };
    let twins = Twins::new(sides);
    let order = || {
        let others = sides.iter().enumerate().filter(|(n, _)| *n != decider).map(|(_, side)| side);
        sides.get(decider).into_iter().chain(others)
    };
    for side in order() {
        for server in 0..side.ids.len() {
            let name = side.name(server);
            if targets.by_name.contains_key(name) {
                continue;
            }
            let mut had = order().filter_map(|side| Some(side.id(*side.by_name.get(name)?)));
            let is_fine = |id: &u32| targets.with(*id).iter().all(|other| is_same_machine(sides, other, name));
            let renamed = || twins.of(name).filter_map(|twin| targets.by_name.get(twin).copied()).find(is_fine);
            let id = had.find(is_fine).or_else(renamed).unwrap_or_else(|| free.take(&targets, sides));
            targets.set(name, id);
        }
    }
    targets
}

/// Numbers that no server of any instance has.
struct Free {
    /// Above all of them; `None` = there is nothing above.
    next: Option<u32>,
    /// Below this, everything is taken.
    low: u32,
}

impl Free {
    fn take(&mut self, targets: &Targets<'_>, sides: &[Side<'_>]) -> u32 {
        if let Some(id) = self.next {
            self.next = id.checked_add(1).filter(|id| *id <= server_id::MAX_OLD);
            return id;
        }
        let is_taken = |id: &u32| targets.by_id.contains_key(id) || sides.iter().any(|side| side.ids.contains(id));
        let id = (self.low..=server_id::MAX_OLD).find(|id| !is_taken(id)).unwrap_or(self.low);
        self.low = id.saturating_add(1);
        id
    }
}

/// So many names of one address are looked at.
const MOST_NAMES: usize = 16;

/// Names of one address.
struct Twins<'s, 'a> {
    sides: &'s [Side<'a>],
    by_address: HashMap<&'a [u8], Vec<&'a [u8]>>,
}

impl<'s, 'a> Twins<'s, 'a> {
    fn new(sides: &'s [Side<'a>]) -> Self {
        let mut by_address: HashMap<&[u8], Vec<&[u8]>> = HashMap::new();
        for (n, side) in sides.iter().enumerate() {
            for server in 0..side.ids.len() {
                let name = side.name(server);
                if !sides.iter().take(n).any(|before| before.by_name.contains_key(name)) {
                    by_address.entry(side.address(server)).or_default().push(name);
                }
            }
        }
        Self { sides, by_address }
    }

    /// The other names that a server has on other instances. If many have its address, they are slots and not renamed.
    fn of(&self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        let server = self.sides.iter().find_map(|side| Some(side.address(*side.by_name.get(name)?)));
        let names = server.and_then(|address| self.by_address.get(address));
        names
            .into_iter()
            .flatten()
            .take(MOST_NAMES)
            .copied()
            .filter(move |other| is_same_machine(self.sides, other, name))
    }
}

/// Whether two names never meet on an instance and have one address: a renamed server, which keeps its clients through its id.
pub(super) fn is_same_machine(sides: &[Side<'_>], one: &[u8], other: &[u8]) -> bool {
    let mut addresses = HashSet::new();
    for side in sides {
        match [one, other].map(|name| side.by_name.get(name)) {
            [Some(_), Some(_)] => return false,
            [Some(server), None] | [None, Some(server)] => {
                addresses.insert(side.address(*server));
            }
            [None, None] => {}
        }
    }
    addresses.len() == 1
}
