//! Random edits: they change what they name and nothing else, and what they write reads back.
//!
//! The first bytes of an input say what is edited and how (`Plan`); the rest is the text.

#![no_main]

mod plan;

use libfuzzer_sys::fuzz_target;
use peerctl::{
    config::{
        Document, EditSet, Environment, LineNo, LineStyle, Words,
        decode::{Decoder, Undefined},
        draft,
    },
    span::Span,
};
use plan::Plan;

fuzz_target!(|data: &[u8]| {
    let mut plan = Plan(data);
    match plan.number() % 3 {
        0 => splice(&mut plan),
        1 => replace_a_word(&mut plan),
        _ => insert_a_line(&mut plan),
    }
});

impl Plan<'_> {
    /// A word that HAProxy can hold.
    fn word(&mut self) -> Vec<u8> {
        let mut word = self.bytes(15).to_vec();
        word.retain(|byte| *byte != 0);
        if word.is_empty() { b"w".to_vec() } else { word }
    }

    fn document(&mut self) -> Document {
        Document::parse(std::mem::take(&mut self.0).to_vec()).expect("short")
    }
}

/// Some bytes give way to others, wherever they stand.
fn splice(plan: &mut Plan<'_>) {
    let steps: Vec<(usize, usize, &[u8])> =
        (0..plan.number() % 5).map(|_| (plan.number(), plan.number() % 20, plan.bytes(7))).collect();
    let document = plan.document();
    let text = document.text();
    let (mut edits, mut expected, mut at) = (EditSet::default(), Vec::new(), 0);
    for (gap, length, bytes) in steps {
        let start = (at + gap).min(text.len());
        expected.extend([&text[at..start], bytes].concat());
        at = (start + length).min(text.len());
        edits.replace(Span::new(offset(start), offset(at)), bytes);
    }
    expected.extend(&text[at..]);
    let edited = edits.apply(text).expect("the edits follow each other");
    assert!(edited == expected, "nothing changes outside of the spans");
    assert!(Document::parse(edited.clone()).expect("short").print() == edited);
}

/// A word is replaced: it reads back, and its neighbours are what they were.
fn replace_a_word(plan: &mut Plan<'_>) {
    let (line, word, new) = (plan.number(), plan.number(), plan.word());
    let document = plan.document();
    let Some(line) = pick(&document, line) else { return };
    let count = document.word_count(line);
    if count == 0 || !document.errors_on(line).is_empty() {
        return;
    }
    let n = word % count;
    let span = document.raw_words(line).nth(n).expect("there are more").span;
    let mut edits = EditSet::default();
    edits.replace(span, draft::quote(&new).into_owned());
    let edited = Document::parse(edits.apply(document.text()).expect("one edit")).expect("short");

    let mut expected = raw(&document, line);
    expected[n] = draft::quote(&new).into_owned();
    assert_eq!(raw(&edited, line), expected, "the other words stay");
    // A reference before it may give no word or several.
    if !expected[..n].iter().any(|word| word.contains(&b'$')) {
        assert_eq!(decode(&edited, line).get(n), Some(&new));
    }
    unchanged(line.0, &document, line.0 + 1, &edited, line.0 + 1);
}

/// A line comes in, in the style of its neighbour: it reads back, and all others are what they were.
fn insert_a_line(plan: &mut Plan<'_>) {
    let (line, neighbour) = (plan.number(), plan.number());
    let words: Vec<Vec<u8>> = (0..=plan.number() % 6).map(|_| plan.word()).collect();
    let document = plan.document();
    let (Some(line), Some(neighbour)) = (pick(&document, line), pick(&document, neighbour)) else { return };
    let style = LineStyle::of(&document, &[neighbour]);
    let mut edits = EditSet::default();
    edits.insert(document.full_line_span(line).start, draft::line(&style, &words));
    let edited = Document::parse(edits.apply(document.text()).expect("one edit")).expect("short");

    assert_eq!(edited.line_count(), document.line_count() + 1);
    assert_eq!(decode(&edited, line), words);
    unchanged(line.0, &document, line.0, &edited, line.0 + 1);
}

fn pick(document: &Document, n: usize) -> Option<LineNo> {
    document.lines().nth(n.checked_rem(document.line_count() as usize)?)
}

/// Lines from `from` on are, byte for byte, those of `edited` from `to` on; so are those before `line`.
fn unchanged(line: u32, document: &Document, from: u32, edited: &Document, to: u32) {
    assert_eq!(document.line_count() - from, edited.line_count() - to, "no line appears or goes");
    for (old, new) in (from..document.line_count()).zip(to..).map(|(a, b)| (LineNo(a), LineNo(b))) {
        assert_eq!(document.full_line_span(old).of(document.text()), edited.full_line_span(new).of(edited.text()));
    }
    for line in (0..line).map(LineNo) {
        assert_eq!(document.full_line_span(line).of(document.text()), edited.full_line_span(line).of(edited.text()));
    }
}

fn raw(document: &Document, line: LineNo) -> Vec<Vec<u8>> {
    document.raw_words(line).map(|word| word.span.of(document.text()).to_vec()).collect()
}

fn decode(document: &Document, line: LineNo) -> Vec<Vec<u8>> {
    let environment = Environment::default();
    let decoder = Decoder { environment: &environment, undefined: Undefined::Refused, file: b"f", section: b"s" };
    let mut words = Words::default();
    decoder.line(document, line, &mut words);
    words.words.into_iter().map(|word| word.bytes.into_owned()).collect()
}

fn offset(n: usize) -> u32 {
    u32::try_from(n).expect("short")
}
