//! Where the aggregator can be reached: by peers, by monitoring, and by `aggregate status` and `forget`. What stays where it
//! was when the options are read again stays open all the time.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::{Rc, Weak};

use super::runner::Runner;
use super::{control, metrics};
use crate::cli::aggregate::options::Options;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::instances::shown;
use crate::cli::stderr::tell;
use crate::node::commands::ControlSocket;
use crate::node::metrics::Server;
use crate::node::{Address, ListenError, Listener, Node};

/// The node that runs now, for who asks about it.
pub(super) type Current = Rc<RefCell<Weak<Node<Runner>>>>;

/// The sockets.
#[derive(Debug, Default)]
pub(super) struct Doors {
    listeners: Vec<(Address, Rc<Listener>)>,
    control: Option<(PathBuf, Rc<ControlSocket>)>,
    metrics: Option<(Address, Rc<Server>)>,
    node: Current,
}

impl Doors {
    /// Opens what the options name, but for what is open already. Peers meet nobody until a node gets the listeners.
    ///
    /// # Errors
    /// If one of them can't be used; then nothing has changed.
    pub(super) async fn open(&self, options: &Options) -> Result<(Self, Vec<Listener>), Failure> {
        let mut doors = Self { node: Rc::clone(&self.node), ..Self::default() };
        let mut listeners = Vec::new();
        for listen in &options.listeners {
            let listen = listen.options()?;
            let known = self.listeners.iter().find(|(address, _)| *address == listen.address);
            let listener = match known {
                Some((_, known)) => Rc::clone(known),
                None => Rc::new(Listener::bind(listen.clone()).await?),
            };
            doors.listeners.push((listen.address.clone(), Rc::clone(&listener)));
            listeners.push(listener.again(listen)?);
        }
        doors.control = self.control(options).await?;
        doors.metrics = self.metrics(options).await?;
        Ok((doors, listeners))
    }

    async fn control(&self, options: &Options) -> Result<Option<(PathBuf, Rc<ControlSocket>)>, Failure> {
        let Some(wanted) = &options.control else { return Ok(None) };
        let failed = |error| Failure::io("can't listen at", &shown(&wanted.path), &error);
        let known = self.control.as_ref().filter(|(path, _)| *path == wanted.path);
        let socket = if let Some((_, known)) = known {
            known.set_mode(wanted.mode).map_err(failed)?;
            Rc::clone(known)
        } else {
            let node = Rc::clone(&self.node);
            let answer = move |line: &str| control::answer(&node.borrow(), line);
            Rc::new(ControlSocket::start(&wanted.path, wanted.mode, answer).await.map_err(failed)?)
        };
        Ok(Some((wanted.path.clone(), socket)))
    }

    async fn metrics(&self, options: &Options) -> Result<Option<(Address, Rc<Server>)>, Failure> {
        let Some(wanted) = &options.metrics else { return Ok(None) };
        if let Some((_, known)) = self.metrics.as_ref().filter(|(address, _)| address == wanted) {
            return Ok(Some((wanted.clone(), Rc::clone(known))));
        }
        let failed = |error: ListenError| Failure::new(Exit::Io, format!("metrics: {error}"), "");
        let node = Rc::clone(&self.node);
        let answer = move |path: &str| metrics::page(&*node.borrow().upgrade()?, path);
        let server = Server::start(wanted, answer).await.map_err(failed)?;
        if let Some(address) = server.address() {
            tell(&[format!("metrics: http://{address}/metrics")]);
        }
        Ok(Some((wanted.clone(), Rc::new(server))))
    }

    /// Whoever asks is told about this node.
    pub(super) fn lead_to(&self, node: &Rc<Node<Runner>>) {
        *self.node.borrow_mut() = Rc::downgrade(node);
    }
}
