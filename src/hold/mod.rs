//! Tables that outlive the processes they belong to: what a standby peer keeps of its peers' tables, and what it teaches a peer
//! that comes up cold.
//!
//! Nothing here owns a socket or a file, or reads a clock. All times are milliseconds of one clock of the caller that never goes
//! back.

mod lesson;
mod peer;
mod standby;
mod states;
mod tables;

pub use lesson::{Lesson, Progress};
pub use peer::Course;
pub use standby::{Announcement, Held, Restored, Standby, Taken};

#[cfg(test)]
mod tests;
