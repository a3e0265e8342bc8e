//! The rules of an aggregation, one by one, on a clock of its own.

#[path = "aggregate/alike.rs"]
mod alike;
#[path = "aggregate/publishing.rs"]
mod publishing;
#[path = "aggregate/setup.rs"]
mod setup;
#[path = "aggregate/slices.rs"]
mod slices;
#[path = "aggregate/sources.rs"]
mod sources;
#[path = "aggregate/trust.rs"]
mod trust;
