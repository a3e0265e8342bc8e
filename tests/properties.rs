//! What holds for every text: nothing is lost, every place is where it says, edits touch what they name.

use peerctl::{
    config::{
        Document, EditSet, Environment, LineNo, SyntaxErrorKind, Words,
        decode::{Decoder, Undefined, keyword},
        draft,
    },
    span::Span,
};
use proptest::{collection::vec, prelude::*};

const RULES: [Undefined; 3] = [Undefined::HidesRest, Undefined::Glues, Undefined::Refused];

/// Texts that are nearly configurations: all kinds of line ends, quotes that stay open, bytes that are no text.
fn junk() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&[u8]] = &[
        b"\n",
        b"\n",
        b"\n",
        b"\r\n",
        b"\r\n",
        b"\r",
        b" ",
        b"  ",
        b"\t",
        b"\x0b",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xe9",
        b"\xff",
        b"\\",
        b"\\\n",
        b"\\x4",
        b"\\x00",
        b"\"",
        b"'",
        b"#",
        b"# \xe4\n",
        b"\"$A\"",
        b"\"${A[*]}\"",
        b"\"${A-",
        b"${Z}",
        b".if",
        b".if 1\n",
        b".elif 1\n",
        b".else\n",
        b".else x\n",
        b".endif\n",
        b" '.endif'\n",
        b"peers mesh\n",
        b"global\n",
        b"\"backend\" b",
        b"fr\\x6fntend f\n",
        b"server a 10.0.0.1:80 id 9",
        b"id",
        b"[scope]\n",
        b"a#b",
        b"ab\"c d\"'e'",
    ];
    let piece = prop_oneof![8 => (0..PIECES.len()).prop_map(|n| PIECES[n].to_vec()), 1 => vec(any::<u8>(), 0..4)];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => junk(), 1 => vec(any::<u8>(), 0..200)]
}

fn environment() -> impl Strategy<Value = Environment> {
    let name = prop_oneof![Just(b"A".to_vec()), Just(b"Z".to_vec()), vec(any::<u8>(), 0..4)];
    let value = prop_oneof![junk(), vec(any::<u8>(), 0..20)];
    vec((name, value), 0..4).prop_map(|pairs| pairs.into_iter().collect())
}

/// A text and edits of it that don't overlap, in any order.
fn edits() -> impl Strategy<Value = (Vec<u8>, Vec<(Span, Vec<u8>)>)> {
    (text(), vec((0u32..12, 0u32..5, vec(any::<u8>(), 0..4)), 0..12))
        .prop_map(|(text, steps)| {
            let mut at = 0;
            let edit = |(gap, length, bytes)| {
                let start = offset(text.len()).min(at + gap);
                at = offset(text.len()).min(start + length);
                (Span::new(start, at), bytes)
            };
            let edits: Vec<_> = steps.into_iter().map(edit).collect();
            (text, edits)
        })
        .prop_flat_map(|(text, edits)| (Just(text), Just(edits).prop_shuffle()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_gives_the_text_back(text in text()) {
        prop_assert!(parse(&text).print() == text);
    }

    #[test]
    fn spans_tile_the_text(text in text()) {
        spans_tile(&parse(&text));
    }

    #[test]
    fn sections_and_blocks_are_well_formed(text in text()) {
        structure_holds(&parse(&text));
    }

    #[test]
    fn every_error_has_a_place_on_its_line(text in text()) {
        let document = parse(&text);
        let mut last = (LineNo(0), 0);
        for error in document.errors() {
            let line = document.full_line_span(error.line);
            prop_assert!(line.start <= error.span.start && error.span.end <= line.end, "{error:?} on {line:?}");
            prop_assert!(last <= (error.line, error.span.start), "errors come in the order of the text");
            last = (error.line, error.span.start);
        }
    }

    #[test]
    fn decoding_never_panics_and_says_where_words_come_from(
        text in text(), environment in environment(), file in vec(any::<u8>(), 0..4), section in vec(any::<u8>(), 0..4),
    ) {
        let document = parse(&text);
        let mut words = Words::default();
        for undefined in RULES {
            let decoder = Decoder { environment: &environment, undefined, file: &file, section: &section };
            for line in document.lines() {
                decoder.line(&document, line, &mut words);
                let count = document.word_count(line);
                for word in &words.words {
                    prop_assert!(word.first <= word.last && usize::from(word.last) < count, "{word:?} of {count}");
                }
                prop_assert!(words.words.is_sorted_by_key(|word| (word.first, word.last)));
                prop_assert!(words.hidden_from.is_none_or(|n| usize::from(n) < count));
                prop_assert!(words.refused.is_none_or(|n| usize::from(n) < count));
            }
        }
    }

    #[test]
    fn a_plain_line_decodes_to_its_own_bytes(text in vec(prop_oneof!["[a-z0-9:./_-]{1,9}", "[ \\t]{1,3}"], 0..20)) {
        let text = text.concat().into_bytes();
        let expected: Vec<&[u8]> = text.split(|b| b" \t".contains(b)).filter(|word| !word.is_empty()).collect();
        let document = parse(&text);
        for undefined in RULES {
            prop_assert_eq!(decode(&document, undefined), expected.clone());
        }
    }

    #[test]
    fn a_quoted_word_reads_back_as_it_was(words in vec(vec(1u8.., 1..12), 1..8)) {
        let quoted: Vec<_> = words.iter().map(|word| draft::quote(word)).collect();
        let document = parse(&quoted.join(&b' '));
        prop_assert_eq!(document.line_count(), 1);
        prop_assert!(document.errors().iter().all(|e| matches!(e.kind, SyntaxErrorKind::NoFinalNewline | SyntaxErrorKind::ByteOrderMark)));
        for undefined in RULES {
            prop_assert_eq!(decode(&document, undefined), words.clone());
        }
        let first = document.raw_words(LineNo(0)).next().expect("a word");
        prop_assert_eq!(keyword(document.text(), first), &words[0][..]);
    }

    #[test]
    fn edits_change_nothing_outside_their_spans((text, edits) in edits()) {
        let mut set = EditSet::default();
        for (span, bytes) in &edits {
            set.replace(*span, bytes.clone());
        }
        let mut expected: Vec<u8> = Vec::new();
        for at in 0..=offset(text.len()) {
            let here = |empty: bool| edits.iter().filter(move |(span, _)| span.start == at && span.is_empty() == empty);
            expected.extend(here(true).chain(here(false)).flat_map(|(_, bytes)| bytes));
            if !edits.iter().any(|(span, _)| span.start <= at && at < span.end) {
                expected.extend(text.get(at as usize));
            }
        }
        prop_assert!(set.apply(&text).expect("no overlap") == expected);
    }

    #[test]
    fn inserts_at_one_place_keep_their_order(text in text(), at in any::<prop::sample::Index>(), n in 1usize..9) {
        let at = at.index(text.len() + 1);
        let mut set = EditSet::default();
        let inserted = (0..n).map(|n| format!("<{n}>")).collect::<Vec<_>>().concat();
        for n in 0..n {
            set.insert(offset(at), format!("<{n}>"));
        }
        let expected = [&text[..at], inserted.as_bytes(), &text[at..]].concat();
        prop_assert!(set.apply(&text).expect("inserts don't overlap") == expected);
    }

    #[test]
    fn edits_of_the_same_bytes_are_refused(text in vec(any::<u8>(), 4..40), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let span = |n: usize| Span::new(offset(n), offset(n + 3));
        let (a, b) = (a.index(text.len() - 3), b.index(text.len() - 3));
        let mut set = EditSet::default();
        set.delete(span(a));
        set.replace(span(b), "x");
        prop_assert_eq!(set.apply(&text).is_err(), a.abs_diff(b) < 3);
    }

    #[test]
    fn a_word_behind_the_last_one_leaves_the_others_as_they_were(text in junk(), new in vec(1u8.., 1..9)) {
        let document = parse(&text);
        for line in document.lines().filter(|line| document.errors_on(*line).is_empty()) {
            let words: Vec<Span> = document.raw_words(line).map(|word| word.span).collect();
            let Some(last) = words.last() else { continue };
            let quoted = draft::quote(&new);
            let mut set = EditSet::default();
            set.insert(last.end, [draft::gap_behind(last.of(&text)), &quoted].concat());
            let edited = parse(&set.apply(&text).expect("one edit"));
            let found: Vec<&[u8]> = edited.raw_words(line).map(|word| word.span.of(edited.text())).collect();
            let expected: Vec<&[u8]> = words.iter().map(|word| word.of(&text)).chain([&*quoted]).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn an_edit_of_one_line_leaves_the_others_as_they_were(text in junk(), at in any::<prop::sample::Index>(), bytes in "[a-z #\"']{0,9}") {
        let document = parse(&text);
        let at = offset(at.index(text.len() + 1));
        let mut set = EditSet::default();
        set.insert(at, bytes);
        let edited = parse(&set.apply(&text).expect("one edit"));
        let line = document.line_at(at);
        for other in document.lines().filter(|other| *other != line) {
            let words = |document: &Document| -> Vec<Vec<u8>> {
                document.raw_words(other).map(|word| word.span.of(document.text()).to_vec()).collect()
            };
            // An insert behind the last LF makes a line of its own.
            prop_assert_eq!(words(&edited), words(&document), "{:?}", other);
        }
    }
}

#[test]
fn a_line_of_a_megabyte_is_read_like_any_other() {
    let word = vec![b'w'; 1 << 20];
    let quoted = [b"\"", &vec![b'q'; 1 << 20][..], b"\""].concat();
    let blanks = vec![b' '; 1 << 20];
    let many = b"w ".repeat(1 << 19);
    let open = [b"'", &word[..]].concat();
    for (line, words, errors) in [
        (&word, 1, vec![]),
        (&quoted, 1, vec![]),
        (&blanks, 0, vec![]),
        (&many, 1 << 19, vec![64]),
        (&open, 1, vec![0]),
    ] {
        let text = [b"a\n", &line[..], b"\nb\n"].concat();
        let document = parse(&text);
        assert!(document.print() == text);
        assert_eq!(document.word_count(LineNo(1)), words);
        let places: Vec<u32> = document.errors().iter().map(|e| (e.span.start - 2) / 2).collect();
        assert_eq!(places, errors);
        spans_tile(&document);
    }
}

fn spans_tile(document: &Document) {
    let mut at = 0;
    for line in document.lines() {
        let (content, full) = (document.line_span(line), document.full_line_span(line));
        assert_eq!((content.start, full.start), (at, at), "a line starts where the last one ended");
        assert!(!content.of(document.text()).contains(&b'\n'), "a line ends at its first LF");
        let newline = Span::new(content.end, full.end).of(document.text());
        assert!(newline == b"\n" || (newline.is_empty() && line.0 + 1 == document.line_count()), "a line ends with LF");
        let mut behind = content.start;
        for word in document.raw_words(line) {
            assert!(behind <= word.span.start && !word.span.is_empty() && word.span.end <= content.end, "{word:?}");
            behind = word.span.end;
        }
        assert_eq!(document.raw_words(line).count(), document.word_count(line));
        for offset in [full.start, content.end.min(full.end - 1), full.end - 1] {
            assert_eq!(document.line_at(offset), line, "the line of offset {offset}");
        }
        at = full.end;
    }
    assert_eq!(at as usize, document.text().len(), "the lines are the whole text");
}

fn structure_holds(document: &Document) {
    let count = document.line_count();
    let mut open: Option<LineNo> = None;
    for section in document.sections() {
        assert!(section.header < section.end && section.end.0 <= count, "{section:?}");
        assert!(open.is_none_or(|end| end == section.header), "a section ends where the next one starts");
        open = Some(section.end);
    }
    assert!(open.is_none_or(|end| end.0 == count), "the last section ends with the file");

    let unterminated = |line| document.errors_on(line).iter().any(|e| e.kind == SyntaxErrorKind::UnterminatedIf);
    let mut around: Vec<LineNo> = Vec::new();
    let mut last = None;
    for block in document.blocks() {
        let directives: Vec<LineNo> = block.branches.iter().map(|branch| branch.directive).collect();
        assert!(directives.is_sorted_by(|a, b| a < b) && last < Some(block.start()), "{block:?}");
        assert_eq!(
            block.end.0 == count,
            unterminated(block.start()),
            "only a block without `.endif` ends with the file"
        );
        assert!(directives.last().is_some_and(|directive| *directive < block.end), "{block:?}");
        around.retain(|end| *end > block.start());
        assert!(
            around.last().is_none_or(|end| block.end < *end || end.0 == count),
            "blocks nest: {block:?} in {around:?}"
        );
        around.push(block.end);
        last = Some(block.start());
    }
}

fn decode(document: &Document, undefined: Undefined) -> Vec<Vec<u8>> {
    let environment = Environment::default();
    let mut words = Words::default();
    Decoder { environment: &environment, undefined, file: b"f", section: b"s" }.line(document, LineNo(0), &mut words);
    words.words.into_iter().map(|word| word.bytes.into_owned()).collect()
}

fn parse(text: &[u8]) -> Document {
    Document::parse(text.to_vec()).expect("short")
}

fn offset(n: usize) -> u32 {
    u32::try_from(n).expect("short")
}
