//! The words around the excerpts: heading and notes.

use std::fmt::Write as _;

use super::{Look, Note, Severity};
use crate::escape;

/// The colours of one message; none of them if it has none.
pub(super) struct Paint {
    strong: &'static str,
    end: &'static str,
    color: &'static str,
}

impl Paint {
    pub(super) fn new(severity: Severity, color: bool) -> Self {
        if !color {
            return Self { strong: "", end: "", color: "" };
        }
        let color = match severity {
            Severity::Error => "\x1b[31m",
            Severity::Warning => "\x1b[33m",
            Severity::Note => "\x1b[36m",
        };
        Self { strong: "\x1b[1m", end: "\x1b[0m", color }
    }

    /// `error[code]: message` and a line end.
    pub(super) fn heading(&self, severity: Severity, code: Option<&str>, message: &str) -> String {
        let Self { strong, end, color } = self;
        let code = code.map(|code| format!("[{code}]")).unwrap_or_default();
        format!("{color}{strong}{severity}{code}{end}{strong}: {message}{end}\n")
    }

    /// Text in the colour of the message.
    pub(super) fn text(&self, text: &str) -> String {
        format!("{}{text}{}", self.color, self.end)
    }

    fn title(&self, title: &str) -> String {
        format!("{}{title}:{}", self.strong, self.end)
    }
}

/// Appends `  title: text`, wrapped with a hanging indentation.
pub(super) fn push_note(out: &mut String, note: &Note, look: &Look<'_>, paint: &Paint) {
    const INDENT: usize = 2;
    let hanging = INDENT + note.title.chars().count() + 2;
    let width = look.width.max(super::excerpt::MIN_WIDTH).saturating_sub(hanging);
    let text = escape::text(note.text.as_bytes());
    let lines = text.lines().flat_map(|line| wrap(line, width));
    for (number, line) in lines.enumerate() {
        let head = if number == 0 { format!("  {} ", paint.title(&note.title)) } else { " ".repeat(hanging) };
        // Writing to a string can't fail.
        let _ = writeln!(out, "{}", format_args!("{head}{line}").to_string().trim_end());
    }
}

/// Cuts a line at blanks into lines of at most `width` characters, if its words are not longer. What stands in backquotes
/// is one word. Blanks at the start and runs of blanks stay.
fn wrap(line: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    for word in words(line) {
        let used = current.chars().count();
        if !current.trim().is_empty() && used + word.trim_end().chars().count() > width {
            lines.push(current.trim_end().to_owned());
            current.clear();
        }
        current.push_str(word);
    }
    lines.push(current.trim_end().to_owned());
    lines
}

/// The words of a line, each with the blanks behind it; the first one with those before it, too.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quoted, mut after_blank) = (0, false, false);
    for (at, c) in line.char_indices() {
        if after_blank && c != ' ' {
            let (word, _) = line.split_at(at);
            if word.get(start..).is_some_and(|w| !w.trim().is_empty()) {
                words.push(word.get(start..).unwrap_or_default());
                start = at;
            }
        }
        quoted ^= c == '`';
        after_blank = c == ' ' && !quoted;
    }
    words.push(line.get(start..).unwrap_or_default());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_but_never_inside_a_command() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("run `peerctl check a.cfg b.cfg` now", 12), ["run", "`peerctl check a.cfg b.cfg`", "now"]);
        assert_eq!(wrap("    keeps  its   blanks", 80), ["    keeps  its   blanks"]);
        assert_eq!(wrap("averyveryverylongword x", 5), ["averyveryverylongword", "x"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("ünïcödé wörds", 7), ["ünïcödé", "wörds"]);
    }
}
