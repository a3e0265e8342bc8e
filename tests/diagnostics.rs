//! Messages as people see them, character by character.

use std::time::{Duration, Instant};

use peerctl::{
    config::{Document, Source},
    escape,
    output::diagnostic::{Diagnostic, Look},
    span::Span,
};
use proptest::prelude::*;

fn source(name: &str, text: impl Into<Vec<u8>>) -> Source {
    Source::new(name, Document::parse(text.into()).expect("short"))
}

/// The first place of `word` in a source.
fn place(source: &Source, word: &str) -> Span {
    let text = source.document.text();
    let start = text.windows(word.len()).position(|w| w == word.as_bytes()).expect("the word is there");
    let offset = |n: usize| u32::try_from(n).expect("short");
    Span::new(offset(start), offset(start + word.len()))
}

fn narrow() -> Look<'static> {
    Look { width: 80, ..Look::default() }
}

#[track_caller]
fn assert_shown(diagnostic: &Diagnostic, sources: &[&Source], look: &Look<'_>, expected: &str) {
    let shown = diagnostic.render(sources, look);
    assert_eq!(shown, expected, "shown:\n{shown}\nexpected:\n{expected}");
}

#[test]
fn a_finding_in_two_files_has_a_frame_for_each() {
    let backend = |order: [u8; 3]| {
        let lines = order.map(|n| format!("    server web{n} 10.0.1.1{n}:8080 check\n"));
        format!("backend shop\n    stick on src\n{}", lines.concat())
    };
    let lb1 = source("lb1.cfg", "\n".repeat(96) + &backend([1, 2, 3]));
    let lb2 = source("lb2.cfg", backend([1, 3, 2]));
    let diagnostic = Diagnostic::error("`web2` and `web3` have swapped ids in backend `shop`")
        .code("server-id-mismatch")
        .label(0, place(&lb1, "server web2"), "id 2, by position")
        .label(1, place(&lb2, "server web3"), "id 2, by position")
        .note(
            "what happens",
            "`shop` sticks on `src` and its table travels through peers `mesh`. While both names exist on both sides \
             stickiness follows the names; once one is renamed, the id decides and clients land on the other server.",
        )
        .next("write the ids down: `peerctl check-ids --fix lb1.cfg lb2.cfg`");
    let expected = "\
error[server-id-mismatch]: `web2` and `web3` have swapped ids in backend `shop`
     ╭─[lb1.cfg:100:5]
  99 │     server web1 10.0.1.11:8080 check
 100 │     server web2 10.0.1.12:8080 check
     ·     ─────────── id 2, by position
 101 │     server web3 10.0.1.13:8080 check
     ╰────
     ╭─[lb2.cfg:4:5]
   3 │     server web1 10.0.1.11:8080 check
   4 │     server web3 10.0.1.13:8080 check
     ·     ─────────── id 2, by position
   5 │     server web2 10.0.1.12:8080 check
     ╰────
  what happens: `shop` sticks on `src` and its table travels through peers
                `mesh`. While both names exist on both sides stickiness follows
                the names; once one is renamed, the id decides and clients land
                on the other server.
  next: write the ids down:
        `peerctl check-ids --fix lb1.cfg lb2.cfg`
";
    let look = Look { width: 60, ..Look::default() };
    assert_shown(&diagnostic, &[&lb1, &lb2], &narrow(), &expected.replace("down:\n        `", "down: `"));
    assert!(
        diagnostic.render(&[&lb1, &lb2], &look).contains("down:\n        `peerctl check-ids --fix lb1.cfg lb2.cfg`\n")
    );
}

#[test]
fn a_broken_line_is_shown_with_the_place_and_what_to_do() {
    let text = "frontend f\r\n    http-request deny if { path \"/admin }\r\n    bind :80\r\n";
    let source = source("haproxy.cfg", text);
    let error = source.document.errors().first().expect("the quote");
    let expected = "\
error: line 2 has a double quote that is never closed
   ╭─[haproxy.cfg:2:33]
 1 │ frontend f
 2 │     http-request deny if { path \"/admin }
   ·                                 ─ opened here
 3 │     bind :80
   ╰────
  next: close the quote on this line, or write a literal `\"` as `\\\"`
";
    assert_shown(&Diagnostic::of_syntax(error, 0), &[&source], &narrow(), expected);
}

#[test]
fn several_places_on_one_line_hang_below_each_other() {
    let source = source("a.cfg", "backend b\n  server a 1.2.3.4:80 id 5 weight 7 id 6\n");
    let diagnostic = Diagnostic::warning("`id` is given twice")
        .label(0, place(&source, "id 6"), "this one counts")
        .label(0, place(&source, "id 5"), "this one is ignored");
    let expected = "\
warning: `id` is given twice
   ╭─[a.cfg:2:37]
 1 │ backend b
 2 │   server a 1.2.3.4:80 id 5 weight 7 id 6
   ·                       ──┬─          ──┬─
   ·                         │             ╰── this one counts
   ·                         ╰── this one is ignored
   ╰────
";
    assert_shown(&diagnostic, &[&source], &narrow(), expected);
}

#[test]
fn places_far_apart_in_one_file_are_shown_apart_and_near_ones_together() {
    let text = (1..=20).flat_map(|n| format!("line {n}\n").into_bytes()).collect::<Vec<u8>>();
    let source = source("a.cfg", text);
    let note = Diagnostic::new(peerctl::output::diagnostic::Severity::Note, "three places")
        .label(0, place(&source, "line 18"), "third")
        .label(0, place(&source, "line 2"), "first")
        .label(0, place(&source, "line 6"), "");
    let expected = "\
note: three places
    ,-[a.cfg:2:1]
  1 | line 1
  2 | line 2
    : ^^^^^^ first
  3 | line 3
  4 | line 4
  5 | line 5
  6 | line 6
    : ^^^^^^
  7 | line 7
    `----
    ,-[a.cfg:18:1]
 17 | line 17
 18 | line 18
    : ^^^^^^^ third
 19 | line 19
    `----
";
    assert_shown(&note, &[&source], &Look { unicode: false, ..narrow() }, expected);
}

#[test]
fn the_end_of_a_file_can_be_pointed_at() {
    for (text, shown) in [
        ("global\n\tfoo", " 1 │ global\n 2 │     foo\n   ·        ▲ the file ends here\n"),
        ("global\n", " 1 │ global\n   ·       ▲ the file ends here\n"),
        ("", " 1 │\n   · ▲ the file ends here\n"),
    ] {
        let source = source("a.cfg", text);
        let end = u32::try_from(text.len()).expect("short");
        for offset in [end, end + 1000] {
            let diagnostic = Diagnostic::error("it ends").label(0, Span::at(offset), "the file ends here");
            let rendered = diagnostic.render(&[&source], &narrow());
            assert!(rendered.contains(shown), "{text:?}:\n{rendered}");
        }
    }
}

#[test]
fn a_place_over_several_lines_is_marked_on_its_first() {
    let source = source("a.cfg", "peers mesh\n  peer a 1.2.3.4:5\n  peer b 1.2.3.4:6\n");
    let diagnostic = Diagnostic::error("it is").label(0, Span::new(6, 40), "this section");
    let rendered = diagnostic.render(&[&source], &narrow());
    assert!(
        rendered.contains(" 1 │ peers mesh\n   ·       ──── this section\n 2 │   peer a 1.2.3.4:5\n"),
        "{rendered}"
    );
}

#[test]
fn a_text_without_room_beside_its_mark_stands_below_it() {
    let source = source("a.cfg", "    bind 10.0.0.1:443 ssl crt /etc/haproxy/tls/www.example.com.pem alpn h2\n");
    let text = "HAProxy before 2.9 doesn't know this word";
    let diagnostic = Diagnostic::error("it is").label(0, place(&source, "alpn"), text);
    let rendered = diagnostic.render(&[&source], &narrow());
    let marked = format!("   · {}────\n   · {}{text}\n", " ".repeat(67), " ".repeat(34));
    assert!(rendered.contains(&marked), "{rendered}");
    assert!(rendered.lines().all(|line| line.chars().count() <= 80), "{rendered}");
}

#[test]
fn hostile_bytes_do_nothing_and_marks_stay_in_place() {
    let text = b"global\n  # caf\xe9 \x1b[2J \xe2\x80\xae\n  foo \xff\x00 bar\n";
    let source = source("a\x1bb.cfg", &text[..]);
    let diagnostic = Diagnostic::error("bad \x1b]0;x\x07 message")
        .code("x")
        .label(0, place(&source, "bar"), "a\nb\x1b[1m")
        .next("\x1b[31mred");
    let expected = "\
error[x]: bad \\x1b]0;x\\x07 message
   ╭─[a\\x1bb.cfg:3:10]
 2 │   # caf\\xe9 \\x1b[2J \\u{202e}
 3 │   foo \\xff\\x00 bar
   ·                ─── a\\x0ab\\x1b[1m
   ╰────
  next: \\x1b[31mred
";
    assert_shown(&diagnostic, &[&source], &narrow(), expected);
}

#[test]
fn secrets_are_hidden_on_every_line_that_is_shown() {
    let source = source("a.cfg", "userlist u\n  user a password CANARY1\n  user b password CANARY22\n");
    let secrets = |document: &Document, line| document.raw_words(line).skip(3).map(|w| w.span).collect();
    let diagnostic = Diagnostic::error("it is").label(0, place(&source, "CANARY1"), "this one");
    let expected = "\
error: it is
   ╭─[a.cfg:2:19]
 1 │ userlist u
 2 │   user a password ********
   ·                   ──────── this one
 3 │   user b password ********
   ╰────
";
    assert_shown(&diagnostic, &[&source], &Look { secrets: &secrets, ..narrow() }, expected);
}

#[test]
fn colours_change_nothing_but_the_colour() {
    let source = source("a.cfg", "backend b\n  server a 1.2.3.4:80 id 5 weight 7 id 6\n  server b 1.2.3.4:80 id x\n");
    let diagnostic = Diagnostic::error("`id` is given twice")
        .code("c")
        .label(0, place(&source, "id 6"), "this one counts")
        .label(0, place(&source, "id 5"), "this one is ignored")
        .label(0, place(&source, "id x"), "alone")
        .next("do something");
    let colored = diagnostic.render(&[&source], &Look { color: true, ..narrow() });
    assert!(colored.starts_with("\x1b[31m\x1b[1merror[c]\x1b[0m"), "{colored:?}");
    let mut plain = String::new();
    for piece in colored.split('\x1b') {
        let sgr = piece.strip_prefix('[').and_then(|p| p.split_once('m'));
        plain.push_str(sgr.map_or(piece, |(_, rest)| rest));
    }
    let without_ends: Vec<&str> = plain.lines().map(str::trim_end).collect();
    assert_eq!(without_ends.join("\n") + "\n", diagnostic.render(&[&source], &narrow()));
}

#[test]
fn a_line_of_a_megabyte_is_cut_around_its_place() {
    let mut line = "acl x src ".to_owned();
    line.push_str(&"10.0.0.1 ".repeat(120_000));
    let source = source("a.cfg", format!("backend b\n  {line}bad {line}\n"));
    let diagnostic = Diagnostic::error("it is").label(0, place(&source, "bad"), "here");
    let expected = "\
error: it is
   ╭─[a.cfg:2:1080013]
 1 │ backend b
 2 │ ….0.0.1 10.0.0.1 10.0.0.1 bad acl x src 10.0.0.1 10.0.0.1 10.0.0.1 10.0.0.…
   ·                           ─── here
   ╰────
";
    assert_shown(&diagnostic, &[&source], &narrow(), expected);
    let time = fastest(|| diagnostic.render(&[&source], &narrow()));
    eprintln!("in a line of a megabyte: {time:?}");
    assert!(time < Duration::from_millis(50), "{time:?}");
}

#[test]
fn a_place_near_the_end_of_a_large_file_costs_what_one_near_its_start_does() {
    let line = |n: u32| format!("    server web{n} 10.0.0.1:8080 check\n").into_bytes();
    let text: Vec<u8> = (0..100_000).flat_map(line).collect();
    let source = source("a.cfg", text);
    let [near_start, near_end] = ["server web10 ", "server web99990 "].map(|word| {
        let diagnostic = Diagnostic::error("it is").label(0, place(&source, word), "here");
        fastest(|| diagnostic.render(&[&source], &narrow()))
    });
    eprintln!("line 11: {near_start:?}, line 99,991: {near_end:?}");
    assert!(near_end < near_start * 3, "line 11: {near_start:?}, line 99,991: {near_end:?}");
}

fn fastest(mut work: impl FnMut() -> String) -> Duration {
    let mut run = || {
        let start = Instant::now();
        assert!(!work().is_empty());
        start.elapsed()
    };
    (0..50).map(|_| run()).min().expect("some runs")
}

proptest! {
    /// Any bytes, any places: no panic, and nothing that acts on a terminal.
    #[test]
    fn whatever_stands_in_a_file_is_shown_safely(
        text in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b' '), Just(b'\t'), Just(0xe2)], 0..200),
        places in prop::collection::vec((0..250u32, 0..250u32, ".{0,60}"), 0..5),
        secret in (0..200u32, 0..200u32),
        width in 0..90usize,
        unicode: bool,
    ) {
        let source = source("a.cfg", text);
        let secrets = |_: &Document, _| vec![Span::new(secret.0, secret.1)];
        let mut diagnostic = Diagnostic::error("it is");
        for (start, end, text) in &places {
            diagnostic = diagnostic.label(0, Span::new(*start, *end), text.as_str());
        }
        let shown = diagnostic.render(&[&source], &Look { width, unicode, secrets: &secrets, ..Look::default() });
        prop_assert!(!shown.chars().any(|c| c != '\n' && escape::is_unsafe(c)), "{:?}", shown);
    }
}
