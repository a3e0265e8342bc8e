//! A node of ours inside a network, which writes down what happens to it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use peerctl::{
    node::{
        self, Control, Handler, LinkError, LinkState, ListenOptions, Listener, Next, Node, Options, PeerIndex, Refusal,
        Target,
    },
    proto::{Session, session::Event},
};

use super::{DEADLINE, Network, Stopwatch, wait_until};

/// What happens, a line each, like `lb1: established Called`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diary {
    lines: Arc<Mutex<Vec<(Moment, String)>>>,
    stop: Arc<AtomicBool>,
    refusals: Arc<Mutex<BTreeMap<&'static str, u64>>>,
}

/// When a line was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) at: Instant,
    /// For what may take a certain time at most.
    pub(crate) watch: Stopwatch,
}

/// What the node is to do. The targets and the listener are made inside the node's thread.
pub(crate) struct Plan {
    pub(crate) us: &'static str,
    pub(crate) dial: Box<dyn Fn() -> Vec<Target> + Send>,
    pub(crate) expect: Vec<&'static str>,
    pub(crate) listen: Option<Box<dyn Fn() -> ListenOptions + Send>>,
}

impl Plan {
    /// Calls one peer.
    pub(crate) fn call(target: impl Fn() -> Target + Send + 'static) -> Self {
        let dial = Box::new(move || vec![target()]);
        Self { us: "peerctl", dial, expect: Vec::new(), listen: None }
    }

    /// Is called by peers of these names.
    pub(crate) fn listen(expect: &[&'static str], options: impl Fn() -> ListenOptions + Send + 'static) -> Self {
        let listen: Option<Box<dyn Fn() -> ListenOptions + Send>> = Some(Box::new(options));
        Self { us: "peerctl", dial: Box::new(Vec::new), expect: expect.to_vec(), listen }
    }
}

/// Runs the node of `plan` as long as `body` does, and gives what `body` gave.
pub(crate) fn with_node<T>(network: &Network, plan: Plan, body: impl FnOnce(&Diary) -> T) -> T {
    let diary = Diary::default();
    thread::scope(|scope| {
        let of_node = diary.clone();
        scope.spawn(move || network.within(|| node::run(run(plan, of_node)).expect("an event queue")));
        let stop = Stop(&diary);
        let result = body(&diary);
        drop(stop);
        result
    })
}

/// Stops the node, also when the test fails.
struct Stop<'a>(&'a Diary);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

async fn run(plan: Plan, diary: Diary) {
    let control = Control::new();
    let writer = Writer { diary: diary.clone(), names: Vec::new(), asked: Vec::new() };
    let node = Node::new(Options::new(plan.us.as_bytes()), control.clone(), writer);
    let targets = (plan.dial)();
    for name in targets.iter().map(|target| String::from_utf8_lossy(&target.name).into_owned()) {
        node.handler().names.push(name);
    }
    for target in targets {
        node.dial(target);
    }
    for name in plan.expect {
        node.handler().names.push(name.to_owned());
        node.expect(name.as_bytes(), Vec::new());
    }
    if let Some(options) = plan.listen {
        match Listener::bind(options()).await {
            Ok(listener) => {
                diary.write(format!("listening at {:?}", listener.address()));
                node.listen(listener);
            }
            Err(error) => diary.write(format!("not listening: {error}")),
        }
    }
    let stop = async {
        while !diary.stop.load(Ordering::Relaxed) {
            *diary.refusals.lock().expect("nobody panics with it") = node.refusals();
            node::clock::sleep_until(Instant::now() + Duration::from_millis(5)).await;
        }
        control.stop_all();
    };
    stop.await;
    node.finished().await;
    diary.write("finished".to_owned());
}

struct Writer {
    diary: Diary,
    names: Vec<String>,
    asked: Vec<PeerIndex>,
}

impl Writer {
    fn write(&self, peer: PeerIndex, what: impl AsRef<str>) {
        self.diary.write(format!("{}: {}", self.names[peer.0], what.as_ref()));
    }
}

impl Handler for Writer {
    fn event(&mut self, peer: PeerIndex, _now: Instant, event: Event<'_>) {
        match event {
            Event::Update(update) => {
                let table = String::from_utf8_lossy(&update.table.definition.name).into_owned();
                self.write(peer, format!("{table} {:?} {:?}", update.key, update.values));
            }
            Event::Table(table) => {
                self.write(peer, format!("table {}", String::from_utf8_lossy(&table.definition.name)));
            }
            Event::ResyncEnded { complete } => self.write(peer, format!("resync ended {complete}")),
            _ => {}
        }
    }

    fn ready(&mut self, peer: PeerIndex, _now: Instant, session: &mut Session) -> Next {
        if !self.asked.contains(&peer) {
            self.asked.push(peer);
            session.request_resync();
        }
        Next::Wait
    }

    fn link(&mut self, peer: PeerIndex, _now: Instant, state: &LinkState<'_>) {
        match state {
            LinkState::Dialling(_) => self.write(peer, "dialling"),
            LinkState::Connected { .. } => self.write(peer, "connected"),
            LinkState::Secured(secured) => {
                self.write(peer, format!("secured {} {:?}", secured.version, secured.names));
            }
            LinkState::Answered { .. } => self.write(peer, "answered"),
            LinkState::Established(direction) => {
                self.asked.retain(|known| *known != peer);
                self.write(peer, format!("established {direction:?}"));
            }
            LinkState::Contested { count } => self.write(peer, format!("contested {count}")),
            LinkState::Closed { why, next_try } => {
                let again = next_try.map_or(String::new(), |at| {
                    format!(" (again in {} ms)", at.saturating_duration_since(Instant::now()).as_millis())
                });
                self.write(peer, format!("closed: {why}{again}"));
                if let LinkError::TakenOver { .. } = why {
                    self.write(peer, "taken over");
                }
            }
        }
    }

    fn refused(&mut self, _now: Instant, refusal: &Refusal) {
        if refusal.is_first {
            self.diary.write(refusal.to_string());
        }
    }
}

impl Diary {
    fn write(&self, line: String) {
        let moment = Moment { at: Instant::now(), watch: Stopwatch::start() };
        self.lines.lock().expect("nobody panics with it").push((moment, line));
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.timed().into_iter().map(|(_, line)| line).collect()
    }

    /// All lines so far, with their times.
    pub(crate) fn timed(&self) -> Vec<(Moment, String)> {
        self.lines.lock().expect("nobody panics with it").clone()
    }

    /// How many lines have `part`.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.lines().iter().filter(|line| line.contains(part)).count()
    }

    /// Waits until `count` lines have `part`, and gives the last of them.
    pub(crate) fn wait_for(&self, part: &str, count: usize) -> String {
        let end = Instant::now() + DEADLINE;
        wait_until(&format!("{count} × `{part}`"), || {
            let found = self.lines().into_iter().filter(|line| line.contains(part)).nth(count - 1);
            let in_time = found.is_some() || Instant::now() + Duration::from_secs(1) < end;
            assert!(in_time, "waited in vain for {count} × `{part}`: {:#?}", self.lines());
            found
        })
    }

    /// How many callers were turned away for that reason.
    pub(crate) fn refused(&self, label: &str) -> u64 {
        self.refusals.lock().expect("nobody panics with it").get(label).copied().unwrap_or(0)
    }
}
