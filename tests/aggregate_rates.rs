//! Totals of rates beside the sum of what the nodes say, and how soon they are there: apart from other tests, which would take
//! the time that is measured.

mod support;

#[allow(dead_code, reason = "the other tests of the aggregator call the rest of it")]
#[path = "aggregate_live/star.rs"]
mod star;

#[path = "aggregate_live/latency.rs"]
mod latency;
#[path = "aggregate_live/rates.rs"]
mod rates;
