//! `peerctl wait-sync`.

mod counting;

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::args::{Format, WaitSyncArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::learn::{Course, Ending, Learned, Lesson, Stage, learn};
use super::stderr::tell;
use super::stdout;
use super::target::{self, Identity, Targets};
use super::view::View;
use crate::escape;
use crate::output::json::{self, VERSION};

use counting::{Count, Counting, Wanted};

/// Waits until the peers are in sync and hold what they should.
///
/// # Errors
/// For misuse, or if nothing can be printed. What peers lack is told on standard error and is in the exit code.
pub fn run(view: &View, args: &WaitSyncArgs) -> Result<Exit, Failure> {
    let who = if args.borrow_local { Identity::Borrowed } else { Identity::Listed };
    let (targets, reference) = targets(view, args, who)?;
    tell(&targets.notes);
    let wanted = match (reference, args.min_entries) {
        (Some(at), _) => Wanted::Like(at),
        (None, Some(least)) => Wanted::AtLeast(least),
        (None, None) => Wanted::Anything,
    };
    let timeout = Duration::from_millis(args.timeout.ms().into());
    let bar = bar(&targets);
    let counting = Counting::new(targets.peers.len(), wanted, bar.clone());
    let learned = learn(&targets, Course { who, timeout, again: true }, counting)?;
    bar.finish_and_clear();
    tell(learned.strangers());
    let answers = answers(&learned);
    let exit = exit(&learned, &answers);
    match args.format {
        Format::Human => print(&answers)?,
        Format::Json => print_json(&answers)?,
    }
    Ok(exit)
}

/// The peers to wait for, then the one they are measured by, and its place.
fn targets(view: &View, args: &WaitSyncArgs, who: Identity) -> Result<(Targets, Option<usize>), Failure> {
    let mut words = args.peers.clone();
    let Some(like) = &args.like else { return Ok((target::resolve(view, &args.connect, &words, who)?, None)) };
    let name = like.split_once('=').map_or(like.as_str(), |(name, _)| name).as_bytes();
    let named = |targets: &Targets| targets.peers.iter().position(|peer| peer.name.as_deref() == Some(name));
    // Without a word all peers of the section are meant, so the one to be like is among them.
    let mut targets = if words.is_empty() {
        target::resolve(view, &args.connect, &words, who)?
    } else {
        words.retain(|word| word.split_once('=').map_or(word.as_str(), |(name, _)| name).as_bytes() != name);
        words.push(like.clone());
        target::resolve(view, &args.connect, &words, who)?
    };
    let Some(at) = named(&targets) else {
        let message = format!("--like {}: no such peer", escape::name(like.as_bytes()));
        return Err(Failure::misuse(message, "give it as NAME=ADDRESS, or with -f the name of a peer of the section"));
    };
    if targets.peers.len() < 2 {
        return Err(Failure::misuse("--like, and nobody to be like it", "name the peers to wait for, too"));
    }
    let reference = targets.peers.remove(at);
    targets.peers.push(reference);
    let last = targets.peers.len() - 1;
    Ok((targets, Some(last)))
}

/// What one peer answered in the end.
#[derive(Debug, Serialize)]
struct AnswerOf<'a> {
    name: &'a str,
    result: Answer,
    /// `finished`, `partial`, or null without an answer.
    resync: Option<&'static str>,
    entries: std::collections::BTreeMap<String, u64>,
    #[serde(skip)]
    text: String,
}

/// How it stands with a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// It is in sync and holds enough.
    InSync,
    /// It is in sync and holds nothing.
    Empty,
    /// It is in sync and holds too few entries.
    TooFew,
    /// It isn't in sync.
    Partial,
    /// There was no answer.
    #[serde(rename = "no_answer")]
    Silent,
}

fn answers(learned: &Learned<Counting>) -> Vec<AnswerOf<'_>> {
    let counting = &learned.pupil;
    let peers = learned.lessons.iter().enumerate().filter(|(at, _)| !counting.is_reference(*at) || !counting.has(*at));
    let answer = |(at, lesson): (usize, &'_ Lesson)| {
        let count = counting.count(at);
        let (result, text) = judge(counting, at, lesson, count);
        let name = |table: &[u8]| escape::name(table).into_owned();
        (result, text, count.tables.iter().map(|(table, count)| (name(table), *count)).collect())
    };
    let mut answers: Vec<AnswerOf<'_>> = Vec::new();
    for (at, lesson) in peers {
        let (result, text, entries) = answer((at, lesson));
        let resync = counting.count(at).finished.map(|finished| if finished { "finished" } else { "partial" });
        answers.push(AnswerOf { name: &lesson.name, result, resync, entries, text });
    }
    answers.sort_by_key(|answer| answer.name);
    answers
}

/// How it stands with a peer, and that as text.
fn judge(counting: &Counting, at: usize, lesson: &Lesson, count: &Count) -> (Answer, String) {
    let total = count.total();
    let held = format!("{total} {} in {} tables", if total == 1 { "entry" } else { "entries" }, count.tables.len());
    match (&lesson.stage, count.finished) {
        (Stage::Failed { why, help }, _) => {
            let next = if help.is_empty() { String::new() } else { format!("; {help}") };
            (Answer::Silent, format!("{why}{next}"))
        }
        (_, None) => (Answer::Silent, "no whole answer so far".to_owned()),
        (_, Some(false)) => (Answer::Partial, format!("not in sync (resync partial); {held}")),
        (_, Some(true)) if counting.is_satisfied(at) => (Answer::InSync, format!("in sync; {held}")),
        (_, Some(true)) if total == 0 && counting.wants_anything() => (
            Answer::Empty,
            "finished but empty: HAProxy says so, too, when it found nobody to learn from; if it is meant to be empty, \
             give --min-entries 0"
                .to_owned(),
        ),
        (_, Some(true)) => (Answer::TooFew, format!("in sync, but {}", counting.lack(at))),
    }
}

fn exit(learned: &Learned<Counting>, answers: &[AnswerOf<'_>]) -> Exit {
    if let Ending::Interrupted(signal) = learned.ending {
        return Exit::of_signal(signal);
    }
    let any = |result: Answer| answers.iter().any(|answer| answer.result == result);
    let failed = learned.lessons.iter().any(|lesson| matches!(lesson.stage, Stage::Failed { .. }));
    match () {
        () if failed => Exit::Io,
        () if any(Answer::Silent) || any(Answer::Partial) => Exit::Incomplete,
        () if any(Answer::Empty) || any(Answer::TooFew) => Exit::WouldChange,
        () => Exit::Done,
    }
}

fn print(answers: &[AnswerOf<'_>]) -> Result<(), Failure> {
    let width = answers.iter().map(|answer| answer.name.chars().count()).max().unwrap_or(0);
    stdout::print(|out| {
        answers.iter().try_for_each(|answer| writeln!(out, "{:width$}  {}", answer.name, answer.text))
    })?;
    Ok(())
}

fn print_json(answers: &[AnswerOf<'_>]) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Document<'a> {
        version: u32,
        peers: &'a [AnswerOf<'a>],
    }
    stdout::print(|out| json::print(&Document { version: VERSION, peers: answers }, out))?;
    Ok(())
}

fn bar(targets: &Targets) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let names: Vec<String> = targets.peers.iter().map(target::Target::shown).collect();
    let bar = ProgressBar::new_spinner().with_message(format!("waiting for {}", names.join(", ")));
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}: {human_pos} entries") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
