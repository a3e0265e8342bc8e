//! Secrets among the words of a line: what the table says about statements, parameters, functions and comments.

use std::{borrow::Cow, ops::Range};

use super::pattern;
use crate::{
    config::{Document, LineNo, RawWord, decode, parse::MAX_WORDS},
    grammar::secrets::{self, FunctionHides, Hides, SecretIf, StatementSecret},
    span::Span,
};

/// A word, as it stands and as it is meant.
struct Word<'a> {
    raw: &'a [u8],
    value: Cow<'a, [u8]>,
    special: bool,
}

/// So many words are looked at: more than HAProxy takes on a line.
const MOST_WORDS: usize = 2 * MAX_WORDS;

/// Which bytes of which word.
type Hit = (usize, Range<usize>);

/// The secrets of a line and of its comment, in no order.
pub(super) fn secrets(document: &Document, line: LineNo) -> Vec<Span> {
    let (mut spans, end) = secrets_of_words(document, line);
    let rest = Span::new(end, document.line_span(line).end);
    if document.word_count(line) > MOST_WORDS {
        // HAProxy refuses such a line. What stands there is not worth a look.
        spans.push(rest);
    } else {
        spans.extend(comment(rest.of(document.text())).into_iter().map(|range| shifted(range, rest.start)));
    }
    spans
}

/// The secrets among the words of a line, and where the last word ends.
fn secrets_of_words(document: &Document, line: LineNo) -> (Vec<Span>, u32) {
    let text = document.text();
    let raw: Vec<RawWord> = document.raw_words(line).take(MOST_WORDS).collect();
    let word = |w: &RawWord| Word { raw: w.span.of(text), value: decode::keyword(text, *w), special: w.special };
    let words: Vec<Word<'_>> = raw.iter().map(word).collect();
    let place = |(word, range): Hit| Some(shifted(range, raw.get(word)?.span.start));
    let end = raw.last().map_or(document.line_span(line).start, |word| word.span.end);
    (hits(&words).into_iter().filter_map(place).collect(), end)
}

/// The secrets among words that are parameters of a line.
pub(super) fn secrets_of_parameters(words: &[&[u8]]) -> Vec<Hit> {
    // What stands before parameters, so that they aren't taken for it.
    const BEFORE: [&[u8]; 3] = [b"server", b"name", b"address"];
    let word = |raw| Word { raw, value: Cow::Borrowed(raw), special: false };
    let mut all: Vec<Word<'_>> = BEFORE.into_iter().map(word).collect();
    all.extend(words.iter().copied().map(word));
    let behind = |(n, range): Hit| Some((n.checked_sub(BEFORE.len())?, range));
    let mut hits: Vec<Hit> = hits(&all).into_iter().filter_map(behind).collect();
    // One for each word: the widest.
    hits.sort_by_key(|(word, range)| (*word, range.start, std::cmp::Reverse(range.end)));
    hits.dedup_by_key(|(word, _)| *word);
    hits
}

fn shifted(range: Range<usize>, by: u32) -> Span {
    let [start, end] = [range.start, range.end].map(|n| u32::try_from(n).unwrap_or(u32::MAX).saturating_add(by));
    Span::new(start, end)
}

fn hits(words: &[Word<'_>]) -> Vec<Hit> {
    let mut hits = Vec::new();
    for statement in secrets::statements() {
        for at in matches(statement, words) {
            hide(statement.hides, at, words, &mut hits);
        }
    }
    for (index, word) in words.iter().enumerate() {
        hits.extend(pattern::secrets(word.raw, false).into_iter().map(|range| (index, range)));
        functions(index, words, &mut hits);
        if is_parameter(index, words) {
            whole(index + 1, words, &mut hits);
        }
        if pattern::is_scheme(&word.value) && words.get(index + 1).is_some_and(|next| next.value.len() >= 8) {
            whole(index + 1, words, &mut hits);
        }
    }
    // Conditions on the environment compare it with secrets.
    let asks = |w: &Word<'_>| pattern::references(w.raw).iter().any(|(name, _)| secrets::is_secret_variable(name));
    if words.first().is_some_and(|w| matches!(&*w.value, b".if" | b".elif")) && words.iter().any(asks) {
        (1..words.len()).for_each(|index| whole(index, words, &mut hits));
    }
    hits
}

/// The indexes of the words right behind each place that a statement of the table means.
fn matches<'w>(statement: &'w StatementSecret, words: &'w [Word<'_>]) -> Vec<usize> {
    let is = |word: Option<&Word<'_>>, text: &str| word.is_some_and(|w| *w.value == *text.as_bytes());
    let starts = statement.words.iter().enumerate().all(|(n, text)| is(words.get(n), text));
    match statement.after {
        _ if !starts => Vec::new(),
        None => vec![statement.words.len()],
        Some(after) => {
            (statement.words.len()..words.len()).filter(|n| is(words.get(*n), after)).map(|n| n + 1).collect()
        }
    }
}

/// Hides what a statement says, from word `at` on.
fn hide(hides: Hides, at: usize, words: &[Word<'_>], hits: &mut Vec<Hit>) {
    let value = |n: usize| words.get(n).map_or(&b""[..], |w| &w.value);
    let end = end_of_arguments(at, words);
    match hides {
        Hides::Word => whole(at, words, hits),
        Hides::Rest => (at..words.len()).for_each(|n| whole(n, words, hits)),
        Hides::Arguments => (at + 1..words.len()).for_each(|n| whole(n, words, hits)),
        Hides::Credentials => {
            let colon = words.get(at).filter(|w| !w.special).and_then(|w| memchr::memchr(b':', w.raw));
            match (colon, words.get(at)) {
                (Some(colon), Some(word)) => hits.push((at, colon + 1..word.raw.len())),
                _ => whole(at, words, hits),
            }
        }
        Hides::Value => {
            let secret = secrets::is_secret_variable(value(at));
            (at + 1..words.len())
                .filter(|n| secret || !pattern::is_harmless(value(*n)))
                .for_each(|n| whole(n, words, hits));
        }
        Hides::Header if secrets::is_secret_header(value(at)) => (at + 1..end).for_each(|n| whole(n, words, hits)),
        Hides::Line if words.iter().any(|w| pattern::names_header(w.raw)) => {
            (at..words.len()).for_each(|n| whole(n, words, hits));
        }
        Hides::Header | Hides::Line => {}
    }
}

/// What functions in a word hide: arguments in the word, or operands behind it.
fn functions(index: usize, words: &[Word<'_>], hits: &mut Vec<Hit>) {
    let Some(word) = words.get(index) else { return };
    for call in pattern::calls(word.raw) {
        for function in secrets::functions().iter().filter(|f| f.name.matches(call.name)) {
            let first =
                call.arguments.first().map_or(&b""[..], |range| word.raw.get(range.clone()).unwrap_or_default());
            let first = first.strip_prefix(b"txn.").unwrap_or(first).trim_ascii();
            let is_secret = |when| match when {
                SecretIf::Any => true,
                SecretIf::Header => secrets::is_secret_header(first),
                SecretIf::Name => secrets::is_secret_name(first),
            };
            match function.hides {
                FunctionHides::Argument(n) => {
                    hits.extend(call.arguments.get(n - 1).map(|range| (index, range.clone())));
                }
                FunctionHides::Operands(when)
                    if call.is_outermost && is_secret(when) && is_in_condition(index, words) =>
                {
                    hide_operands(index + 1, words, hits);
                }
                FunctionHides::Following(when) if is_secret(when) => hide_operands(index + 1, words, hits),
                FunctionHides::Operands(_) | FunctionHides::Following(_) => {}
            }
        }
    }
}

/// Whether a word stands in an `acl` line or between braces.
fn is_in_condition(index: usize, words: &[Word<'_>]) -> bool {
    let brace = words.iter().take(index).rev().find(|w| matches!(&*w.value, b"{" | b"}"));
    words.first().is_some_and(|w| *w.value == *b"acl") || brace.is_some_and(|w| *w.value == *b"{")
}

/// The words that an ACL compares with, from `at` on: no flags, and nothing behind the condition.
fn hide_operands(at: usize, words: &[Word<'_>], hits: &mut Vec<Hit>) {
    let end = end_of_arguments(at, words);
    let mut index = at;
    while index < end {
        match words.get(index).map_or(&b""[..], |w| &w.value) {
            b"-m" | b"-f" | b"-M" | b"-u" => index += 1,
            b"-i" | b"-n" | b"--" => {}
            _ => whole(index, words, hits),
        }
        index += 1;
    }
}

/// The index of the word that ends the arguments of a rule. HAProxy reads no more than 64 words.
fn end_of_arguments(at: usize, words: &[Word<'_>]) -> usize {
    let found = words.iter().skip(at).take(MAX_WORDS).position(ends_arguments);
    found.map_or(words.len().min(at + MAX_WORDS), |n| at + n)
}

fn ends_arguments(word: &Word<'_>) -> bool {
    matches!(&*word.value, b"if" | b"unless" | b"}" | b"{" | b"||" | b"or")
}

/// Whether the word behind this one is secret because of what this one is called. Names that somebody chose say nothing.
fn is_parameter(index: usize, words: &[Word<'_>]) -> bool {
    const BEFORE_NAMES: [&[u8]; 16] = [
        b"acl",
        b"backend",
        b"balance",
        b"cookie",
        b"default_backend",
        b"frontend",
        b"group",
        b"listen",
        b"peer",
        b"peers",
        b"server",
        b"table",
        b"url_param",
        b"use-server",
        b"use_backend",
        b"user",
    ];
    let Some(word) = words.get(index) else { return false };
    let before = index.checked_sub(1).and_then(|n| words.get(n));
    let is_name = before.is_some_and(|w| BEFORE_NAMES.contains(&&*w.value));
    let ends = |w: &Word<'_>| ends_arguments(w) || w.value.starts_with(b"-m");
    !is_name && !words.get(index + 1).is_none_or(ends) && secrets::is_secret_parameter(&word.value)
}

fn whole(index: usize, words: &[Word<'_>], hits: &mut Vec<Hit>) {
    hits.extend(words.get(index).map(|word| (index, 0..word.raw.len())));
}

/// The secrets of a comment (what follows a second `#` is only looked at as text): it may be a statement that was switched off, or a note such as `password: hunter2`.
fn comment(text: &[u8]) -> Vec<Range<usize>> {
    let Some(start) = text.iter().position(|b| !matches!(b, b' ' | b'\t' | b'#' | b'\r' | 0x0b | 0x0c)) else {
        return Vec::new();
    };
    let Some(body) = text.get(start..) else { return Vec::new() };
    let mut found = pattern::secrets(body, true);
    if let Ok(document) = Document::parse(body.to_vec()) {
        let (spans, _) = secrets_of_words(&document, LineNo(0));
        found.extend(spans.into_iter().map(|span| span.start as usize..span.end as usize));
    }
    found.into_iter().map(|range| range.start + start..range.end + start).collect()
}
