//! Any bytes: nothing is lost, every place is in the text, no environment makes decoding panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use peerctl::{
    config::{
        Document, Environment, Source, Words,
        decode::{Decoder, Undefined},
    },
    span::Span,
};

fuzz_target!(|data: &[u8]| {
    let document = Document::parse(data.to_vec()).expect("short");
    assert!(document.print() == data, "what is printed is what was read");
    places_are_in_the_text(&document);
    decoding_ends(&document);

    let source = Source::new("f", document);
    for error in source.document.errors() {
        let place = source.place(error.span.start);
        assert!(place.line == error.line.human() && place.column > 0, "{error:?} is at {place:?}");
    }
});

fn places_are_in_the_text(document: &Document) {
    let mut at = 0;
    for line in document.lines() {
        let full = document.full_line_span(line);
        assert_eq!(full.start, at, "lines follow each other");
        let mut behind = at;
        for word in document.raw_words(line) {
            assert!(behind <= word.span.start && word.span.end <= full.end && !word.span.is_empty());
            behind = word.span.end;
        }
        for error in document.errors_on(line) {
            assert_eq!(full.to(error.span), full, "an error is on its line");
        }
        at = full.end;
    }
    assert_eq!(at as usize, document.text().len());

    let count = document.line_count();
    let mut last = Span::at(0);
    for section in document.sections() {
        let lines = Span::new(section.header.0, section.end.0);
        assert!(!lines.is_empty() && lines.end <= count && last.end <= lines.start);
        last = lines;
    }
    for block in document.blocks() {
        assert!(block.branches.iter().all(|branch| block.contains(branch.directive) && branch.directive.0 < count));
    }
}

fn decoding_ends(document: &Document) {
    // What the text itself says becomes the value of a variable, so that the fuzzer can play with it.
    let value = document.lines().next().map(|line| document.line_text(line).to_vec()).unwrap_or_default();
    let variables = [("A", b"v w".to_vec()), ("E", Vec::new()), ("L", b" p  q\t".to_vec()), ("T", value)];
    let environment: Environment = variables.into_iter().collect();
    let mut words = Words::default();
    for undefined in [Undefined::HidesRest, Undefined::Glues, Undefined::Refused] {
        let decoder = Decoder { environment: &environment, undefined, file: b"f", section: b"s" };
        for line in document.lines() {
            decoder.line(document, line, &mut words);
            let raw = document.word_count(line);
            assert!(words.words.iter().all(|word| word.first <= word.last && usize::from(word.last) < raw));
        }
    }
}
