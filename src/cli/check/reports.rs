//! Where findings go: standard output and files, in any of the formats.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::ValueEnum as _;

use super::super::{args::FindingFormat, exit::Exit, failure::Failure, instances::shown};
use crate::{
    escape,
    lint::Severity,
    output::{
        diagnostic::Look, lint::Report, lint_github, lint_gitlab, lint_human, lint_json, lint_junit, lint_sarif,
        redact::Redactor,
    },
};

/// Prints findings in any format.
#[derive(Clone, Copy)]
pub(super) struct Printer<'a> {
    pub(super) report: &'a Report<'a>,
    pub(super) redactor: &'a Redactor,
    /// What is a failure.
    pub(super) deny: Severity,
}

impl Printer<'_> {
    /// # Errors
    /// Those of `out`.
    pub(super) fn print(&self, format: FindingFormat, look: &Look<'_>, out: &mut dyn Write) -> io::Result<()> {
        let Self { report, redactor, deny } = self;
        let folder = std::env::current_dir().unwrap_or_default();
        match format {
            FindingFormat::Human => lint_human::print(report, redactor, look, out),
            FindingFormat::Json => lint_json::print(report, redactor, out),
            FindingFormat::Sarif => lint_sarif::print(report, redactor, &folder, out),
            FindingFormat::Github => lint_github::print(report, redactor, &folder, out),
            FindingFormat::Gitlab => lint_gitlab::print(report, redactor, &folder, out),
            FindingFormat::Junit => lint_junit::print(report, redactor, *deny, out),
        }
    }
}

/// `--report FORMAT=FILE`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Destination {
    format: FindingFormat,
    path: PathBuf,
}

/// Where `--report` wants findings.
///
/// # Errors
/// For what is no FORMAT=FILE, and for a file that is named twice.
pub(super) fn destinations(options: &[String]) -> Result<Vec<Destination>, Failure> {
    let mut found: Vec<Destination> = Vec::new();
    for text in options {
        let one = Destination::parse(text)?;
        if found.iter().any(|other| other.path == one.path) {
            let message = format!("--report names `{}` twice", shown(&one.path));
            return Err(Failure::misuse(message, "give each report a file of its own"));
        }
        found.push(one);
    }
    Ok(found)
}

impl Destination {
    /// # Errors
    /// For what is no FORMAT=FILE.
    fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = || {
            let message = format!("--report `{}` is not FORMAT=FILE", escape::name(text.as_bytes()));
            Failure::misuse(
                message,
                "formats are human, json, sarif, github, gitlab, junit: --report sarif=peers.sarif",
            )
        };
        let (format, path) = text.split_once('=').filter(|(_, path)| !path.is_empty()).ok_or_else(wrong)?;
        let format = FindingFormat::from_str(format, false).map_err(|_| wrong())?;
        if path == "-" {
            let word = format.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default();
            return Err(Failure::misuse("--report writes files", format!("on standard output: --format {word}")));
        }
        Ok(Self { format, path: path.into() })
    }

    /// # Errors
    /// If the report would take the place of a file that is checked.
    pub(super) fn refuse_inputs(&self, inputs: &[PathBuf]) -> Result<(), Failure> {
        let real = |path: &Path| path.canonicalize().ok();
        let Some(own) = real(&self.path) else { return Ok(()) };
        match inputs.iter().find(|input| real(input).as_ref() == Some(&own)) {
            Some(_) => {
                let message = format!("--report would write over `{}`, which is checked", shown(&self.path));
                Err(Failure::misuse(message, "give the report another file"))
            }
            None => Ok(()),
        }
    }

    /// # Errors
    /// If the file can't be written: exit 3.
    pub(super) fn write(&self, printer: &Printer<'_>, look: &Look<'_>) -> Result<(), Failure> {
        let written = File::create(&self.path).and_then(|file| {
            let mut out = BufWriter::new(file);
            printer.print(self.format, look, &mut out)?;
            out.flush()
        });
        written
            .map_err(|error| Failure::new(Exit::Io, format!("can't write report `{}`: {error}", shown(&self.path)), ""))
    }
}
