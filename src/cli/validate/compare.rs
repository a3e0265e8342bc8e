//! Before and after an edit: what is new, and whether it is the edit's business.

use std::collections::HashMap;

use super::{Level, Message, Place, Verdict};
use crate::config::{Document, LineNo};

/// What an edit did to HAProxy's opinion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The result may be written. New messages, if there are any, have nothing to do with peers or tables.
    Fine(Vec<Message>),
    /// The result is valid, but HAProxy newly complains about peers or stick tables: these messages.
    NewProblems(Vec<Message>),
    /// HAProxy took the files before and refuses the result, for these reasons.
    Refused(Vec<Message>),
    /// HAProxy refused the files before this edit, too; the reasons for which it refuses the result.
    RefusedBefore(Vec<Message>),
}

/// Compares what HAProxy says of the files before and after. `is_concerned` says for a place in the new files whether it is
/// about peers or tables (see [`concerns`]); messages that name them are recognised without it.
///
/// Messages that were there before are not new, even where their lines have moved.
#[must_use]
pub fn compare(before: &Verdict, after: &Verdict, is_concerned: &dyn Fn(Place) -> bool) -> Outcome {
    if !after.is_valid() {
        return if before.is_valid() {
            Outcome::Refused(after.reasons())
        } else {
            Outcome::RefusedBefore(after.reasons())
        };
    }
    let mut known: HashMap<(Level, Option<usize>, String), u32> = HashMap::new();
    for message in before.complaints() {
        *known.entry(identity(before, message)).or_default() += 1;
    }
    let is_new = |message: &&Message| match known.get_mut(&identity(after, message)) {
        Some(count @ 1..) => {
            *count -= 1;
            false
        }
        _ => true,
    };
    let new: Vec<Message> = after.complaints().filter(is_new).cloned().collect();
    let concerned = |m: &&Message| names_peers_or_tables(&m.text) || m.place.is_some_and(is_concerned);
    let problems: Vec<Message> = new.iter().filter(concerned).cloned().collect();
    if problems.is_empty() { Outcome::Fine(new) } else { Outcome::NewProblems(problems) }
}

/// Whether a line is about peers or tables: it stands in a peers section, or has a `stick-table`.
#[must_use]
pub fn concerns(document: &Document, line: LineNo) -> bool {
    let section = document.sections().partition_point(|s| s.header <= line).checked_sub(1);
    let section = section.and_then(|n| document.sections().get(n));
    section.is_some_and(|s| document.first_word(s.header) == b"peers") || document.first_word(line) == b"stick-table"
}

/// What stays the same when lines move: level, file, and the text without the line numbers in it.
fn identity(verdict: &Verdict, message: &Message) -> (Level, Option<usize>, String) {
    let text = verdict.files.iter().fold(message.text.clone(), |text, file| without_line_numbers(&text, file));
    (message.level, message.place.map(|place| place.file), text)
}

/// Cuts the number out of every `FILE:NUMBER`.
fn without_line_numbers(text: &str, file: &str) -> String {
    let mut pieces = text.split(file);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out.push_str(file);
        match piece.strip_prefix(':') {
            Some(number) => {
                out.push(':');
                out.push_str(number.trim_start_matches(|c: char| c.is_ascii_digit()));
            }
            None => out.push_str(piece),
        }
    }
    out
}

/// Whether a message is about what an edit of ours touches.
fn names_peers_or_tables(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["peer", "shard", "table", "store option"].iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

    use super::*;

    fn verdict(code: i32, messages: &[(Level, u32, &str)]) -> Verdict {
        let message = |(level, line, text): &(Level, u32, &str)| Message {
            level: *level,
            place: (*line > 0).then_some(Place { file: 0, line: *line }),
            text: (*text).to_owned(),
        };
        let messages = messages.iter().map(message).collect();
        Verdict { status: ExitStatus::from_raw(code << 8), messages, files: vec!["a.cfg".to_owned()] }
    }

    fn texts(messages: &[Message]) -> Vec<&str> {
        messages.iter().map(|m| m.text.as_str()).collect()
    }

    #[test]
    fn old_warnings_whose_lines_moved_are_not_new() {
        let before = [(Level::Warning, 3, "peer x, see a.cfg:17"), (Level::Warning, 0, "no timeout in 'b'")];
        let after = [(Level::Warning, 9, "peer x, see a.cfg:23"), (Level::Warning, 0, "no timeout in 'b'")];
        let outcome = compare(&verdict(0, &before), &verdict(2, &after), &|_| false);
        assert_eq!(outcome, Outcome::Fine(Vec::new()));
    }

    #[test]
    fn a_warning_that_comes_once_more_is_new() {
        let one = [(Level::Warning, 3, "'peer lb3' : shard ignored")];
        let two = [one[0], (Level::Warning, 4, "'peer lb3' : shard ignored")];
        let Outcome::NewProblems(new) = compare(&verdict(0, &one), &verdict(0, &two), &|_| false) else {
            panic!("it is noticed")
        };
        assert_eq!(new.len(), 1);
        assert_eq!(compare(&verdict(0, &two), &verdict(0, &one), &|_| false), Outcome::Fine(Vec::new()));
    }

    #[test]
    fn a_new_warning_counts_only_where_it_is_about_peers_or_tables() {
        let after = verdict(0, &[(Level::Warning, 8, "'server mesh/lb2' : odd")]);
        let clean = verdict(0, &[]);
        let Outcome::Fine(new) = compare(&clean, &after, &|_| false) else { panic!("not about peers") };
        assert_eq!(texts(&new), ["'server mesh/lb2' : odd"]);
        let Outcome::NewProblems(new) = compare(&clean, &after, &|place| place.line == 8) else {
            panic!("in a section")
        };
        assert_eq!(texts(&new), ["'server mesh/lb2' : odd"]);
    }

    #[test]
    fn a_refusal_says_whether_it_is_ours() {
        let refused =
            verdict(1, &[(Level::Alert, 2, "bad"), (Level::Alert, 0, "Fatal errors found in configuration.")]);
        let Outcome::Refused(reasons) = compare(&verdict(2, &[]), &refused, &|_| false) else { panic!("ours") };
        assert_eq!(texts(&reasons), ["bad"]);
        assert!(matches!(compare(&refused, &refused, &|_| false), Outcome::RefusedBefore(_)));
        assert_eq!(compare(&refused, &verdict(0, &[]), &|_| false), Outcome::Fine(Vec::new()));
        let crashed = Verdict { status: ExitStatus::from_raw(11), ..verdict(0, &[]) };
        let Outcome::Refused(reasons) = compare(&verdict(0, &[]), &crashed, &|_| false) else { panic!("a crash") };
        assert_eq!(texts(&reasons), ["HAProxy crashed: it was ended by signal 11 and said nothing"]);
    }

    #[test]
    fn lines_of_peers_sections_and_table_definitions_are_concerned() {
        let text = "global\npeers m\n peer a 1.2.3.4:5\nbackend b\n stick-table type ip size 1\n server a 1.2.3.4:5\n";
        let document = Document::parse(text.into()).expect("short");
        let concerned: Vec<bool> = document.lines().map(|line| concerns(&document, line)).collect();
        assert_eq!(concerned, [false, true, true, false, true, false]);
    }
}
