//! The grammars that `peerctl grammar` prints, held against the parser in both directions: what they describe is
//! accepted with the same words, blocks and sections, and what they don't describe isn't.

mod ebnf;
#[path = "support/random.rs"]
mod random;

use ebnf::{Grammar, Unit, symbols};
use peerctl::{
    cli::aggregate::{line::Word, problems::Problems, statement},
    config::{Document, LineNo, SyntaxErrorKind},
    grammar::{
        AggregateSection, AggregateUse, DataType, aggregate_keywords, ebnf as grammars,
        keywords::{predicates, sections},
    },
    model::cond::{Facts, Truth, eval},
    ops::spec::PeerSpec,
    span::Span,
    table::{Where, WhereErrorKind},
};
use random::Random;
use serde_json::Value;

/// What lines are cut at, what looks like it, and what references are made of.
const TRICKY: &[&[u8]] = &[
    b" ", b"\t", b"\x0b", b"\x0c", b"\r", b"\"", b"\"", b"'", b"\\", b"\\", b"#", b"$", b"$", b"{", b"}", b"[*]", b"[",
    b"-", b"A", b"_", b".", b"1", b"x", b"x41", b"n", b"t", b"r", b"\"$A\"", b"${A", b"\"${A-", b"a b", b"\xe9",
    b"\xff",
];

fn grammar(name: &str, unit: Unit) -> Grammar {
    Grammar::read(grammars::find(name).expect("it is there"), unit)
}

fn document(mut line: Vec<u8>) -> Document {
    line.push(b'\n');
    Document::parse(line).expect("short")
}

#[test]
fn grammars_are_sorted_and_can_be_found() {
    let names: Vec<&str> = grammars::GRAMMARS.iter().map(|(name, _)| *name).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert!(names.iter().all(|name| grammars::find(name).is_some()));
    assert_eq!(grammars::find("nonsense"), None);
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/grammar")).expect("the folder is there");
    let files = files.map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"));
    let mut files: Vec<String> = files.filter_map(|f| f.strip_suffix(".ebnf").map(str::to_owned)).collect();
    files.sort();
    assert_eq!(files, names, "every grammar in the folder is printed");
}

#[test]
fn every_line_the_grammar_makes_is_cut_into_the_same_words() {
    let grammar = grammar("line", Unit::Byte);
    for seed in 0..10_000 {
        let sentence = grammar.generate("Line", &[], &mut Random::new(seed));
        let text = sentence.text();
        let document = document(text.clone());
        let shown = String::from_utf8_lossy(&text);
        assert_eq!(document.errors(), [], "seed {seed}: {shown:?}");
        let made = sentence.nodes.iter().filter(|node| node.rule == "Word" || node.rule == "CutWord");
        let made: Vec<Span> = made.map(|n| Span::new(offset(n.start), offset(n.end))).collect();
        let found: Vec<Span> = document.raw_words(LineNo(0)).map(|word| word.span).collect();
        assert_eq!(found, made, "seed {seed}: {shown:?}");
    }
}

#[test]
fn the_grammar_accepts_and_refuses_the_lines_that_haproxy_does() {
    let grammar = grammar("line", Unit::Byte);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/config/cases/words.json");
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).expect("the vectors are there")).expect("JSON");
    for (list, accepted) in [("lines", true), ("errors", false)] {
        let lines = vectors[list].as_array().expect("lines");
        assert!(lines.len() >= 80, "the vectors are complete");
        for line in lines {
            let text = line["text"].as_str().expect("a text").chars();
            let text: Vec<u8> = text.map(|c| u8::try_from(u32::from(c)).expect("a byte")).collect();
            assert_eq!(grammar.recognises("Line", &symbols(&text)), accepted, "{:?}", String::from_utf8_lossy(&text));
        }
    }
}

#[test]
fn the_grammar_and_the_parser_agree_on_random_lines() {
    let grammar = grammar("line", Unit::Byte);
    let mut refused = 0;
    for seed in 0..6_000 {
        let text = Random::new(seed).text(TRICKY, 20);
        let document = document(text.clone());
        let accepted = document.errors().is_empty();
        let shown = String::from_utf8_lossy(&text);
        assert_eq!(grammar.recognises("Line", &symbols(&text)), accepted, "seed {seed}: {shown:?}");
        refused += i32::from(!accepted);
    }
    assert!((1_000..5_000).contains(&refused), "both verdicts are tried, not {refused} of 6000");
}

#[test]
fn nul_is_refused_wherever_it_stands() {
    let grammar = grammar("line", Unit::Byte);
    for line in [&b"a\0b"[..], b"# \0", b"'\0'", b"\"\0\"", b"\"${A-\0}\"", b"a\r\0", b"\\\0"] {
        assert!(!grammar.recognises("Line", &symbols(line)), "{line:?}");
        assert!(document(line.to_vec()).errors().iter().any(|e| e.kind == SyntaxErrorKind::NulByte), "{line:?}");
    }
}

/// Words of lines: directives, headers, and others.
const WORDS: &[&[u8]] = &[b"1", b"peers", b"mesh", b"backend", b"server", b".notice", b"a b", b"it's", b"#"];

/// Line ends; the last one only behind a word, where the CR hides the rest.
const ENDS: &[&[u8]] = &[b"\n", b" \n", b" # peers\n", b"\r\n", b"\r.if\n"];
const GAPS: &[&[u8]] = &[b" ", b"\t", b"  "];

/// Words and line ends as a text, some words in quotes, some lines with blanks and comments around them.
fn render(symbols: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut text = Vec::new();
    for symbol in symbols {
        if symbol == b"\n" {
            let behind_word = text.last().is_some_and(|b| *b != b'\n');
            text.extend_from_slice(random.pick(&ENDS[..ENDS.len() - usize::from(!behind_word)]));
            continue;
        }
        text.extend_from_slice(random.pick(GAPS));
        let plain = symbol.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b));
        match random.below(4) {
            0 if !symbol.contains(&b'\'') => text.extend([b"'", &symbol[..], b"'"].concat()),
            1 => text.extend(symbol.iter().flat_map(|b| format!("\\x{b:02x}").into_bytes())),
            _ if plain => text.extend_from_slice(symbol),
            _ => text.extend([b"\"", &symbol[..], b"\""].concat()),
        }
    }
    text
}

#[test]
fn every_file_the_grammar_makes_has_the_same_blocks() {
    let grammar = grammar("file", Unit::Word);
    let mut nested = 0;
    for seed in 0..2_000 {
        let random = &mut Random::new(seed);
        let sentence = grammar.generate("File", WORDS, random);
        let text = render(&sentence.symbols, random);
        let document = Document::parse(text.clone()).expect("short");
        let shown = String::from_utf8_lossy(&text);
        assert_eq!(document.errors(), [], "seed {seed}: {shown}");
        let line_of = |symbol: usize| sentence.symbols[..symbol].iter().filter(|s| *s == b"\n").count();
        let made: Vec<(usize, usize)> =
            sentence.of("Block").map(|node| (line_of(node.start), line_of(node.end) - 1)).collect();
        let found: Vec<(usize, usize)> =
            document.blocks().iter().map(|block| (block.start().0 as usize, block.end.0 as usize)).collect();
        assert_eq!(found, made, "seed {seed}: {shown}");
        for (block, node) in document.blocks().iter().zip(sentence.of("Block")) {
            let inside = |rule| sentence.of(rule).filter(|n| node.start <= n.start && n.end <= node.end);
            let starts = ["If", "Elif", "Else"].into_iter().flat_map(inside).map(|n| line_of(n.start));
            let directives: Vec<usize> = block.branches.iter().map(|b| b.directive.0 as usize).collect();
            let starts: Vec<usize> = starts.collect();
            assert!(directives.iter().all(|d| starts.contains(d)), "seed {seed}: {shown}");
        }
        nested += usize::from(made.windows(2).any(|pair| pair[1].0 < pair[0].1));
    }
    assert!(nested > 200, "blocks in blocks were tried, not {nested} times");
}

#[test]
fn every_configuration_the_grammar_makes_has_the_same_sections() {
    let grammar = grammar("file", Unit::Word);
    for seed in 0..2_000 {
        let random = &mut Random::new(seed);
        let sentence = grammar.generate("Configuration", WORDS, random);
        let text = render(&sentence.symbols, random);
        let document = Document::parse(text.clone()).expect("short");
        let line_of = |symbol: usize| sentence.symbols[..symbol].iter().filter(|s| *s == b"\n").count();
        let made: Vec<(usize, usize)> =
            sentence.of("Section").map(|node| (line_of(node.start), line_of(node.end))).collect();
        let found: Vec<(usize, usize)> =
            document.sections().iter().map(|section| (section.header.0 as usize, section.end.0 as usize)).collect();
        assert_eq!(found, made, "seed {seed}: {}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn the_grammar_and_the_parser_agree_on_random_blocks() {
    let grammar = grammar("file", Unit::Word);
    let lines: [&[&[u8]]; 8] = [
        &[b".if", b"1"],
        &[b".if"],
        &[b".elif", b"0"],
        &[b".else"],
        &[b".endif"],
        &[b".endif"],
        &[b"peers", b"mesh"],
        &[b".else", b"x"],
    ];
    let mut accepted = 0;
    for seed in 0..10_000 {
        let random = &mut Random::new(seed);
        let mut sentence: Vec<Vec<u8>> = Vec::new();
        for _ in 0..random.below(7) {
            // The last one is seldom wanted: it is always wrong.
            let line = if random.one_in(30) { lines[7] } else { random.pick(&lines[..7]) };
            sentence.extend(line.iter().map(|word| word.to_vec()));
            sentence.push(b"\n".to_vec());
        }
        let text = render(&sentence, random);
        let document = Document::parse(text.clone()).expect("short");
        let verdict = document.errors().is_empty();
        let shown = String::from_utf8_lossy(&text);
        assert_eq!(grammar.recognises("File", &sentence), verdict, "seed {seed}: {shown} {:?}", document.errors());
        accepted += i32::from(verdict);
    }
    assert!((1_000..9_000).contains(&accepted), "both verdicts are tried, not {accepted} of 10000");
}

#[test]
fn a_file_without_its_last_newline_is_refused() {
    let grammar = grammar("file", Unit::Word);
    assert!(!grammar.recognises("File", &[b"peers".to_vec()]));
    let document = Document::parse(b"peers".to_vec()).expect("short");
    assert!(document.errors().iter().any(|e| e.kind == SyntaxErrorKind::NoFinalNewline));
}

/// Pieces of conditions, most of them in good order.
const CONDITION: &[&[u8]] = &[
    b"1",
    b"0",
    b"-08",
    b"0x1f",
    b"0x",
    b" ",
    b" ",
    b"\t",
    b"\n",
    b"&&",
    b"||",
    b"!",
    b"(",
    b")",
    b"&",
    b"()",
    b"fips_mode",
    b"defined",
    b"defined(A)",
    b"defined (A)",
    b"feature(",
    b"enabled(a b)",
    b"streq(a,b)",
    b"streq",
    b"strneq(\"a,\",')')",
    b"strstr(",
    b"version_atleast(2.6)",
    b"version_before",
    b",",
    b"\\",
    b"\"",
    b"'",
    b"a",
    b"n",
    b"\xe9",
    b"x(1)",
    b" && 1",
    b" || !",
    b"(1)",
];

#[test]
fn the_grammar_and_the_reader_of_conditions_agree() {
    let grammar = grammar("condition", Unit::Byte);
    let facts = Facts { release: None, defined: &|_| Truth::Unknown, build: &|_, _| Truth::Unknown };
    let mut accepted = 0;
    for seed in 0..6_000 {
        let text = Random::new(seed).text(CONDITION, 6);
        let verdict = eval(&text, &facts);
        let shown = String::from_utf8_lossy(&text);
        assert_eq!(
            grammar.recognises("Condition", &symbols(&text)),
            verdict.is_ok(),
            "seed {seed}: {shown:?} {verdict:?}"
        );
        accepted += i32::from(verdict.is_ok());
    }
    assert!((400..5_600).contains(&accepted), "both verdicts are tried, not {accepted} of 6000");
    for seed in 0..2_000 {
        let text = grammar.generate("Condition", &[], &mut Random::new(seed)).text();
        let verdict = eval(&text, &facts);
        assert!(verdict.is_ok(), "seed {seed}: {:?} {verdict:?}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn the_grammar_names_the_predicates_by_their_arguments() {
    let grammar = grammar("condition", Unit::Byte);
    for (arguments, rule) in [(0, "None"), (1, "One"), (2, "Two")] {
        let mut named = grammar.literals(rule);
        named.sort();
        let known = predicates().iter().filter(|predicate| predicate.arguments == arguments);
        let known: Vec<&[u8]> = known.map(|predicate| predicate.name.as_bytes()).collect();
        assert_eq!(named, known, "{arguments} arguments");
    }
}

/// Pieces of peers as they are given on the command line.
const PEER: &[&[u8]] = &[
    b"a",
    b"lb1=",
    b"=",
    b"1",
    b"0",
    b"255",
    b"256",
    b"65535",
    b"65536",
    b"09",
    b".",
    b":",
    b"::",
    b":80",
    b"[",
    b"]",
    b"f00d",
    b"10.0.0.1",
    b"1.2.3.4:5",
    b"[::1]",
    b"ipv4@",
    b"ipv6@",
    b"unix@",
    b"abns@",
    b"udp@",
    b"@",
    b"/",
    b"/run",
    b"*",
    b"-",
    b"_",
    b",",
    b"#",
    b" ",
    b"2001:db8::",
    b"::ffff:1.2.3.4",
    b"1:2:3:4:5:6:7:8",
];

#[test]
fn the_grammar_and_the_reader_of_peers_agree() {
    let grammar = grammar("address", Unit::Byte);
    let read = |text: &[u8]| PeerSpec::parse(std::str::from_utf8(text).expect("ASCII"));
    let mut accepted = 0;
    for seed in 0..6_000 {
        let random = &mut Random::new(seed);
        let mut text = if random.one_in(8) { Vec::new() } else { b"lb1=".to_vec() };
        text.extend(random.text(PEER, 4));
        if !random.one_in(3) {
            text.extend_from_slice(b":80");
        }
        let verdict = read(&text).is_ok();
        let shown = String::from_utf8_lossy(&text);
        assert_eq!(grammar.recognises("Peer", &symbols(&text)), verdict, "seed {seed}: {shown:?}");
        accepted += i32::from(verdict);
    }
    assert!((400..5_600).contains(&accepted), "both verdicts are tried, not {accepted} of 6000");
    for seed in 0..2_000 {
        let text = grammar.generate("Peer", &[], &mut Random::new(seed)).text();
        assert!(read(&text).is_ok(), "seed {seed}: {:?}", String::from_utf8_lossy(&text));
    }
}

/// Pieces of expressions by kind: what is compared, how, with what, and what stands between comparisons.
const WHERE: [&[&[u8]]; 4] = [
    &[
        b"key",
        b"gpc0",
        b"gpc[1]",
        b"server_key",
        b"not key",
        b"(key",
        b"not(gpc0",
        b"in",
        b"a_9 ",
        b"A",
        b"gpc [1]",
        b"and",
    ],
    &[b" = ", b"=", b">=", b" <", b"!=", b"==", b"=~", b" =~ ", b" in ", b" in ", b"in ", b" in", b"=!", b" like "],
    &[
        b"1",
        b"-08",
        b"10k",
        b"1x",
        b"\"a\"",
        b"'^a\\.\\''",
        b"\"\xc3\xa9\\x4A\"",
        b"'\\u{d7ff}'",
        b"'\\u{d800}'",
        b"'\\u{0dabc}'",
        b"'\\u{00dabc}'",
        b"'\\u{0110000}'",
        b"'\\u{110000}'",
        b"'\\u{0fffff}'",
        b"\"\\\"",
        b"1.2.3.4",
        b"10.0.0.0/8",
        b"10.0.0.0/08",
        b"10.0.0.256/32",
        b"1.2.3.4/33",
        b"::",
        b"::1/128",
        b"::1/129",
        b"1:2:3:4:5:6:7::",
        b"1:2:3:4:5:6::8/0",
        b"1:2:3:4:5:6:7:8",
        b"1::2:3:4:5:6:7:8",
        b"::ffff:1.2.3.4/97",
        b"fe80::%eth0",
    ],
    &[b" and ", b" or ", b")", b") and ", b")or(", b" or(", b" and not ", b"and ", b" ", b" xor ", b" or or "],
];

#[test]
fn the_grammar_and_the_reader_of_expressions_agree() {
    let grammar = grammar("where", Unit::Byte);
    let mut accepted = 0;
    for seed in 0..6_000 {
        let random = &mut Random::new(seed);
        let comparisons = if random.one_in(3) { 2 } else { 1 };
        let pieces = (0..4 * comparisons - 1).map(|n| random.pick(WHERE[n % 4])).collect::<Vec<_>>();
        let text = String::from_utf8(pieces.concat()).expect("all pieces are");
        let verdict = Where::parse(&text);
        let expected = grammar.recognises("Where", &symbols(text.as_bytes()));
        assert_eq!(verdict.is_ok(), expected, "seed {seed}: {text:?} {verdict:?}");
        accepted += i32::from(verdict.is_ok());
        if let Err(error) = verdict {
            let place = text.get(error.span.start as usize..error.span.end as usize);
            assert!(place.is_some(), "the place is a part of {text:?}: {error:?}");
        }
    }
    assert!((400..5_600).contains(&accepted), "both verdicts are tried, not {accepted} of 6000");
}

#[test]
fn every_expression_the_grammar_makes_is_read() {
    let grammar = grammar("where", Unit::Byte);
    let mut read = 0;
    for seed in 0..4_000 {
        let text = grammar.generate("Where", &[], &mut Random::new(seed)).text();
        // Texts in quotes are of any bytes here, of which few are UTF-8.
        let Ok(text) = String::from_utf8(text) else { continue };
        match Where::parse(&text).map_err(|error| error.kind) {
            Ok(_) => read += 1,
            // What the comment of the grammar says.
            Err(WhereErrorKind::TooLarge { .. } | WhereErrorKind::TooDeep { .. }) => {}
            Err(error) => panic!("seed {seed}: {text:?} {error}"),
        }
    }
    assert!(read > 1_000, "many are, not {read}");
}

#[test]
fn the_grammar_names_the_section_keywords() {
    let mut keywords = grammar("file", Unit::Word).literals("SectionKeyword");
    keywords.sort();
    let known: Vec<&[u8]> = sections().iter().map(|section| section.keyword.as_bytes()).collect();
    assert_eq!(keywords, known);
}

fn offset(n: usize) -> u32 {
    u32::try_from(n).expect("short")
}

/// Words of the aggregator's file: what lines begin with, and what follows.
const AGGREGATE: [&[&[u8]]; 2] = [
    &[
        b"localpeer",
        b"bind",
        b"metrics",
        b"control",
        b"state-file",
        b"stats",
        b"from",
        b"table",
        b"peer",
        b"data",
        b"publish",
        b"stale",
        b"start-grace",
        b"refresh",
        b"teach-back",
        b"lease",
        b"dynamic-peers",
        b"peers",
    ],
    &[
        b"agg1",
        b"10.0.0.1:80",
        b":80",
        b"80",
        b"0",
        b"*:9",
        b"10.0.0.1",
        b"/run/x",
        b"unix@/p",
        b"a/b",
        b"/b",
        b"a/b/c",
        b"any",
        b".agg",
        b".",
        b"to",
        b"to",
        b"to",
        b"local",
        b"local",
        b"standby",
        b"up",
        b"ssl",
        b"crt",
        b"verify",
        b"none",
        b"required",
        b"optional",
        b"verifyhost",
        b"send-proxy",
        b"gpc0",
        b"gpt0,gpt",
        b"gpc0,",
        b"sum",
        b"max",
        b"on-reset",
        b"current",
        b"monotonic",
        b"min-interval",
        b"max-interval",
        b"10ms",
        b"1s",
        b"1h30m",
        b"5",
        b"x",
        b"off",
        b"on",
        b"keep",
        b"drop-after",
        b"stop",
        b"mode",
        b"660",
        b"0660",
        b"1660",
        b"888",
        b"use_aggrs",
        b"all",
        b"\xe9",
    ],
];

/// What is wrong with a line, given as its words with one blank between two; empty if the reader takes it.
fn aggregate_line(section: AggregateSection, line: &[u8]) -> String {
    let words: Vec<Word> =
        line.split(|byte| *byte == b' ').map(|text| Word { text: text.to_vec(), span: Span::at(0) }).collect();
    let mut problems = Problems::default();
    let read = statement::read(section, &words, &mut problems);
    assert_eq!(read.is_none(), problems.has_errors(), "{:?}: {problems:?}", String::from_utf8_lossy(line));
    if read.is_none() { format!("{problems:?}") } else { String::new() }
}

#[test]
fn the_grammar_and_the_reader_of_the_aggregator_s_file_agree() {
    let grammar = grammar("aggregate", Unit::Byte);
    let mut accepted = 0;
    let sections = [("Global", AggregateSection::Global), ("Aggregations", AggregateSection::Aggregations)];
    for seed in 0..12_000 {
        let random = &mut Random::new(seed);
        let (rule, section) = sections[usize::from(random.one_in(2))];
        let mut words: Vec<&[u8]> = vec![random.pick(AGGREGATE[0])];
        let count = random.below(6) + 1;
        words.extend((0..count).map(|_| -> &[u8] { random.pick(AGGREGATE[1]) }));
        let text = words.join(&b' ');
        let verdict = aggregate_line(section, &text).is_empty();
        let shown = String::from_utf8_lossy(&text);
        assert_eq!(grammar.recognises(rule, &symbols(&text)), verdict, "seed {seed}: {rule}: {shown:?}");
        accepted += i32::from(verdict);
    }
    assert!((200..11_000).contains(&accepted), "both verdicts are tried, not {accepted} of 12000");
    for seed in 0..3_000 {
        let (rule, section) = sections[usize::from(seed % 2 == 0)];
        let text = grammar.generate(rule, &[], &mut Random::new(seed)).text();
        let wrong = aggregate_line(section, &text);
        // How long a time may be is not said.
        assert!(
            wrong.is_empty() || wrong.contains("too long"),
            "seed {seed}: {:?} {wrong}",
            String::from_utf8_lossy(&text)
        );
    }
}

#[test]
fn the_grammar_of_the_aggregator_s_file_names_what_the_tables_name() {
    let grammar = grammar("aggregate", Unit::Byte);
    let mut named = grammar.literals("DataType");
    named.sort();
    let mut known: Vec<&[u8]> = DataType::spellings().iter().map(|info| info.name.as_bytes()).collect();
    known.sort_unstable();
    assert_eq!(named, known);
    let ignored = aggregate_keywords().iter().filter(|info| info.how == AggregateUse::Ignored);
    let ignored: Vec<&[u8]> = ignored.map(|info| info.keyword.as_bytes()).collect();
    assert_eq!(grammar.literals("Ignored"), ignored);
    // One truth about addresses.
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let address = plain(grammars::find("address").expect("it is there"));
    let (_, rules) = address.split_once(" Host ::= ").expect("a rule");
    let ours = plain(grammars::find("aggregate").expect("it is there")).replace("SocketPath ::=", "Path ::=");
    assert!(ours.ends_with(rules), "the rules of addresses are those of address.ebnf");
}
