//! `peerctl dump`.

mod listing;
mod records;
mod stream;

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::{DumpArgs, DumpFormat};
use super::collect::Collector;
use super::exit::Exit;
use super::failure::Failure;
use super::files::{self, Output};
use super::learn::{Course, Ending, Learned, Stage, learn};
use super::queue::LAST_WORDS;
use super::socket::Source;
use super::spool::{Destination, Spool};
use super::stderr::tell;
use super::target::{self, Identity, Tables, Target, Targets};
use super::view::View;
use super::wall::WallClock;
use crate::node::clock;

use listing::Listing;
use stream::{Bounds, Stream};

/// Writes what the peers hold.
///
/// # Errors
/// For misuse, a table that nobody has, or if nothing can be written. What peers do wrong is told on standard error and is in
/// the exit code.
pub fn run(view: &View, args: &DumpArgs) -> Result<Exit, Failure> {
    // What can't be read is said before anybody is called.
    args.select.filter.as_deref().map(listing::parse).transpose()?;
    let dump = Dump { view, args, tables: Tables::parse(&args.select.table)? };
    if args.socket.is_empty() { dump.peers() } else { dump.sockets() }
}

struct Dump<'a> {
    view: &'a View,
    args: &'a DumpArgs,
    tables: Tables,
}

impl Dump<'_> {
    fn peers(&self) -> Result<Exit, Failure> {
        // From here on a signal ends the dump in order.
        let _guard = files::Guard::note();
        let who = if self.args.borrow_local { Identity::Borrowed } else { Identity::Listed };
        let targets = target::resolve(self.view, &self.args.connect, &self.args.peers, who)?;
        tell(&targets.notes);
        let timeout = Duration::from_millis(self.args.timeout.ms().into());
        let course = Course { who, timeout, again: false };
        let select = &self.args.select;
        let bar = self.bar(&targets);
        let names: Vec<Box<[u8]>> =
            targets.peers.iter().map(|target| target.name.clone().unwrap_or_default()).collect();
        if self.format() == DumpFormat::Ndjson && select.sort.is_none() && select.filter.is_none() {
            let stream = Stream::new(
                self.destination()?,
                names,
                self.tables.clone(),
                select.limit,
                bar.clone(),
                Bounds::default(),
            );
            let learned = learn(&targets, course, stream)?;
            bar.finish_and_clear();
            let (exit, complete) = (learned.exit(), learned.is_complete());
            let got = learned.lessons.iter().any(|lesson| lesson.stage != Stage::Waiting && lesson.entries > 0);
            report(&learned);
            let written = learned.pupil.finish(complete, got || complete, patience(learned.ending))?;
            return Ok(worse(exit, written));
        }
        let collector = Collector::new(self.tables.clone(), names.len(), clock::now());
        let learned = learn(&targets, course, collector)?;
        bar.finish_and_clear();
        report(&learned);
        if learned.lessons.iter().all(|lesson| matches!(lesson.stage, Stage::Failed { .. })) {
            return Ok(learned.exit());
        }
        let now = clock::now();
        let listing = Listing {
            collector: &learned.pupil,
            names: &names,
            section: targets.configuration.as_ref().map(|configuration| configuration.section.as_slice()),
            now,
            time: WallClock::default().at(now),
            complete: learned.is_complete() && learned.pupil.dropped == 0,
            numbered: true,
        };
        let printed = self.print(&listing, patience(learned.ending))?;
        Ok(worse(learned.exit(), printed))
    }

    /// Through runtime sockets.
    fn sockets(&self) -> Result<Exit, Failure> {
        let sources = self.args.socket.iter().map(|text| Source::open(text)).collect::<Result<Vec<_>, _>>()?;
        let configuration = match self.args.connect.config {
            Some(_) => Some(target::load(&self.args.connect)?),
            None => None,
        };
        let mut collector = Collector::new(self.tables.clone(), sources.len(), clock::now());
        let mut sections: Vec<Vec<u8>> = Vec::new();
        for (peer, source) in sources.iter().enumerate() {
            sections.extend(source.read(&mut collector, peer, &self.tables, configuration.as_ref())?);
        }
        sections.dedup();
        let names: Vec<Box<[u8]>> = sources.iter().map(|source| source.name.as_bytes().into()).collect();
        let now = clock::now();
        let listing = Listing {
            collector: &collector,
            names: &names,
            section: if let [only] = sections.as_slice() { Some(only) } else { None },
            now,
            time: WallClock::default().at(now),
            complete: collector.dropped == 0,
            numbered: false,
        };
        let _guard = files::Guard::note();
        self.print(&listing, None)
    }

    fn print(&self, listing: &Listing<'_>, patience: Option<Duration>) -> Result<Exit, Failure> {
        let spool = Spool::start(self.destination()?);
        let printed = listing.print(self.format(), &self.args.select, self.colored(), &mut spool.writer());
        // Misuse is found before anything is written; after a failed write the spool knows what failed.
        let kept = !matches!(&printed, Err(failure) if failure.exit == Exit::Misuse);
        let finished = spool.finish(patience, kept);
        let said = match printed {
            Err(failure) if !kept => return Err(failure),
            printed => {
                finished?;
                printed?
            }
        };
        tell(said);
        Ok(if listing.collector.dropped > 0 { Exit::Incomplete } else { Exit::Done })
    }

    fn format(&self) -> DumpFormat {
        let terminal = self.args.output.is_none() && std::io::stdout().is_terminal();
        self.args.format.unwrap_or(if terminal { DumpFormat::Table } else { DumpFormat::Ndjson })
    }

    fn colored(&self) -> bool {
        self.args.output.is_none() && self.view.color(std::io::stdout().is_terminal())
    }

    fn destination(&self) -> Result<Destination, Failure> {
        Ok(match &self.args.output {
            Some(path) if path.as_os_str() != "-" => Destination::File(Output::create(path)?),
            _ => Destination::Stdout,
        })
    }

    /// What comes in, counted on a terminal where nothing else is printed.
    fn bar(&self, targets: &Targets) -> ProgressBar {
        let busy = self.args.output.is_none() && std::io::stdout().is_terminal() && self.format() == DumpFormat::Ndjson;
        if busy || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let names: Vec<String> = targets.peers.iter().map(Target::shown).collect();
        let bar = ProgressBar::new_spinner().with_message(names.join(", "));
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {human_pos} entries, {per_sec}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}

/// What went wrong; on a terminal, what went well, too.
fn report<P>(learned: &Learned<P>) {
    let mut lines = learned.problems();
    if std::io::stderr().is_terminal() {
        for lesson in &learned.lessons {
            if lesson.stage == (Stage::Learned { complete: true }) {
                let seconds = lesson.took.as_secs_f64();
                lines.push(format!("{}: {} entries, in sync ({seconds:.2} s)", lesson.name, lesson.entries));
            }
        }
    }
    tell(&lines);
}

/// How long what was learned may take to be written.
fn patience(ending: Ending) -> Option<Duration> {
    matches!(ending, Ending::Interrupted(_)).then_some(LAST_WORDS)
}

/// The worse of two ends, of which the second is [`Exit::Done`] or [`Exit::Incomplete`].
fn worse(exit: Exit, other: Exit) -> Exit {
    if exit == Exit::Done { other } else { exit }
}
