//! The command line: arguments to options, one library call, a renderer, an exit code.

pub mod add;
pub mod args;
pub mod completions;
pub mod edit;
pub mod exit;
pub mod failure;
pub mod files;
pub mod form;
pub mod generate;
pub mod grammar;
pub mod help;
pub mod instances;
pub mod look;
pub mod man;
mod notes;
pub mod parse;
mod process;
pub mod reload;
pub mod remove;
pub mod report;
pub mod show;
pub mod stdout;
pub mod table;
pub mod validate;
mod validation;
pub mod version;

use std::io::{self, Write as _};

use clap::FromArgMatches as _;

use args::{Cli, Command};
use exit::Exit;
use failure::Failure;

/// Runs the program: reads the command line, does what it says, prints, and returns the exit code.
#[must_use]
pub fn main() -> std::process::ExitCode {
    files::survive_size_limit();
    let parsed = help::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // clap's own text; help and version go to standard output and are no failure.
            let printed = error.print();
            let exit = if error.use_stderr() { Exit::Misuse } else { Exit::Done };
            return printed.map_or(Exit::Io, |()| exit).into();
        }
    };
    let result = run(&cli);
    let exit = result.unwrap_or_else(|failure| {
        // Nothing is left to do if standard error is gone, too.
        let _ = io::stderr().write_all(failure.text(&look::messages(&cli)).as_bytes());
        failure.exit
    });
    exit.into()
}

fn run(cli: &Cli) -> Result<Exit, Failure> {
    match &cli.command {
        Command::Add(args) => add::run(cli, args),
        Command::Remove(args) => remove::run(cli, args),
        Command::Generate(args) => generate::run(args),
        Command::Grammar { name } => grammar::run(name.as_deref()),
        Command::Completions { shell } => completions::run(*shell),
        Command::Man { dir } => man::run(dir),
        Command::Parse(args) => parse::run(args),
        Command::Show(args) => show::run(cli, args),
        Command::Table(command) => table::run(cli, command),
    }
}
