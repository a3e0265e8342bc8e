//! Lines that need not say an id after all, because nobody minds which one their servers get.
//!
//! A server that no other instance has may have any id that nobody else has. So where a line says one only to keep such a
//! server's id, or to keep it from moving one, it is left as it is.

use std::collections::{HashMap, HashSet};

use super::{
    Pin, Side,
    choose::{Targets, is_same_machine},
    declared, numbered,
};

/// Above so many lines times servers the pins are left as they are: trying them takes time that grows with both.
const MOST: usize = 1_000_000;

/// Takes out the pins without which the ids agree, too.
pub(super) fn prune(sides: &[Side<'_>], targets: &Targets<'_>, pins: &mut Vec<Pin>) {
    let servers: usize = sides.iter().map(|side| side.ids.len()).sum();
    let shared = shared(sides);
    let all_shared = sides.iter().all(|side| side.by_name.keys().all(|name| shared.contains(name)));
    if all_shared || pins.len().saturating_mul(servers) > MOST {
        return;
    }
    let mut by_id: Vec<ById> = sides.iter().map(|side| ids(side, pins, None).into_iter().zip(0..).collect()).collect();
    loop {
        let before = pins.len();
        let mut at = 0;
        while let Some(pin) = pins.get(at).copied() {
            let place = sides.iter().position(|side| side.instance == pin.instance);
            let Some((place, side)) = place.and_then(|n| Some((n, sides.get(n)?))) else { return };
            let without = ids(side, pins, Some(pin));
            let meets = |name: &[u8], id: u32| {
                let others = sides.iter().zip(&by_id).enumerate().filter(|(n, _)| *n != place);
                others
                    .filter_map(|(_, (other, by_id))| Some(other.name(*by_id.get(&id)?)))
                    .any(|other| !is_same_machine(sides, other, name))
            };
            let is_fine = |(server, id): (usize, &u32)| {
                let name = side.name(server);
                targets.by_name.get(name) == Some(id) || (!shared.contains(name) && !meets(name, *id))
            };
            let once: HashSet<&u32> = without.iter().collect();
            if once.len() == without.len() && without.iter().enumerate().all(is_fine) {
                pins.remove(at);
                if let Some(by_id) = by_id.get_mut(place) {
                    *by_id = without.into_iter().zip(0..).collect();
                }
            } else {
                at += 1;
            }
        }
        // Without one line another one may have become superfluous.
        if pins.len() == before {
            return;
        }
    }
}

/// The servers of a side by the ids they are to have.
type ById = HashMap<u32, usize>;

/// The names that several instances have.
fn shared<'a>(sides: &[Side<'a>]) -> HashSet<&'a [u8]> {
    let mut seen: HashMap<&[u8], usize> = HashMap::new();
    for name in sides.iter().flat_map(|side| side.by_name.keys()) {
        *seen.entry(name).or_default() += 1;
    }
    seen.into_iter().filter(|(_, sides)| *sides > 1).map(|(name, _)| name).collect()
}

/// The ids of a side's servers once `pins` are written, all but `left_out`.
fn ids(side: &Side<'_>, pins: &[Pin], left_out: Option<Pin>) -> Vec<u32> {
    let own = pins.iter().filter(|pin| pin.instance == side.instance && Some(**pin) != left_out);
    let lines: Vec<(usize, u32)> = own.map(|pin| (pin.line, pin.id)).collect();
    numbered(declared(side, &lines).iter().copied())
}
