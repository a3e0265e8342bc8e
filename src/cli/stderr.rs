//! Standard error: where everything goes that isn't data, and the one place that writes it. Whatever a message quotes, nothing
//! in it lets a terminal do anything but show it, in our colours.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::env;
use std::io::{self, IsTerminal as _, Write as _};
use std::panic;

use clap::error::ContextValue;

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
pub(super) fn misuse(mut error: clap::Error) {
    escape_quoted(&mut error);
    let text = error.render();
    let colours = view::color(When::Auto, io::stderr().is_terminal());
    let text = if colours { text.ansi().to_string() } else { text.to_string() };
    let words: Vec<String> = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    print(&as_typed(text, &words));
}

/// Tips and reasons quote words, or parts of them, too: colours that were typed are none of ours, and what follows a line end in a
/// word begins no line. A word of such bytes alone isn't told from those of the message.
fn as_typed(text: String, words: &[String]) -> String {
    let ends = ['\n', '\r'];
    let odd =
        words.iter().filter(|word| word.chars().any(escape::is_unsafe) && word.chars().any(char::is_alphanumeric));
    let text = odd.fold(text, |text, word| text.replace(word.as_str(), &escape::name(word.as_bytes())));
    let quoted = words.iter().flat_map(|word| word.split(ends).skip(1)).filter(|rest| !rest.trim().is_empty());
    quoted.fold(text, |text, rest| {
        ends.iter().fold(text, |text, end| {
            let line = format!("{end}{rest}");
            text.replace(&line, &escape::name(line.as_bytes()))
        })
    })
}

/// A message of clap quotes what was typed as it is, line ends included.
fn escape_quoted(error: &mut clap::Error) {
    let escaped = |value: &String| escape::name(value.as_bytes()).into_owned();
    let context: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(value) => Some((kind, ContextValue::String(escaped(value)))),
            ContextValue::Strings(values) => Some((kind, ContextValue::Strings(values.iter().map(escaped).collect()))),
            _ => None,
        })
        .collect();
    for (kind, value) in context {
        let _unescaped = error.insert(kind, value);
    }
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
    fn a_line_that_was_typed_is_no_line_of_ours() {
        let forged = "5\npeerctl: all is well";
        for quoted in [forged, forged.trim_start_matches('5')] {
            let shown = as_typed(format!("error: `{quoted}`\n\ntip\n"), &[format!("--timeout={forged}")]);
            assert_eq!(shown, format!("error: `{}`\n\ntip\n", quoted.replace('\n', "\\x0a")));
        }
        assert_eq!(as_typed("error\n\ntip\n".to_owned(), &["\n".to_owned()]), "error\n\ntip\n");
        let mut error = clap::Command::new("peerctl").try_get_matches_from(["peerctl", "\n"]).expect_err("no argument");
        escape_quoted(&mut error);
        assert!(error.render().to_string().contains("'\\x0a'"), "{error}");
    }

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
