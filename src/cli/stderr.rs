//! Standard error: where everything goes that isn't data, and the one place that writes it. Whatever a message quotes, nothing
//! in it lets a terminal do anything but show it, in our colours.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::env;
use std::io::{self, IsTerminal as _, Write as _};
use std::panic;

use super::args::When;
use super::view;
use crate::escape;

/// Prints a text whose lines are complete.
pub fn print(text: &str) {
    // Nothing is left to do if standard error is gone.
    let _ = io::stderr().write_all(escape::styled(text).as_bytes());
}

/// Prints lines that say who speaks.
pub fn tell<T: AsRef<str>>(lines: impl IntoIterator<Item = T>) {
    let line = |line: T| format!("peerctl: {}\n", escape::line(line.as_ref().as_bytes()));
    print(&lines.into_iter().map(line).collect::<String>());
}

/// Prints what is wrong with the command line.
pub(super) fn misuse(error: &clap::Error) {
    let text = error.render();
    let colours = view::color(When::Auto, io::stderr().is_terminal());
    let text = if colours { text.ansi().to_string() } else { text.to_string() };
    // It quotes words as they are, line ends included.
    let words = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let quoted = words.filter(|word| word.chars().any(escape::is_unsafe));
    print(&quoted.fold(text, |text, word| text.replace(&word, &escape::name(word.as_bytes()))));
}

/// Tells of a panic, which is a mistake of ours, in a line without what it quotes: that may be a secret, or anything else that
/// was read.
pub(super) fn expect_mistakes() {
    panic::set_hook(Box::new(|found| {
        tell([mistake(found)]);
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            print(&format!("{trace}\n"));
        }
    }));
}

/// A panic in a line.
pub(super) fn mistake(found: &panic::PanicHookInfo<'_>) -> String {
    let place = found.location().map(ToString::to_string).unwrap_or_default();
    format!("panicked at {place}: {}; please report this", without_values(found.payload_as_str().unwrap_or_default()))
}

/// A message up to the first value in it, as far as that isn't a number.
fn without_values(message: &str) -> &str {
    let end = message.find(['`', '"', '\'', '[', '{', '(', '\n']).unwrap_or(message.len());
    message.get(..end).unwrap_or_default().trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_panic_quotes_what_was_read() {
        for (message, shown) in [
            ("index out of bounds: the len is 3 but the index is 7", None),
            ("a lock of ours", None),
            (
                "byte index 1 is not a char boundary; it is inside 'é' (bytes 0..2) of `étoken=CANARY`",
                Some("byte index 1 is not a char boundary; it is inside"),
            ),
            ("it was read before: Text { found: \"CANARY\" }", Some("it was read before: Text")),
            ("it was read before: [67, 65, 78]", Some("it was read before:")),
            ("one\nCANARY", Some("one")),
        ] {
            assert_eq!(without_values(message), shown.unwrap_or(message));
        }
    }
}
