//! Words and refusals, line by line, beside those of the real HAProxy in every version at hand.
//!
//! Two things show what HAProxy made of a line. `bind 127.0.0.1:1 …` names its third word byte for byte, because that is
//! no keyword; and `-dC`, from 2.7 on, prints all words of all lines. The first is exact about one word, the second shows
//! the others.

mod support;

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::Path,
    process::{Command, Output},
};

use peerctl::config::{Document, Environment, LineNo, Words, decode::Decoder, decode::Undefined, draft};
use support::{Haproxy, haproxies, random::Random};

/// Set in HAProxy's environment; every other name is unset.
const VARIABLES: &[(&str, &[u8])] =
    &[("A", b"v w"), ("E", b""), ("B", b" "), ("L", b" p  q\t"), ("M", b"m\nn\x0b\\x41\"'#$A"), ("N", b"o")];

/// What lines are cut at, what looks like it, and references to variables that are set, empty, unset.
const TRICKY: &[&[u8]] = &[
    b" ",
    b" ",
    b" ",
    b"\t",
    b"\x0b",
    b"\x0c",
    b"\r",
    b"\"",
    b"\"",
    b"\"",
    b"'",
    b"\\",
    b"\\",
    b"#",
    b"$",
    b"{",
    b"}",
    b"[*]",
    b"-",
    b"\\x41",
    b"\\x00",
    b"\\x0",
    b"a",
    b"b",
    b"1",
    b"x",
    b"n",
    b"t",
    b"\xe9",
    b"\x7f",
    b"\x01",
    b"\"$A\"",
    b"$A",
    b"${A}",
    b"\"${A-",
    b"\"\"",
    b"''",
    b"\"$Z\"",
    b"\"x$Z\"",
    b"\"$Z$Z\"",
    b"$Z",
    b"${Z}",
    b"${Z[*]}",
    b"${Z-}",
    b"${Z-d e}",
    b"\"${L[*]}\"",
    b"${L[*]}",
    b"${M[*]}",
    b"${E[*]}",
    b"${B[*]}",
    b"$E",
    b"${N[*]}",
    b"${Z[*]-y  z }",
    b"\\ ",
    b"\\\"",
    b"\\$",
    b"$.LINE",
    b"${.LINE}",
    b"$.FILE",
    b"${.SECTION}",
    b"$.X",
    b"${.LINE-a}",
    b"$_",
    b"$1",
];

const FILE: &str = "words.cfg";

/// What became of the third word of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Third {
    Word(Vec<u8>),
    /// The line has two words, or the others are hidden.
    Missing,
    Refused,
}

fn run(haproxy: &Haproxy, dir: &Path, options: &[&str]) -> Output {
    Command::new(&haproxy.path)
        .current_dir(dir)
        .args(options)
        .args(["-c", "-f", FILE])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(VARIABLES.iter().map(|(name, value)| (name, OsStr::from_bytes(value))))
        .output()
        .expect("haproxy starts")
}

/// The alerts by line of the file (counted from 0): the text behind the place.
fn alerts(output: &Output) -> Vec<(usize, Vec<u8>)> {
    let mut found = Vec::new();
    let place = format!("parsing [{FILE}:");
    for message in split(&output.stderr, b"[ALERT]").skip(1) {
        let message = split(message, b"\n[WARNING]").next().unwrap_or_default();
        let Some(behind) = split_once(message, place.as_bytes()) else { continue };
        let (number, text) = split_once(behind.1, b"]").expect("a line number ends");
        let line: usize = std::str::from_utf8(number).expect("digits").parse().expect("digits");
        found.push((line - 1, text.to_vec()));
    }
    found
}

fn split_once<'a>(text: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = text.windows(at.len()).position(|window| window == at)?;
    Some((&text[..place], &text[place + at.len()..]))
}

fn split<'a>(text: &'a [u8], at: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let here = rest?;
        let found = split_once(here, at);
        rest = found.map(|(_, behind)| behind);
        Some(found.map_or(here, |(before, _)| before))
    })
}

/// How many lines go into one file: HAProxy stops reading after 50 that it refuses.
const CHUNK: usize = 45;

/// What HAProxy makes of lines that start with `bind 127.0.0.1:1`. From 3.2 on one line that can't be cut into words keeps
/// it from reading the others: such lines have to come by themselves.
fn thirds_of_haproxy(haproxy: &Haproxy, lines: &[Vec<u8>]) -> Vec<Third> {
    let dir = tempfile::tempdir().expect("a folder");
    let mut all = Vec::new();
    for chunk in lines.chunks(CHUNK) {
        let text = [&b"frontend f\n"[..], &chunk.join(&b'\n'), b"\n"].concat();
        std::fs::write(dir.path().join(FILE), text).expect("the folder takes files");
        let output = run(haproxy, dir.path(), &[]);
        assert!(output.status.code().is_some(), "HAProxy {:?} lives: {output:?}", haproxy.version);
        let mut thirds = vec![Third::Missing; chunk.len()];
        for (line, text) in alerts(&output) {
            let unknown = split_once(&text, b"in section 'frontend': unknown keyword '");
            let word = unknown.map(|(_, rest)| {
                let end = rest.windows(2).rposition(|w| w == b"'." || w == b"';").expect("the quote is closed");
                rest[..end].to_vec()
            });
            thirds[line - 1] = word.map_or(Third::Refused, Third::Word);
        }
        all.extend(thirds);
    }
    all
}

fn our_third(haproxy: &Haproxy, line: &[u8], number: usize) -> Third {
    let document = Document::parse([&vec![b'\n'; number], line, b"\n"].concat()).expect("short");
    let mut words = Words::default();
    decode(haproxy, &document, number, &mut words);
    match words.words.get(2) {
        _ if !document.errors().is_empty() || words.refused.is_some() => Third::Refused,
        Some(word) => Third::Word(word.bytes.to_vec()),
        None => Third::Missing,
    }
}

/// Line `number`, counted from 0.
fn decode<'d>(haproxy: &Haproxy, document: &'d Document, number: usize, words: &mut Words<'d>) {
    let environment: Environment = VARIABLES.iter().copied().collect();
    let undefined = undefined_of(haproxy);
    let decoder = Decoder { environment: &environment, undefined, file: FILE.as_bytes(), section: b"f" };
    decoder.line(document, LineNo(u32::try_from(number).expect("few lines")), words);
}

fn undefined_of(haproxy: &Haproxy) -> Undefined {
    Undefined::of_version(haproxy.version.0, haproxy.version.1)
}

/// Where 3.0 to 3.2 swallow the blanks behind an unset reference, they swallow a CR right behind the quote, too, and go on
/// with what follows. Our index of words is made without an environment: there, the line ends.
fn goes_on_behind_cr(line: &[u8]) -> bool {
    line.windows(2).any(|pair| pair == b"\"\r")
}

/// Every rest of a line that starts with one of its words, so that each word is the first one once.
fn rests(line: &[u8]) -> Vec<Vec<u8>> {
    let document = Document::parse([line, b"\n"].concat()).expect("short");
    let starts = document.raw_words(LineNo(0)).map(|word| word.span.start as usize);
    let starts = std::iter::once(0).chain(starts.skip(1));
    starts.map(|start| [b"bind 127.0.0.1:1 ", &line[start..]].concat()).collect()
}

#[test]
fn words_are_those_of_haproxy() {
    let lines = (0..1500).flat_map(|seed| rests(&Random::new(seed).text(TRICKY, 14)));
    let (bad, good): (Vec<_>, Vec<_>) = lines.partition(|line| has_errors(line));
    assert!(bad.len() > 300 && good.len() > 1000, "both are tried: {} and {}", bad.len(), good.len());
    for haproxy in haproxies() {
        let like_ours = |line: &&Vec<u8>| undefined_of(&haproxy) != Undefined::Glues || !goes_on_behind_cr(line);
        let good: Vec<Vec<u8>> = good.iter().filter(like_ours).cloned().collect();
        let missing = compare(&haproxy, &good);
        assert!(missing > 100, "empty words were tried, not {missing} times");
        compare(&haproxy, &bad);
    }
}

#[test]
fn only_an_unset_reference_before_it_lets_a_line_go_on_behind_a_cr() {
    let lines =
        [&b"x\"$Z\"\ry"[..], b"x\"$A\"\ry", b"x\ry", b"x \ry", b"\rx"].map(|l| [b"bind 127.0.0.1:1 ", l].concat());
    for haproxy in haproxies() {
        let first = if undefined_of(&haproxy) == Undefined::Glues { "xy" } else { "x" };
        let expected = [first, "xv w", "x", "x", "x"].map(|word| Third::Word(word.into()));
        assert_eq!(thirds_of_haproxy(&haproxy, &lines), expected, "{:?}", haproxy.version);
    }
}

#[test]
fn a_line_has_at_most_64_words_also_where_a_list_gives_them() {
    let bind = |words: String| [b"bind 127.0.0.1:1 ", words.as_bytes()].concat();
    let words = |n| vec!["w"; n].join(" ");
    let list = |n| format!("\"${{Z[*]-{}}}\"", words(n));
    let good = [words(62), list(62), format!("{} \"\"", words(61)), list(61) + " w"].map(bind);
    let bad =
        [words(63), list(63), format!("\"\" {}", words(62)), list(62) + " w", list(40) + " " + &list(23)].map(bind);
    for haproxy in haproxies() {
        for (lines, expected) in [(&good[..], Third::Word(b"w".to_vec())), (&bad[..], Third::Refused)] {
            let theirs = thirds_of_haproxy(&haproxy, lines);
            for (line, theirs) in lines.iter().zip(theirs) {
                assert_eq!(theirs, expected, "HAProxy {:?}: {}", haproxy.version, show(line));
                assert_eq!(our_third(&haproxy, line, 1), expected, "{:?}: {}", haproxy.version, show(line));
            }
        }
    }
}

#[test]
fn quoted_words_arrive_as_they_were() {
    let word = |seed| {
        let random = &mut Random::new(seed);
        let byte = |random: &mut Random| u8::try_from(random.below(255) + 1).expect("a byte but NUL");
        let bytes = (0..=random.below(12))
            .map(|_| if random.one_in(2) { byte(random) } else { random.pick(b" \t\"'\\#$\r\n{x") });
        bytes.collect::<Vec<u8>>()
    };
    let words: Vec<Vec<u8>> = (0..2000).map(word).collect();
    let lines: Vec<Vec<u8>> = words.iter().map(|word| [b"bind 127.0.0.1:1 ", &*draft::quote(word)].concat()).collect();
    for haproxy in haproxies() {
        for (word, theirs) in words.iter().zip(thirds_of_haproxy(&haproxy, &lines)) {
            assert_eq!(theirs, Third::Word(word.clone()), "HAProxy {:?}: {}", haproxy.version, show(word));
        }
    }
}

#[test]
fn all_words_of_a_line_are_those_of_haproxy() {
    // `-dC` knows no sections, so `.SECTION` is empty; and it prints nothing for a first word `[…`, which is a scope.
    let lines = (0..8000).map(|seed| [b"k", &Random::new(seed).text(TRICKY, 14)[..]].concat());
    let fits =
        |line: &Vec<u8>| !has_errors(line) && !goes_on_behind_cr(line) && split_once(line, b".SECTION").is_none();
    let lines: Vec<Vec<u8>> = lines.filter(fits).collect();
    let dir = tempfile::tempdir().expect("a folder");
    let text: Vec<u8> = lines.iter().flat_map(|line| [line, &b"\nmarker\n"[..]].concat()).collect();
    let document = Document::parse([&b"frontend f\nmarker\n"[..], &text].concat()).expect("short");
    std::fs::write(dir.path().join(FILE), document.text()).expect("the folder takes files");
    for haproxy in haproxies().into_iter().filter(|haproxy| haproxy.version >= (2, 7, 0)) {
        let output = run(&haproxy, dir.path(), &["-dC"]);
        // Where there are two passes the first one prints, too.
        let last = split(&output.stdout, b"frontend f \n").last().expect("a last part");
        let mut printed = split(last, b"\tmarker \n").skip(1);
        for (n, line) in lines.iter().enumerate() {
            let (shown, printed) = (show(line), printed.next().unwrap_or_default());
            let mut words = Words::default();
            decode(&haproxy, &document, 2 * n + 2, &mut words);
            let whole: Vec<u8> = words.words.iter().flat_map(|word| [&word.bytes[..], b" "].concat()).collect();
            let whole = [b"\t", &whole[..]].concat();
            let (ours, theirs) = (show(&whole), show(printed));
            if words.hidden_from.is_some() {
                // What is hidden from the keywords is printed all the same.
                assert!(printed.starts_with(&whole), "{shown:?}: {theirs:?} starts with {ours:?}");
            } else {
                // 3.2 prints an empty word where an unset reference ends the line.
                let more = printed.strip_prefix(&whole[..]).unwrap_or(b"something else");
                assert!([&b"\n"[..], b" \n"].contains(&more), "{shown:?}: {theirs:?} is {ours:?}");
            }
        }
    }
}

fn has_errors(line: &[u8]) -> bool {
    !Document::parse([line, b"\n"].concat()).expect("short").errors().is_empty()
}

/// Compares line by line, and says how many lines had no third word.
fn compare(haproxy: &Haproxy, lines: &[Vec<u8>]) -> usize {
    let theirs = thirds_of_haproxy(haproxy, lines);
    let mut wrong = Vec::new();
    for (n, (line, theirs)) in lines.iter().zip(&theirs).enumerate() {
        let ours = our_third(haproxy, line, n % CHUNK + 1);
        if ours != *theirs {
            wrong.push(format!("{:?}: HAProxy {}, we {}", show(line), theirs.show(), ours.show()));
        }
    }
    wrong.sort_by_key(String::len);
    let shown = wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{:?}: {} of {} lines differ\n{shown}", haproxy.version, wrong.len(), lines.len());
    theirs.iter().filter(|third| **third == Third::Missing).count()
}

fn show(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

impl Third {
    fn show(&self) -> String {
        match self {
            Self::Word(word) => format!("{:?}", show(word)),
            Self::Missing => "nothing".to_owned(),
            Self::Refused => "an error".to_owned(),
        }
    }
}
