//! `peerctl aggregate`: sums over instances.
//!
//! ```text
//! file ─► statement (one line) ─► draft (one section) ─► assemble, levels, listeners (all of it) ─► Options
//! ```

mod assemble;
mod by_hand;
mod draft;
mod file;
mod levels;
pub mod line;
mod listeners;
pub mod options;
pub mod problems;
pub mod serve;
pub mod statement;

use std::path::Path;

use super::args::{AggregateArgs, AggregateCommand};
use super::exit::Exit;
use super::failure::Failure;
use super::instances::shown;
use super::target::metrics_address;
use super::view::View;
use super::{files, stderr, stdout};
use crate::config::{Document, Environment, Source};
use crate::output::diagnostic::Diagnostic;

use assemble::Wanted;
use problems::Problems;

pub use options::{Options, Section};

/// Runs the command.
///
/// # Errors
/// For a file or options that can't be meant, and as [`serve::run`].
pub fn run(view: &View, args: &AggregateArgs) -> Result<Exit, Failure> {
    if let Some(AggregateCommand::Status(args)) = &args.command {
        return serve::status::run(args);
    }
    let options = options(view, args)?;
    if args.check {
        stdout::print(|out| out.write_all(b"Configuration file is valid\n"))?;
        return Ok(Exit::Done);
    }
    serve::run(view, args, options)
}

/// What file and command line ask for; warnings go to standard error.
///
/// # Errors
/// If it can't be meant.
pub fn options(view: &View, args: &AggregateArgs) -> Result<Options, Failure> {
    let mut options = match &args.file {
        Some(file) => {
            let (options, warnings) = read(view, file, args.insecure_plaintext)?;
            stderr::print(&warnings.concat());
            options
        }
        None => by_hand::options(view, args)?,
    };
    options.dry_run = args.dry_run;
    options.metrics_top = args.metrics_top;
    if let Some(path) = &args.control {
        let mode = options.control.as_ref().map_or(statement::CONTROL_MODE, |control| control.mode);
        options.control = Some(statement::Control { path: path.clone(), mode });
    }
    if let Some(text) = &args.metrics {
        let address = metrics_address(text).map_err(|error| {
            Failure::misuse(format!("--metrics: {error}"), "write --metrics 127.0.0.1:9199, or :9199 for the same")
        })?;
        options.metrics = Some(address);
    }
    if options.metrics_top.is_some() && options.metrics.is_none() {
        return Err(Failure::misuse(
            "--metrics-top, and no metrics are served",
            "give --metrics ADDRESS, or `metrics` in the file",
        ));
    }
    Ok(options)
}

/// Reads the aggregator's file; also gives what is worth a warning.
///
/// # Errors
/// If it can't be read; else with everything that is wrong with it.
pub fn read(view: &View, path: &Path, insecure_plaintext: bool) -> Result<(Options, Vec<String>), Failure> {
    let bytes = files::read(if path == Path::new("-") { Path::new("/dev/stdin") } else { path })?.bytes;
    let name = shown(path);
    let document = Document::parse(bytes).map_err(|error| Failure::misuse(format!("{name}: {error}"), ""))?;
    let source = Source::new(name, document);
    let wanted = Wanted { file: path, insecure_plaintext };
    let (options, problems) = parse(&source, &environment(), wanted);
    let (look, exit) = (view.messages(), problems.exit());
    let found: Vec<Diagnostic> = problems.into_sorted();
    match options {
        Some(options) => Ok((options, found.iter().map(|one| one.render(&[&source], &look)).collect())),
        None => Err(Failure::drawn_all(exit, &found, &[&source], &look)),
    }
}

fn parse(source: &Source, environment: &Environment, wanted: Wanted<'_>) -> (Option<Options>, Problems) {
    let mut problems = Problems::default();
    let draft = file::read(source, environment, &mut problems);
    let options = assemble::assemble(draft, wanted, &mut problems);
    (options, problems)
}

fn environment() -> Environment {
    use std::os::unix::ffi::OsStringExt as _;
    std::env::vars_os().map(|(name, value)| (name.into_vec(), value.into_vec())).collect()
}
