//! The command line: arguments to options, one library call, a renderer, an exit code.

pub mod add;
pub mod args;
pub mod edit;
pub mod exit;
pub mod failure;
pub mod files;
pub mod form;
pub mod instances;
mod process;
pub mod reload;
pub mod remove;
pub mod report;
pub mod snippet;
pub mod stdout;
pub mod table;
pub mod validate;
mod validation;
pub mod version;

use std::io::{self, Write as _};

use clap::Parser as _;

use args::{Cli, Command};
use exit::Exit;
use failure::Failure;

/// Runs the program: reads the command line, does what it says, prints, and returns the exit code.
pub fn main() -> std::process::ExitCode {
    files::survive_size_limit();
    let cli = match Cli::try_parse() {
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
        let _ = io::stderr().write_all(failure.text().as_bytes());
        failure.exit
    });
    exit.into()
}

fn run(cli: &Cli) -> Result<Exit, Failure> {
    match &cli.command {
        Command::Add(args) => add::run(cli, args),
        Command::Remove(args) => remove::run(cli, args),
        Command::Table(command) => table::run(cli, command),
        Command::Generate(_)
        | Command::Show(_)
        | Command::Parse(_)
        | Command::Grammar { .. }
        | Command::Completions { .. }
        | Command::Man { .. } => Err(Failure::misuse("not there yet", "")),
    }
}
