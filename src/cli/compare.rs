//! `peerctl compare`.

mod difference;

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::ProgressBar;

use super::args::{CompareArgs, Format};
use super::collect::Collector;
use super::exit::Exit;
use super::failure::Failure;
use super::learn::{Course, Stage, learn};
use super::target::{self, Identity, Tables, Target};
use super::view::View;
use super::{dump, stdout};
use crate::node::clock;
use crate::output::compare::{self, Compared};

use difference::Comparison;

/// The most differing entries of a table that people see, unless they ask for more.
const SHOWN: usize = 20;

/// Says in what the peers differ.
///
/// # Errors
/// For misuse, a table that nobody has, or if nothing can be printed. What peers do wrong is told on standard error and is in
/// the exit code.
pub fn run(view: &View, args: &CompareArgs) -> Result<Exit, Failure> {
    let who = if args.borrow_local { Identity::Borrowed } else { Identity::Listed };
    let targets = target::resolve(view, &args.connect, &args.peers, who)?;
    if targets.peers.len() < 2 {
        return Err(Failure::misuse("nothing to compare with", "name two peers at least"));
    }
    dump::tell(&targets.notes);
    let course = Course { who, timeout: Duration::from_millis(args.timeout.ms().into()), again: false };
    let tables = Tables::parse(&args.table)?;
    let bar = bar(&targets.peers);
    let collector = Collector::new(tables.clone(), targets.peers.len(), clock::now());
    let learned = learn(&targets, course, collector)?;
    bar.finish_and_clear();
    dump::tell(&learned.problems());

    let taught = |at: &usize| {
        learned.lessons.get(*at).is_some_and(|lesson| !matches!(lesson.stage, Stage::Failed { .. } | Stage::Waiting))
    };
    let mut peers: Vec<usize> = (0..targets.peers.len()).filter(taught).collect();
    peers.sort_by_key(|at| learned.lessons.get(*at).map(|lesson| &lesson.name));
    if peers.len() < 2 {
        return Ok(learned.exit());
    }
    let names: Vec<&str> =
        peers.iter().filter_map(|at| learned.lessons.get(*at)).map(|lesson| lesson.name.as_str()).collect();
    let chosen = match tables.choose(learned.pupil.announced()) {
        // Whether a table is missing is known only if all tables are.
        Err(failure) if learned.is_complete() => return Err(failure),
        chosen => chosen.unwrap_or_default(),
    };
    let comparison = Comparison {
        collector: &learned.pupil,
        peers: &peers,
        now_ms: learned.pupil.ms(clock::now()),
        tolerance: args.tolerance.part(),
        sort: args.sort.as_deref(),
        with_only: matches!(args.format, Format::Human),
        limit: args.limit.or(matches!(args.format, Format::Human).then_some(SHOWN)),
    };
    let compared = comparison.tables(&chosen)?;
    let color = view.color(std::io::stdout().is_terminal());
    stdout::print(|out| match args.format {
        Format::Human => compare::text(&compared, &names, color, out),
        Format::Json => compare::json(&compared, &names, out),
    })?;
    let differ = compared.iter().any(Compared::differs);
    let incomplete = learned.pupil.dropped > 0;
    Ok(match learned.exit() {
        Exit::Done if incomplete => Exit::Incomplete,
        Exit::Done if differ => Exit::WouldChange,
        exit => exit,
    })
}

fn bar(targets: &[Target]) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let names: Vec<String> = targets.iter().map(Target::shown).collect();
    let bar = ProgressBar::new_spinner().with_message(format!("learning from {}", names.join(", ")));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
