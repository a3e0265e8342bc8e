//! Who the peers are, and what changes when their list is read anew.

use std::rc::Rc;

use super::keeper::Keeper;
use crate::cli::daemon::PATIENCE;
use crate::cli::failure::Failure;
use crate::cli::target::{self, Listen, Target, Targets};
use crate::node::{self, Control, Listener, Listening, Node, PeerIndex, Retry};

/// The peers of a node, and where they call us.
#[derive(Debug, Default)]
pub(super) struct Roster {
    /// By their numbers; `None` for those that are none any more.
    peers: Vec<Option<Target>>,
    listener: Option<Door>,
}

/// Where they call us.
#[derive(Debug)]
struct Door {
    listen: Listen,
    /// Stays open while one listener takes the place of another.
    socket: Rc<Listener>,
    listening: Listening,
}

impl Roster {
    /// Makes these the peers, and this the place where they call us: those that stay as they are notice nothing. Says what has changed.
    ///
    /// # Errors
    /// If a certificate or the address can't be used; then nothing changes.
    pub(super) async fn change(
        &mut self,
        node: &Node<Keeper>,
        control: &Control,
        targets: &Targets,
        listen: Option<Listen>,
    ) -> Result<String, Failure> {
        let is_known = |target: &&Target| self.peers.iter().flatten().any(|known| known == *target);
        let mut calls = Vec::new();
        for target in targets.peers.iter().filter(|target| !is_known(target)) {
            let call = target.address.as_ref().map(|_| target.call(Retry::Always)).transpose()?;
            calls.push((target.clone(), call.map(|call| node::Target { patience: PATIENCE, ..call })));
        }
        let mut changes = Vec::new();
        if self.listener.as_ref().map(|known| &known.listen) != listen.as_ref() {
            changes.push(self.listen(node, listen).await?);
        }
        // What they were called as before, by their names.
        let mut before = Vec::new();
        for (number, place) in self.peers.iter_mut().enumerate() {
            let Some(gone) = place.take_if(|known| !targets.peers.contains(known)) else { continue };
            control.stop(PeerIndex(number));
            node.handler().retire(number);
            if !targets.peers.iter().any(|target| target.name == gone.name) {
                changes.push(format!("{} is no peer any more", gone.shown()));
            }
            before.push((gone.name, number));
        }
        for (target, call) in calls {
            let same = before.iter().find(|(name, _)| *name == target.name).map(|(_, number)| *number);
            changes.push(format!(
                "{} is {}",
                target.shown(),
                if same.is_some() { "called anew" } else { "a new peer" }
            ));
            node.handler().add_peer(target.shown(), same);
            match call {
                Some(call) => node.dial(call),
                None => node.expect(target.name.as_deref().unwrap_or_default(), target.certificate_names()),
            };
            self.peers.push(Some(target));
        }
        Ok(if changes.is_empty() { "nothing has changed".to_owned() } else { changes.join(", ") })
    }

    /// Opens another listener in place of the one there is, on the same socket if the address is the same. Says where.
    async fn listen(&mut self, node: &Node<Keeper>, listen: Option<Listen>) -> Result<String, Failure> {
        let mut next = None;
        if let Some(listen) = listen {
            let options = listen.options()?;
            let known = self.listener.as_ref().filter(|known| known.listen.address == listen.address);
            let socket = match known {
                Some(known) => Rc::clone(&known.socket),
                None => Rc::new(Listener::bind(options.clone()).await?),
            };
            next = Some((socket.again(options)?, listen, socket));
        }
        if let Some(known) = self.listener.take() {
            known.listening.close().await;
        }
        let Some((listener, listen, socket)) = next else { return Ok("nothing listens".to_owned()) };
        let text = format!("peers can call {}", listen.address);
        self.listener = Some(Door { listen, socket, listening: node.listen(listener) });
        target::warn_if_insecure(node);
        Ok(text)
    }
}
