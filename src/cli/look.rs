//! How output looks: colours, frames and width, by what stands at the other end.

use std::io::IsTerminal as _;

use super::args::{Cli, When};
use crate::output::diagnostic::Look;

/// Whether to colour what goes to a descriptor that is a terminal, or isn't.
#[must_use]
pub fn color(when: When, terminal: bool) -> bool {
    match when {
        When::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        When::Always => true,
        When::Never => false,
    }
}

/// For messages on standard error.
#[must_use]
pub fn messages(cli: &Cli) -> Look<'static> {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stderr());
    let width = size.map_or(0, |size| usize::from(size.ws_col));
    Look {
        color: color(cli.color, std::io::stderr().is_terminal()),
        unicode: is_utf8(),
        width: if width == 0 { 100 } else { width },
        ..Look::default()
    }
}

/// Whether the locale writes UTF-8: the first of these variables that is set says so. A locale that nobody chose (`C`
/// in containers and CI) is taken for UTF-8, too: nearly every terminal is.
fn is_utf8() -> bool {
    let chosen =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    chosen.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8") || matches!(locale.as_str(), "c" | "posix")
    })
}
