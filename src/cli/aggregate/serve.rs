//! The running aggregator.

use super::options::Options;
use crate::cli::args::StatusArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Learns from all sources, adds up and publishes, until a signal comes.
///
/// # Errors
/// If a listener, the state file or a socket can't be used.
pub fn run(options: &Options) -> Result<Exit, Failure> {
    let _ = options;
    Err(not_yet("aggregate"))
}

/// Shows what a running aggregator does.
///
/// # Errors
/// If nobody answers on its socket.
pub fn status(args: &StatusArgs) -> Result<Exit, Failure> {
    let _ = args;
    Err(not_yet("aggregate status"))
}

fn not_yet(what: &str) -> Failure {
    Failure::misuse(format!("{what}: this build only checks configurations"), "use -c")
}
