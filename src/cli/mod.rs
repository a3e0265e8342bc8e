//! The command line: arguments to options, one library call, a renderer, an exit code.

pub mod add;
pub mod aggregate;
pub mod args;
pub mod check;
pub mod collect;
pub mod compare;
mod complaints;
pub mod completions;
mod daemon;
pub mod dump;
pub mod edit;
pub mod exit;
pub mod explain;
pub mod failure;
pub mod files;
mod fit;
pub mod forget;
pub mod form;
pub mod generate;
pub mod grammar;
pub mod graph;
pub mod help;
pub mod hold;
pub mod instances;
pub mod learn;
mod ledger;
pub mod man;
mod notes;
pub mod parse;
pub mod probe;
mod process;
pub mod queue;
pub mod recorder;
pub mod reload;
pub mod remove;
pub mod replay;
pub mod report;
pub mod secrets;
pub mod show;
pub mod socket;
pub mod spool;
pub mod state;
mod status;
pub mod stderr;
pub mod stdout;
pub mod table;
pub mod target;
pub mod turned_away;
pub mod validate;
mod validation;
pub mod version;
pub mod view;
pub mod wait_sync;
pub mod wall;
pub mod watch;

use std::io;

use clap::FromArgMatches as _;

use args::{Cli, Command};
use exit::Exit;
use failure::Failure;
use view::View;

use crate::output::diagnostic::Look;

/// Runs the program: reads the command line, does what it says, prints, and returns the exit code.
#[must_use]
pub fn main() -> std::process::ExitCode {
    files::survive_size_limit();
    stderr::expect_mistakes();
    // Passwords and keys are read into memory: no core dump and no other process of the user gets them. Where the system can't,
    // all else goes on.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let parsed = help::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // clap's own text; help and version go to standard output and are no failure.
            let exit = if error.use_stderr() { Exit::Misuse } else { Exit::Done };
            if exit == Exit::Misuse {
                stderr::misuse(error);
                return exit.into();
            }
            return match error.print() {
                Err(failed) if failed.kind() != io::ErrorKind::BrokenPipe => Exit::Io.into(),
                _ => exit.into(),
            };
        }
    };
    let exit = match View::new(&cli) {
        Ok(view) => run(&cli, &view).unwrap_or_else(|failure| tell(&failure, &view.messages())),
        Err(failure) => tell(&failure, &view::plain(cli.color)),
    };
    exit.into()
}

/// Says on standard error why a command failed.
fn tell(failure: &Failure, look: &Look<'_>) -> Exit {
    stderr::print(&failure.text(look));
    failure.exit
}

fn run(cli: &Cli, view: &View) -> Result<Exit, Failure> {
    match &cli.command {
        Command::Add(args) => add::run(view, args),
        Command::Remove(args) => remove::run(view, args),
        Command::Generate(args) => generate::run(args),
        Command::Dump(args) => dump::run(view, args),
        Command::Watch(args) => watch::run(view, args),
        Command::Compare(args) => compare::run(view, args),
        Command::WaitSync(args) => wait_sync::run(view, args),
        Command::Replay(args) => replay::run(view, args),
        Command::Hold(args) => hold::run(view, args),
        Command::Forget(args) => forget::run(args),
        Command::Graph(args) => graph::run(view, args),
        Command::Aggregate(args) => aggregate::run(view, args),
        Command::Explain { code } => explain::run(view, code.as_deref()),
        Command::Grammar { name } => grammar::run(name.as_deref()),
        Command::Completions { shell } => completions::run(*shell),
        Command::Man { dir } => man::run(dir),
        Command::CheckIds(args) => check::run(view, args, check::Which::CheckIds),
        Command::Check(args) => check::run(view, args, check::Which::Check),
        Command::Parse(args) => parse::run(view, args),
        Command::Probe(args) => probe::run(view, args),
        Command::Show(args) => show::run(view, args),
        Command::Table(command) => table::run(view, command),
    }
}
