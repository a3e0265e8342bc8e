//! `peerctl man`.

use std::{fs, io, path::Path};

use clap::Command;
use clap_mangen::Man;

use super::{exit::Exit, failure::Failure, help, instances::shown};

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
    collect(&command, &mut pages);
    pages.sort();
    pages
}

fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) {
    command.get_subcommands().for_each(|one| collect(one, pages));
    let page = Man::new(command.clone()).manual("peerctl").source(concat!("peerctl ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    let done: io::Result<()> = page.render(&mut text);
    done.expect("a vector takes all bytes");
    pages.push((page.get_filename(), text));
}
