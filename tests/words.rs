//! Word splitting against the vectors that HAProxy gave, and the parser against arbitrary bytes.

use peerctl::config::{Decoded, Document, Environment, LineNo, Words, decode::Decoder, decode::Undefined};
use serde_json::Value;

/// One JSON character is one byte in the vectors.
fn bytes(text: &Value) -> Vec<u8> {
    text.as_str().expect("a string").chars().map(|c| u8::try_from(u32::from(c)).expect("a byte")).collect()
}

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/config/cases/words.json");
    serde_json::from_slice(&std::fs::read(path).expect("the vectors are there")).expect("JSON")
}

fn environment(vectors: &Value) -> Environment {
    vectors["env"].as_object().expect("variables").iter().map(|(n, v)| (n.as_bytes(), bytes(v))).collect()
}

#[test]
fn every_line_splits_as_haproxy_splits_it() {
    let vectors = vectors();
    let environment = environment(&vectors);
    let lines = vectors["lines"].as_array().expect("lines");
    assert!(lines.len() >= 500, "the vectors are complete");
    for undefined in [Undefined::HidesRest, Undefined::Glues, Undefined::Refused] {
        let decoder = Decoder { environment: &environment, undefined, file: b"f", section: b"s" };
        for line in lines {
            let mut text = bytes(&line["text"]);
            text.push(b'\n');
            let document = Document::parse(text.clone()).expect("short");
            assert_eq!(document.errors(), [], "{:?}", String::from_utf8_lossy(&text));
            let mut words = Words::default();
            decoder.line(&document, LineNo(0), &mut words);
            let got: Vec<&[u8]> = words.words.iter().map(|w: &Decoded| &*w.bytes).collect();
            let expected: Vec<Vec<u8>> = line["words"].as_array().expect("words").iter().map(bytes).collect();
            assert_eq!(got, expected, "{:?}", String::from_utf8_lossy(&text));
        }
    }
}

/// Beyond the vectors; `tests/haproxy_words.rs` has what HAProxy makes of lines like these.
#[test]
fn a_cr_hides_the_rest_only_right_behind_a_word() {
    let lines: [(&[u8], &[&[u8]]); 6] = [
        (b"a b\r", &[b"a", b"b"]),
        (b"a b\rid 9", &[b"a", b"b"]),
        (b"a b \rid 9", &[b"a", b"b", b"id", b"9"]),
        (b"a b\t\r\r 'c'\r'", &[b"a", b"b", b"c"]),
        (b"\ra\\\rb", &[b"a\\"]),
        (b"a \"${A-\r}\"", &[b"a", b"v w"]),
    ];
    for (line, expected) in lines {
        assert_eq!(decoded(line, Undefined::HidesRest), expected, "{:?}", String::from_utf8_lossy(line));
    }
}

#[test]
fn blanks_at_the_ends_of_a_list_make_empty_words() {
    for (line, expected) in [
        (&br#"a "${L[*]}" b"#[..], &[&b"a"[..]] as &[&[u8]]),
        (br#"a "x${L[*]}" b"#, &[b"a", b"x", b"p", b"q"]),
        (br#"a "x${L[*]}y" b"#, &[b"a", b"x", b"p", b"q", b"y", b"b"]),
        (br#"a "x${B[*]}${B[*]}y" b"#, &[b"a", b"x"]),
    ] {
        for undefined in [Undefined::HidesRest, Undefined::Glues] {
            assert_eq!(decoded(line, undefined), expected, "{:?}", String::from_utf8_lossy(line));
        }
    }
}

#[test]
fn only_haproxys_own_names_start_with_a_dot() {
    for (line, good) in [("$.LINE", true), ("${.FILE-x}", true), ("$.LINES", false), ("$.", false), ("${.X-y}", false)]
    {
        let document = Document::parse(format!("a \"{line}\"\n").into_bytes()).expect("short");
        assert_eq!(document.errors().is_empty(), good, "{line}");
    }
}

/// The words where A is `v w`, L is ` p  q<VT>` and B is a blank.
fn decoded(line: &[u8], undefined: Undefined) -> Vec<Vec<u8>> {
    let environment: Environment = [("A", &b"v w"[..]), ("L", b" p  q\x0b"), ("B", b" ")].into_iter().collect();
    let document = Document::parse([line, b"\n"].concat()).expect("short");
    assert_eq!(document.errors(), [], "{:?}", String::from_utf8_lossy(line));
    let mut words = Words::default();
    Decoder { environment: &environment, undefined, file: b"f", section: b"s" }.line(&document, LineNo(0), &mut words);
    words.words.iter().map(|word| word.bytes.to_vec()).collect()
}

#[test]
fn every_line_haproxy_refuses_is_an_error_of_the_same_kind() {
    use peerctl::config::SyntaxErrorKind as Kind;
    let vectors = vectors();
    let errors = vectors["errors"].as_array().expect("errors");
    assert!(errors.len() >= 80, "the vectors are complete");
    for line in errors {
        let mut text = bytes(&line["text"]);
        text.push(b'\n');
        let document = Document::parse(text.clone()).expect("short");
        let kind = line["kind"].as_str().expect("a kind");
        let found = document.errors().iter().any(|e| match e.kind {
            Kind::OpenQuote(_) => kind == "quote",
            Kind::BadReferenceName | Kind::BadReferenceBrace => kind == "var",
            _ => false,
        });
        assert!(found, "{kind}: {:?} gave {:?}", String::from_utf8_lossy(&text), document.errors());
    }
}

#[test]
fn every_fixture_prints_back_byte_for_byte() {
    let mut seen = 0;
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read(&path).expect("readable");
                let document = Document::parse(text.clone()).expect("short");
                assert!(document.print() == text, "{} differs", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 57, "all fixtures were read, not {seen}");
}
