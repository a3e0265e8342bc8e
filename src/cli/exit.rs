//! Exit codes: the contract of the command line.

use std::process::ExitCode;

/// How a command ended. The numbers are a contract.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// `--check` and something would change; findings at least as bad as `--deny` says; what should hold doesn't.
    WouldChange = 1,
    /// Misuse, or input that can't be read as what it should be.
    Misuse = 2,
    /// I/O failed, or a file is missing.
    Io = 3,
    /// HAProxy refused the result; nothing was written.
    Refused = 4,
    /// Data incomplete: time ran out, or not everything came. What came is written.
    Incomplete = 5,
    /// Written, but the reload failed.
    NotLoaded = 6,
    /// SIGHUP.
    HungUp = 129,
    /// SIGINT.
    Interrupted = 130,
    /// SIGQUIT.
    Quit = 131,
    /// SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// The end by a signal, by its number.
    #[must_use]
    pub const fn of_signal(signal: i32) -> Self {
        match signal {
            1 => Self::HungUp,
            3 => Self::Quit,
            15 => Self::Terminated,
            _ => Self::Interrupted,
        }
    }

    /// Whether a signal ended it.
    #[must_use]
    pub const fn is_signal(self) -> bool {
        matches!(self, Self::HungUp | Self::Interrupted | Self::Quit | Self::Terminated)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
