//! What HAProxy itself says of its peers, on its runtime socket.

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::node::runtime_socket::{RuntimeError, RuntimeSocket};
use crate::node::{self, AddressError};
use crate::output::probe::View;
use crate::runtime::{PeersSection, explain};

/// A runtime socket that was asked, and what it said at first.
#[derive(Debug)]
pub(super) struct Asked {
    name: String,
    socket: RuntimeSocket,
    before: Vec<PeersSection>,
}

/// Asks each of `[NAME=]SOCKET` for the first time.
///
/// # Errors
/// Exit 2 for what is no address, exit 3 if one doesn't answer.
pub(super) fn ask(texts: &[String]) -> Result<Vec<Asked>, Failure> {
    texts.iter().map(|text| first(text)).collect()
}

fn first(text: &str) -> Result<Asked, Failure> {
    let (name, address) = match text.split_once('=') {
        Some((name, address)) if !name.contains(['/', '@']) => (name, address),
        _ => (text, text),
    };
    let misuse = |error: AddressError| {
        let help = "give the path of a `stats socket`, or unix@PATH, or ipv4@ADDRESS:PORT";
        Failure::misuse(format!("--socket: {error}"), help)
    };
    let socket = RuntimeSocket::parse(address).map_err(misuse)?;
    let before = answered(node::run(socket.peers()))?;
    Ok(Asked { name: name.to_owned(), socket, before })
}

impl Asked {
    /// Asks again, so that counters are seen to grow, and explains what it said.
    ///
    /// # Errors
    /// If it doesn't answer.
    pub(super) fn view(self) -> Result<View, Failure> {
        let now = answered(node::run(self.socket.peers()))?;
        let tables = answered(node::run(self.socket.tables()))?;
        Ok(View { socket: self.name, advice: explain(&now, &self.before, &tables) })
    }
}

fn answered<T>(answer: std::io::Result<Result<T, RuntimeError>>) -> Result<T, Failure> {
    let answer = answer.map_err(|error| Failure::events(&error))?;
    answer.map_err(|error| Failure::new(Exit::Io, error.to_string(), ""))
}
