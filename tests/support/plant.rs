//! Inconsistencies planted into one of two large instances, with what has to be found because of them.
#![allow(dead_code, reason = "each test crate compiles this module and calls its own part of it")]

use std::collections::BTreeSet;

use super::{
    generate::{Backend, Configuration, Server},
    random::Random,
};

/// Two instances, and what is wrong with the second one.
pub(crate) struct Planted {
    pub(crate) lb1: Configuration,
    pub(crate) lb2: Configuration,
    /// The backends that something was planted in.
    pub(crate) backends: BTreeSet<String>,
    /// What has to be found, and nothing else.
    pub(crate) findings: BTreeSet<Expected>,
    /// What is still found when all was fixed that can be.
    pub(crate) left: BTreeSet<Expected>,
}

/// A finding: its rule, its backend, its server if it is about one.
pub(crate) type Expected = (String, String, Option<String>);

/// What is planted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Swapped,
    Added,
    Removed,
    OtherId,
    SwappedIds,
    OtherServer,
    OneMissing,
    BackendMissing,
}

/// The first three in backends without ids, the others where all ids are written down.
const KINDS: [Kind; 8] = [
    Kind::Swapped,
    Kind::Added,
    Kind::Removed,
    Kind::OtherId,
    Kind::SwappedIds,
    Kind::OtherServer,
    Kind::OneMissing,
    Kind::BackendMissing,
];

impl Planted {
    /// `backends` backends with `servers` servers, every other one with ids; `count` inconsistencies at random places.
    pub(crate) fn new(random: &mut Random, backends: usize, servers: usize, count: usize) -> Self {
        let mut lb1 = Configuration::new(backends, servers);
        for backend in lb1.backends.iter_mut().step_by(2) {
            backend.servers.iter_mut().zip(1..).for_each(|(server, id)| server.id = Some(id));
        }
        let lb2 = Configuration { local: "lb2".to_owned(), ..lb1.clone() };
        let (findings, left) = (BTreeSet::new(), BTreeSet::new());
        let mut planted = Self { lb1, lb2, backends: BTreeSet::new(), findings, left };
        for kind in KINDS.into_iter().cycle().take(count) {
            let explicit = !matches!(kind, Kind::Swapped | Kind::Added | Kind::Removed);
            let free = |backend: &Backend| {
                backend.servers[0].id.is_some() == explicit && !planted.backends.contains(&backend.name)
            };
            let places: Vec<usize> =
                (0..planted.lb2.backends.len()).filter(|n| free(&planted.lb2.backends[*n])).collect();
            let place = random.pick(&places);
            planted.plant(random, kind, place);
        }
        // Ids that nobody wrote down are worth a note where they agree.
        for backend in planted.lb1.backends.iter().skip(1).step_by(2) {
            let note = ("server-id-implicit".to_owned(), backend.name.clone(), None);
            if !planted.backends.contains(&backend.name) {
                planted.findings.insert(note.clone());
            }
            planted.left.insert(note);
        }
        planted
    }

    fn plant(&mut self, random: &mut Random, kind: Kind, place: usize) {
        let backend = &mut self.lb2.backends[place];
        let (name, servers) = (backend.name.clone(), &mut backend.servers);
        let at = random.below(servers.len() - 2);
        let named = |server: &Server| Some(server.name.clone());
        let mut found: Vec<(&str, Option<String>)> = Vec::new();
        match kind {
            Kind::Swapped => {
                servers.swap(at, at + 1);
                found.extend(servers[at..at + 2].iter().map(|server| ("server-id-mismatch", named(server))));
            }
            Kind::Added => {
                found.extend(servers[at..].iter().map(|server| ("server-id-mismatch", named(server))));
                let new =
                    Server { name: "added".to_owned(), address: "10.9.9.9:8080".to_owned(), ..servers[at].clone() };
                servers.insert(at, new);
                found.push(("server-name-mismatch", Some("added".to_owned())));
            }
            Kind::Removed => {
                let removed = servers.remove(at);
                found.push(("server-name-mismatch", Some(removed.name)));
                found.extend(servers[at..].iter().map(|server| ("server-id-mismatch", named(server))));
            }
            Kind::OtherId => {
                servers[at].id = Some(5000);
                found.extend([("server-id-mismatch", named(&servers[at])), ("server-id-gap", None)]);
            }
            Kind::SwappedIds => {
                (servers[at].id, servers[at + 1].id) = (servers[at + 1].id, servers[at].id);
                found.extend(servers[at..at + 2].iter().map(|server| ("server-id-mismatch", named(server))));
            }
            Kind::OtherServer => {
                found.push(("server-name-mismatch", named(&servers[at])));
                (servers[at].name, servers[at].address) = ("other".to_owned(), "10.9.9.9:8080".to_owned());
                found.push(("server-name-mismatch", named(&servers[at])));
            }
            Kind::OneMissing => {
                let missing = ("server-missing".to_owned(), name.clone(), Some(servers.remove(at).name));
                self.findings.insert(missing.clone());
                self.left.insert(missing);
            }
            Kind::BackendMissing => {
                self.lb2.backends.remove(place);
                let missing = ("server-backend-missing".to_owned(), name.clone(), None);
                self.findings.insert(missing.clone());
                self.left.insert(missing);
            }
        }
        // What exists on one side only is still missing on the other when its id is nobody else's any more.
        let alone = found.iter().filter(|(code, _)| *code == "server-name-mismatch");
        self.left.extend(alone.map(|(_, server)| ("server-missing".to_owned(), name.clone(), server.clone())));
        self.findings.extend(found.into_iter().map(|(code, server)| (code.to_owned(), name.clone(), server)));
        self.backends.insert(name);
    }
}
