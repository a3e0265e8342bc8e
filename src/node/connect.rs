//! Connections to addresses of all kinds, without a word said on them.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;

use crate::node::address::{Address, Family};
use crate::node::driver::Stream;
use crate::node::link::LinkError;

/// How long a connection to one address may take, and a look-up.
const CONNECT: Duration = Duration::from_secs(1);
const LOOKUP: Duration = Duration::from_secs(5);

/// How long the kernel waits for the acknowledgement of what was sent before it gives a connection up, in milliseconds.
const USER_TIMEOUT_MS: u32 = 10_000;

/// Connects to `address`; to the first that answers of those it stands for now. Gives that one, too, if there are several.
pub(super) async fn connect(address: &Address) -> Result<(Box<dyn Stream>, Option<SocketAddr>), LinkError> {
    let path = match address {
        Address::Ip(to) => return Ok((Box::new(connect_tcp(*to).await?), Some(*to))),
        Address::Host { name, port, family } => {
            let (stream, to) = connect_host(name, *port, *family).await?;
            return Ok((Box::new(stream), Some(to)));
        }
        Address::Unix(path) => path.clone().into_os_string(),
        Address::Abstract { name, padded } => abstract_path(name, *padded),
    };
    Ok((Box::new(limited(&address.to_string(), UnixStream::connect(path)).await?), None))
}

/// Tries all addresses that the host has now, in their order.
async fn connect_host(name: &str, port: u16, family: Option<Family>) -> Result<(TcpStream, SocketAddr), LinkError> {
    let found = look_up(name, port).await?;
    let mut failed = LinkError::Lookup { host: name.to_owned(), problem: "it has no address of that kind".to_owned() };
    for to in found.into_iter().filter(|to| family.is_none_or(|family| family.has(to))) {
        match connect_tcp(to).await {
            Ok(stream) => return Ok((stream, to)),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn connect_tcp(to: SocketAddr) -> Result<TcpStream, LinkError> {
    let stream = limited(&to.to_string(), TcpStream::connect(to)).await?;
    prepare(&stream);
    Ok(stream)
}

async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, LinkError> {
    let failed = |problem: String| LinkError::Lookup { host: host.to_owned(), problem };
    match timeout(LOOKUP, lookup_host((host, port))).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer within {} s", LOOKUP.as_secs()))),
    }
}

/// Connects within [`CONNECT`].
async fn limited<S>(address: &str, connect: impl Future<Output = io::Result<S>>) -> Result<S, LinkError> {
    let failed = |kind, problem| LinkError::Connect { address: address.to_owned(), kind, problem };
    match timeout(CONNECT, connect).await {
        Ok(result) => result.map_err(|error| failed(error.kind(), text(&error))),
        Err(_) => Err(failed(io::ErrorKind::TimedOut, format!("no answer within {} s", CONNECT.as_secs()))),
    }
}

/// How the library takes the name of a socket in Linux's own space.
pub(super) fn abstract_path(name: &[u8], padded: bool) -> OsString {
    const FULL: usize = 107;
    let mut path = [b"\0".as_slice(), name].concat();
    if padded {
        path.resize(path.len().max(FULL + 1), 0);
    }
    OsString::from_vec(path)
}

/// What the system says, without the number of the error.
pub(super) fn text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Sets what every connection over TCP has. What can't be set makes it slower to notice that a peer is gone, no more.
pub(super) fn prepare(stream: &TcpStream) {
    let _at_once_is_better = stream.set_nodelay(true);
    let _sooner_is_better = rustix::net::sockopt::set_tcp_user_timeout(stream, USER_TIMEOUT_MS);
}
