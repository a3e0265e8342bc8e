//! `peerctl man`.

use std::{fs, io, path::Path};

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};

use super::{exit::Exit, failure::Failure, help, instances::shown};
use crate::limits;

/// Writes the man pages into `dir`, which is made if it isn't there.
///
/// # Errors
/// If the directory can't be made or a page can't be written.
pub fn run(dir: &Path) -> Result<Exit, Failure> {
    fs::create_dir_all(dir).map_err(|error| Failure::io("make", &shown(dir), &error))?;
    for (name, text) in pages() {
        let path = dir.join(name);
        fs::write(&path, text).map_err(|error| Failure::io("write", &shown(&path), &error))?;
    }
    Ok(Exit::Done)
}

/// The pages, one for each command, by file name. They are the same every day.
#[must_use]
pub fn pages() -> Vec<(String, Vec<u8>)> {
    let mut command = help::command().long_about(help::LONG_ABOUT).after_help(help::EXIT_CODES);
    command.build();
    let mut pages = Vec::new();
    collect(&command, "EXIT STATUS", &mut pages);
    pages.sort();
    pages
}

/// The pages of a command and of those below it; `last` is the heading over what stands below the options in the help.
fn collect(command: &Command, last: &str, pages: &mut Vec<(String, Vec<u8>)>) {
    command.get_subcommands().for_each(|one| collect(one, "EXAMPLES", pages));
    let page = Man::new(command.clone()).manual("peerctl").source(concat!("peerctl ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    render(&page, command, last, &mut text).expect("a vector takes all bytes");
    pages.push((page.get_filename(), text));
}

fn render(page: &Man, command: &Command, last: &str, out: &mut Vec<u8>) -> io::Result<()> {
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    if command.has_subcommands() {
        page.render_subcommands_section(out)?;
    }
    let Some(text) = command.get_after_help() else { return Ok(()) };
    // Its lines are commands: they must not be filled.
    let mut roff = Roff::new();
    roff.control("SH", [last]).control("nf", []);
    for line in text.to_string().lines().skip_while(|line| line.starts_with("Example")) {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    if command.get_after_long_help().is_some() {
        roff.control("SH", ["LIMITS"]).control("nf", []);
        for line in limits::text().lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
    }
    roff.to_writer(out)
}
