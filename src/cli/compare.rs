//! `peerctl compare`.

mod difference;

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::ProgressBar;

use super::args::{CompareArgs, Format};
use super::collect::Collector;
use super::exit::Exit;
use super::failure::Failure;
use super::learn::{Course, Ending, Stage, learn};
use super::socket::Source;
use super::stderr::tell;
use super::stdout;
use super::target::{self, Identity, Tables, Target};
use super::view::View;
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
    let sources = args.socket.iter().map(|text| Source::open(text)).collect::<Result<Vec<_>, _>>()?;
    let calls = sources.is_empty() || !args.peers.is_empty() || args.connect.section.is_some();
    let who = if args.borrow_local { Identity::Borrowed } else { Identity::Listed };
    let targets = if calls { Some(target::resolve(view, &args.connect, &args.peers, who)?) } else { None };
    let called = targets.as_ref().map_or(0, |targets| targets.peers.len());
    if called + sources.len() < 2 {
        return Err(Failure::misuse("nothing to compare with", "name two peers at least"));
    }
    let tables = Tables::parse(&args.table)?;
    let mut collector = Collector::new(tables.clone(), called + sources.len(), clock::now());
    let mut read = Read { names: Vec::new(), complete: true, exit: Exit::Done };
    if let Some(targets) = &targets {
        tell(&targets.notes);
        let course = Course { who, timeout: Duration::from_millis(args.timeout.ms().into()), again: false };
        let bar = bar(&targets.peers);
        let learned = learn(targets, course, collector)?;
        bar.finish_and_clear();
        tell(learned.problems());
        if let Ending::Interrupted(signal) = learned.ending {
            return Ok(Exit::of_signal(signal));
        }
        (read.complete, read.exit) = (learned.is_complete(), learned.exit());
        for (at, lesson) in learned.lessons.into_iter().enumerate() {
            if !matches!(lesson.stage, Stage::Failed { .. } | Stage::Waiting) {
                read.names.push((lesson.name, at));
            }
        }
        collector = learned.pupil;
    }
    let configuration = targets.as_ref().and_then(|targets| targets.configuration.as_ref());
    for (at, source) in (called..).zip(sources) {
        source.read(&mut collector, at, &tables, configuration.map(|configuration| &configuration.loaded))?;
        read.names.push((source.name, at));
    }
    print(view, args, &tables, &collector, read)
}

/// Who could be read, and how that went.
struct Read {
    /// Names, and places in the collector.
    names: Vec<(String, usize)>,
    complete: bool,
    exit: Exit,
}

fn print(view: &View, args: &CompareArgs, tables: &Tables, collector: &Collector, read: Read) -> Result<Exit, Failure> {
    let Read { mut names, complete, exit } = read;
    if names.len() < 2 {
        return Ok(exit);
    }
    names.sort();
    let (names, peers): (Vec<String>, Vec<usize>) = names.into_iter().unzip();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let chosen = match tables.choose(collector.announced()) {
        // Whether a table is missing is known only if all tables are.
        Err(failure) if complete => return Err(failure),
        chosen => chosen.unwrap_or_default(),
    };
    let comparison = Comparison {
        collector,
        peers: &peers,
        now_ms: collector.ms(clock::now()),
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
    Ok(match exit {
        Exit::Done if collector.dropped > 0 => Exit::Incomplete,
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
