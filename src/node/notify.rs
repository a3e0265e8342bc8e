//! Tells the service manager how it goes, as `sd_notify` does: datagrams to the socket that it names.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The socket of the service manager.
#[derive(Debug)]
pub struct ServiceManager {
    socket: UnixDatagram,
}

impl ServiceManager {
    /// Of a path, or of an abstract name that begins with `@`: the value of `NOTIFY_SOCKET`.
    ///
    /// # Errors
    /// If nobody listens there.
    pub fn at(name: &str) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        socket.connect_addr(&address)?;
        Ok(Self { socket })
    }

    /// Tells it something, like `READY=1`. Whether it hears it changes nothing here.
    pub fn tell(&self, state: &str) {
        let _nobody_may_listen = self.socket.send(state.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_arrives_as_a_datagram() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).expect("a socket");
        ServiceManager::at(path.to_str().expect("UTF-8")).expect("somebody listens").tell("READY=1");
        let mut buffer = [0; 64];
        let count = manager.recv(&mut buffer).expect("a datagram");
        assert_eq!(&buffer[..count], b"READY=1");
        assert!(ServiceManager::at("/nowhere/at/all").is_err());
    }
}
