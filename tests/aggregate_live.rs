//! `peerctl aggregate` against real HAProxy processes: what it adds up, how fast, and what it does when something goes wrong.

mod support;

#[path = "aggregate_live/star.rs"]
mod star;

#[path = "aggregate_live/faults.rs"]
mod faults;
#[path = "aggregate_live/operation.rs"]
mod operation;
#[path = "aggregate_live/pair.rs"]
mod pair;
#[path = "aggregate_live/reload.rs"]
mod reload;
#[path = "aggregate_live/restart.rs"]
mod restart;
#[path = "aggregate_live/shaken.rs"]
mod shaken;
#[path = "aggregate_live/ways.rs"]
mod ways;
#[path = "aggregate_live/wrong.rs"]
mod wrong;
