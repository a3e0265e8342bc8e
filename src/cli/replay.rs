//! `peerctl replay`.

mod report;
mod route;
mod source;
mod teach;

use std::io::{self, IsTerminal as _};
use std::rc::Rc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::{Existing, Life, ReplayArgs, Speed};
use super::collect::Collector;
use super::exit::Exit;
use super::failure::Failure;
use super::files;
use super::learn::{Course, Ending, Stage, learn};
use super::stderr::tell;
use super::stdout;
use super::target::{self, Identity, Tables, Target, Targets};
use super::view::View;
use crate::escape;
use crate::grammar::DataType;
use crate::node::{Retry, clock};
use crate::table::Store;

use super::fit::{Gauges, Mismatch, Plan};
use route::{How, Keys, Route};
use source::{Source, Survey, Surveyed};
use teach::{Meeting, Problem, Taught, teach};

/// How the peers are asked for what they have.
const COURSE: Course = Course { who: Identity::Listed, timeout: Duration::from_secs(30), again: false };

/// How often a session may be lost before it is given up. Each time everything is sent again: a peer that was restarted has
/// lost what it acknowledged, and entries are states, so twice is as good as once.
const SESSIONS: u32 = 5;

/// Sends the entries of a file to live peers.
///
/// # Errors
/// For misuse, a file that isn't one of records, definitions that don't match; then nothing was sent.
pub fn run(view: &View, args: &ReplayArgs) -> Result<Exit, Failure> {
    let job = Job::new(args)?;
    let targets = target::resolve(view, &args.connect, &args.peers, Identity::Listed)?;
    tell(targets.notes.iter().chain(&job.survey.notes));
    // All peers are looked at before the first entry goes out.
    let learned = learn(&targets, COURSE, Collector::new(Tables::default(), targets.peers.len(), clock::now()))?;
    tell(learned.problems());
    if learned.ending != Ending::Done
        || learned.lessons.iter().any(|lesson| matches!(lesson.stage, Stage::Failed { .. }))
    {
        return Ok(learned.exit());
    }
    let mut mismatches = Vec::new();
    let mut plans = Vec::new();
    for (at, peer) in targets.peers.iter().enumerate() {
        plans.push(job.routes(peer, at, &learned.pupil, &mut mismatches));
    }
    if !mismatches.is_empty() {
        let help = "nothing was sent";
        return Err(Failure::new(Exit::WouldChange, mismatches.join("\n"), help));
    }
    drop(learned);
    if args.check {
        let mut text = String::new();
        for (peer, routes) in targets.peers.iter().zip(&plans) {
            let foreseen = route::foresee(&job.source, routes, &job.how())?;
            text += &report::foreseen(&job, peer, routes, &foreseen);
        }
        stdout::print(|out| out.write_all(text.as_bytes()))?;
        return Ok(Exit::Done);
    }
    job.send(&targets, &plans)
}

/// What is to be sent.
struct Job<'a> {
    args: &'a ReplayArgs,
    source: Source,
    survey: Survey,
    /// For each table of the file the name of the peer's table, if it is sent at all.
    names: Vec<Option<Box<[u8]>>>,
    without: Vec<DataType>,
}

impl<'a> Job<'a> {
    fn new(args: &'a ReplayArgs) -> Result<Self, Failure> {
        let without = args.without.iter().map(|name| data_type(name)).collect::<Result<_, _>>()?;
        let maps = args.map_table.iter().map(|text| Map::parse(text)).collect::<Result<Vec<_>, _>>()?;
        let tables = Tables::parse(&args.table)?;
        let source = Source::open(&args.file)?;
        let survey = source.survey()?;
        let from = args.from.as_deref().map(str::as_bytes);
        let wanted: Vec<&Surveyed> =
            survey.tables.iter().filter(|table| from.is_none_or(|from| *table.peer == *from)).collect();
        if let (Some(from), true) = (from, wanted.is_empty()) {
            return Err(Failure::misuse(
                format!("the file has nothing of `{}`", escape::name(from)),
                peers_help(&survey),
            ));
        }
        let chosen = tables.choose(wanted.iter().map(|table| &*table.name))?;
        let names: Vec<Option<Box<[u8]>>> = survey
            .tables
            .iter()
            .map(|table| {
                let sent =
                    from.is_none_or(|from| *table.peer == *from) && chosen.contains(&&*table.name) && table.entries > 0;
                let map = maps.iter().find(|map| map.from.meant(&table.name) > target::Meant::No);
                sent.then(|| map.map_or_else(|| table.name.clone(), |map| map.to.clone()))
            })
            .collect();
        let sent =
            || survey.tables.iter().zip(&names).filter_map(|(table, name)| name.as_ref().map(|name| (table, name)));
        for (table, name) in sent() {
            if let Some((other, _)) = sent().find(|(other, to)| *to == name && !std::ptr::eq(*other, table)) {
                let to = escape::name(name);
                let (message, help) = if other.peer == table.peer {
                    (format!("two tables of the file would go into `{to}`"), "choose one with --table".to_owned())
                } else {
                    (format!("the file has `{to}` as several peers had it"), peers_help(&survey))
                };
                return Err(Failure::misuse(message, help));
            }
        }
        Ok(Self { args, source, survey, names, without })
    }

    /// Where the tables of the file go at one peer. What doesn't fit is added to `mismatches`.
    fn routes(
        &self,
        peer: &Target,
        at: usize,
        learned: &Collector,
        mismatches: &mut Vec<String>,
    ) -> Vec<Option<Route>> {
        let stores = learned.stores(at);
        let mut routes = Vec::new();
        for (table, name) in self.survey.tables.iter().zip(&self.names) {
            let Some(name) = name else {
                routes.push(None);
                continue;
            };
            let shown = escape::name(name);
            let Some(store) = stores.and_then(|stores| stores.get(name)) else {
                let there: Vec<_> =
                    stores.into_iter().flatten().map(|(name, _)| format!("`{}`", escape::name(name))).collect();
                let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
                mismatches.push(format!("{} announces no table `{shown}`, only {there}", peer.shown()));
                continue;
            };
            let plans: Result<Vec<_>, Mismatch> = table
                .definitions
                .iter()
                .map(|definition| Plan::new(definition, store.definition(), &self.without, Gauges::Left))
                .collect();
            match plans {
                Ok(plans) => routes.push(Some(Route { plans, existing: self.existing(store) })),
                Err(mismatch) => {
                    mismatches.push(format!("`{shown}` of {}: {mismatch}; {}", peer.shown(), mismatch.help()));
                }
            }
        }
        routes
    }

    /// The keys that stay as they are.
    fn existing(&self, store: &Store) -> Option<Rc<Keys>> {
        let keys = || store.iter(0).map(|entry| entry.key().into()).collect();
        (self.args.existing == Existing::Skip).then(|| Rc::new(keys()))
    }

    fn send(&self, targets: &Targets, plans: &[Vec<Option<Route>>]) -> Result<Exit, Failure> {
        // Also between two sessions a signal ends it in order.
        let _guard = files::Guard::note();
        let mut worst = Exit::Done;
        for (peer, routes) in targets.peers.iter().zip(plans) {
            let (taught, exit) = self.send_to(targets, peer, routes)?;
            let report = report::taught(self, peer, routes, &taught);
            stdout::print(|out| out.write_all(report.as_bytes()))?;
            worst = worse(worst, exit);
            if exit.is_signal() {
                break;
            }
        }
        Ok(worst)
    }

    fn send_to(&self, targets: &Targets, peer: &Target, routes: &[Option<Route>]) -> Result<(Taught, Exit), Failure> {
        let how = self.how();
        let mut session = 1;
        loop {
            let bar = self.bar(peer, routes);
            let meeting = match &targets.listen {
                None => Meeting::Call(Box::new(peer.call(Retry::Never)?)),
                Some(listen) => {
                    Meeting::Wait(listen.options()?, peer.name.clone().unwrap_or_default(), peer.certificate_names())
                }
            };
            let taught = teach(&self.source, meeting, &peer.us, routes, how.clone(), bar.clone())?;
            bar.finish_and_clear();
            if taught.ending != Ending::Done {
                tell(taught.turned_away.lines());
            }
            let exit = match (&taught.ending, &taught.problem) {
                (Ending::Interrupted(signal), _) => Exit::of_signal(*signal),
                (Ending::TimedOut, _) => {
                    tell([format!("{}: it has not called", peer.shown())]);
                    Exit::Io
                }
                (_, Some(Problem::Link(why))) => {
                    if session < SESSIONS {
                        tell([format!("{}: {why}; everything is sent again", peer.shown())]);
                        pause(Duration::from_millis(500) * session);
                        session += 1;
                        continue;
                    }
                    Exit::Io
                }
                (_, Some(_)) => Exit::Incomplete,
                (_, None) if taught.tallies.iter().any(|tally| tally.unfit > 0) => Exit::Incomplete,
                (_, None) => Exit::Done,
            };
            return Ok((taught, exit));
        }
    }

    fn how(&self) -> How {
        How {
            ages: self.args.life == Life::Rest,
            pace: match self.args.speed {
                Speed::Max => None,
                Speed::Once => Some(1),
                Speed::Ten => Some(10),
            },
            first: self.survey.first,
            began: clock::now(),
        }
    }

    fn bar(&self, peer: &Target, routes: &[Option<Route>]) -> ProgressBar {
        if !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let routed = self.survey.tables.iter().zip(routes).filter(|(_, route)| route.is_some());
        let bar = ProgressBar::new(routed.map(|(table, _)| table.entries).sum()).with_message(peer.shown());
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {human_pos}/{human_len} entries, {per_sec}") {
            bar.set_style(style);
        }
        bar
    }

    /// The tables that are sent, the name each has at the peer, and its route.
    fn sent<'b>(&'b self, routes: &'b [Option<Route>]) -> impl Iterator<Item = (&'b Surveyed, &'b [u8], &'b Route)> {
        let tables = self.survey.tables.iter().zip(&self.names).zip(routes);
        tables.filter_map(|((table, name), route)| Some((table, &**name.as_ref()?, route.as_ref()?)))
    }
}

/// `--map-table A=B`.
struct Map {
    from: Tables,
    to: Box<[u8]>,
}

impl Map {
    fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = || {
            Failure::misuse(
                format!("--map-table {}: expected A=B", escape::name(text.as_bytes())),
                "write --map-table st_src=st_src_new",
            )
        };
        let (from, to) =
            text.split_once('=').filter(|(from, to)| !from.is_empty() && !to.is_empty()).ok_or_else(wrong)?;
        Ok(Self { from: Tables::parse(&[from.to_owned()])?, to: to.as_bytes().into() })
    }
}

fn data_type(name: &str) -> Result<DataType, Failure> {
    DataType::by_name(name.as_bytes()).ok_or_else(|| {
        let names: Vec<String> = DataType::all().map(|info| info.name.to_owned()).collect();
        let message = format!("--without {}: no such data type", escape::name(name.as_bytes()));
        Failure::misuse(message, format!("there is {}", names.join(", ")))
    })
}

fn peers_help(survey: &Survey) -> String {
    let mut peers: Vec<String> = survey.tables.iter().map(|table| escape::name(&table.peer).into_owned()).collect();
    peers.sort();
    peers.dedup();
    format!("choose what one of them had: --from {}", peers.join(", --from "))
}

/// Waits so long, or until a signal comes.
fn pause(time: Duration) {
    let end = clock::now() + time;
    while clock::now() < end && files::interrupted().is_none() {
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The worse of two ends: interrupted, 3, 5, 1.
fn worse(a: Exit, b: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        exit if exit.is_signal() => 4,
        Exit::Io => 3,
        Exit::Incomplete => 2,
        Exit::Done => 0,
        _ => 1,
    };
    if rank(b) > rank(a) { b } else { a }
}
