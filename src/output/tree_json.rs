//! The syntax tree of a file as JSON.
//!
//! ```text
//! {version, file, sections:[{keyword, name, line, end_line}],
//!  lines:[{line, indent?, words:[{text, span, column, value?, references?}], comment?, ignored?, newline}],
//!  blocks:[{line, end_line, branches:[{directive, line}]}], errors:[{line, column, message, help}]}
//! ```
//! Lines and columns count from 1, columns and spans in bytes; a span is `[start, end]` from the start of the file, its end
//! not included. `text` is a word as it stands in the file, `value` what it means where quotes or escapes make that
//! another one; a word with references to the environment has no `value` but `references`. `ignored` is what stands behind
//! a CR. `newline` is `lf`, `crlf` or `none`. Bytes that aren't UTF-8 come as hex, under `hex`, `value_hex`, `comment_hex`,
//! `ignored_hex` or `name_hex`. `end_line` of a block without `.endif` is null.

use std::{borrow::Cow, io};

use serde::Serialize;

use super::json::{self, Each, Hex, text_or_hex};
use crate::{
    config::{
        Block, Document, LineNo, RawWord, Section, Source, SyntaxError, decode,
        parse::{Piece, is_blank, pieces},
    },
    span::Span,
};

/// Prints the tree of a file, one line of JSON. It is made while it is printed, however long the file is.
///
/// # Errors
/// Those of `out`.
pub fn print(source: &Source, out: &mut dyn io::Write) -> io::Result<()> {
    let document = &source.document;
    let tree = Tree {
        version: json::VERSION,
        file: &source.name,
        sections: Each(|| document.sections().iter().map(|section| SectionNode::new(document, *section))),
        lines: Each(|| document.lines().map(|line| LineNode::new(document, line))),
        blocks: Each(|| document.blocks().iter().map(|block| BlockNode::new(document, block))),
        errors: Each(|| document.errors().iter().map(|error| ErrorNode::new(source, error))),
    };
    json::print_compact(&tree, out)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Tree<'a, S, L, B, E> {
    version: u32,
    file: &'a str,
    sections: S,
    lines: L,
    blocks: B,
    errors: E,
}

#[derive(Serialize)]
struct SectionNode<'a> {
    keyword: Cow<'a, str>,
    name: Option<Cow<'a, str>>,
    line: u32,
    end_line: u32,
}

impl<'a> SectionNode<'a> {
    fn new(document: &'a Document, section: Section) -> Self {
        let mut words = document.raw_words(section.header).map(|word| lossy(decode::keyword(document.text(), word)));
        Self {
            keyword: words.next().unwrap_or_default(),
            name: words.next(),
            line: section.header.human(),
            end_line: section.end.0,
        }
    }
}

#[derive(Serialize)]
struct LineNode<'a> {
    line: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    indent: &'a str,
    words: Vec<WordNode<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment_hex: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored_hex: Option<Hex<'a>>,
    newline: &'static str,
}

impl<'a> LineNode<'a> {
    fn new(document: &'a Document, line: LineNo) -> Self {
        let content = document.line_span(line);
        let words: Vec<RawWord> = document.raw_words(line).collect();
        let (rest, newline) = rest_and_newline(document, line, words.last().map_or(content.start, |w| w.span.end));
        let blanks = rest.iter().take_while(|b| is_blank(**b)).count();
        let (gap, rest) = rest.split_at_checked(blanks).unwrap_or((rest, &[]));
        let indent = words.first().map_or(gap, |w| Span::new(content.start, w.span.start).of(document.text()));
        // Behind the words and blanks there is a comment, a CR, or nothing.
        let (comment, ignored) = if rest.starts_with(b"\r") { (&[][..], rest) } else { (rest, &[][..]) };
        let [comment, ignored] =
            [comment, ignored].map(|bytes| if bytes.is_empty() { (None, None) } else { text_or_hex(bytes) });
        Self {
            line: line.human(),
            // Blanks are ASCII.
            indent: str::from_utf8(indent).unwrap_or_default(),
            words: words.iter().map(|word| WordNode::new(document.text(), content.start, *word)).collect(),
            comment: comment.0,
            comment_hex: comment.1,
            ignored: ignored.0,
            ignored_hex: ignored.1,
            newline,
        }
    }
}

/// What stands on a line from `start` on, without the line's end, and what that is.
fn rest_and_newline(document: &Document, line: LineNo, start: u32) -> (&[u8], &'static str) {
    let end = document.full_line_span(line).end;
    let rest = Span::new(start, end).of(document.text());
    match rest {
        [rest @ .., b'\r', b'\n'] => (rest, "crlf"),
        [rest @ .., b'\n'] => (rest, "lf"),
        rest => (rest, "none"),
    }
}

#[derive(Serialize)]
struct WordNode<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<Hex<'a>>,
    span: [u32; 2],
    column: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_hex: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Cow<'a, str>>,
}

impl<'a> WordNode<'a> {
    fn new(text: &'a [u8], line_start: u32, word: RawWord) -> Self {
        let raw = word.span.of(text);
        let reference = |piece| match piece {
            Piece::Reference(reference) => Some(String::from_utf8_lossy(reference.name)),
            _ => None,
        };
        let references: Vec<_> = if word.special { pieces(raw).filter_map(reference).collect() } else { Vec::new() };
        let has_value = word.special && references.is_empty();
        let value = has_value.then(|| decode::keyword(text, word)).filter(|value| **value != *raw);
        let (value, value_hex) = match value.map(|value| String::from_utf8(value.into_owned())) {
            None => (None, None),
            Some(Ok(value)) => (Some(value), None),
            Some(Err(error)) => (None, Some(Hex(error.as_bytes()).to_string())),
        };
        let (text, hex) = text_or_hex(raw);
        let Span { start, end } = word.span;
        Self { text, hex, span: [start, end], column: start - line_start + 1, value, value_hex, references }
    }
}

#[derive(Serialize)]
struct BlockNode<'a> {
    line: u32,
    end_line: Option<u32>,
    branches: Vec<BranchNode<'a>>,
}

#[derive(Serialize)]
struct BranchNode<'a> {
    directive: Cow<'a, str>,
    line: u32,
}

impl<'a> BlockNode<'a> {
    fn new(document: &'a Document, block: &Block) -> Self {
        let branch = |line: LineNo| {
            let word = document.raw_words(line).next();
            let directive = word.map(|word| lossy(decode::keyword(document.text(), word))).unwrap_or_default();
            BranchNode { directive, line: line.human() }
        };
        let closed = block.end.0 < document.line_count();
        Self {
            line: block.start().human(),
            end_line: closed.then(|| block.end.human()),
            branches: block.branches.iter().map(|b| branch(b.directive)).collect(),
        }
    }
}

#[derive(Serialize)]
struct ErrorNode {
    line: u32,
    column: u32,
    message: String,
    help: &'static str,
}

impl ErrorNode {
    fn new(source: &Source, error: &SyntaxError) -> Self {
        let start = source.document.line_span(error.line).start;
        Self {
            line: error.line.human(),
            column: error.span.start.saturating_sub(start) + 1,
            message: error.kind.to_string(),
            help: error.kind.help(),
        }
    }
}

fn lossy(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn tree(text: &[u8]) -> Value {
        let source = Source::new("a.cfg", Document::parse(text.to_vec()).expect("short"));
        let mut out = Vec::new();
        print(&source, &mut out).expect("a vector takes it");
        serde_json::from_slice(&out).expect("valid JSON")
    }

    #[test]
    fn a_line_is_indentation_words_comment_and_its_end() {
        let line = &tree(b"  bind \"a b\"  # x\r\n")["lines"][0];
        let expected = json!({
            "line": 1, "indent": "  ", "comment": "# x", "newline": "crlf",
            "words": [
                {"text": "bind", "span": [2, 6], "column": 3},
                {"text": "\"a b\"", "span": [7, 12], "column": 8, "value": "a b"},
            ],
        });
        assert_eq!(line, &expected);
        assert_eq!(tree(b"a b\r c")["lines"][0]["ignored"], "\r c");
        assert_eq!(tree(b"\t# only\n")["lines"][0]["indent"], "\t");
        assert_eq!(tree(b"x")["lines"][0]["newline"], "none");
    }

    #[test]
    fn bytes_that_are_no_text_survive_as_hex() {
        let line = &tree(b"caf\xe9 'caf\xe9' \\x41 # \xff\n")["lines"][0];
        assert_eq!(line["words"][0], json!({"hex": "636166e9", "span": [0, 4], "column": 1}));
        assert_eq!(line["words"][1]["value_hex"], "636166e9");
        assert_eq!(line["words"][2]["value"], "A");
        assert_eq!(line["comment_hex"], "2320ff");
    }

    #[test]
    fn a_word_from_the_environment_has_references_and_no_value() {
        let words = &tree(b"server \"${NAME-x}:$PORT\" '$NO' \"\\$\"\n")["lines"][0]["words"];
        assert_eq!(words[1]["references"], json!(["NAME", "PORT"]));
        assert_eq!(words[1].get("value"), None);
        assert_eq!(words[2]["value"], "$NO");
        assert_eq!(words[3]["value"], "$");
    }

    #[test]
    fn sections_and_blocks_name_their_first_and_last_lines() {
        let tree = tree(b"global\n.if 1\npeers mesh # x\n.else\n\n.endif\n  peer a 1:1\n.if 0\n");
        assert_eq!(
            tree["sections"],
            json!([
                {"keyword": "global", "name": null, "line": 1, "end_line": 2},
                {"keyword": "peers", "name": "mesh", "line": 3, "end_line": 8},
            ])
        );
        assert_eq!(
            tree["blocks"],
            json!([
                {"line": 2, "end_line": 6, "branches": [{"directive": ".if", "line": 2}, {"directive": ".else", "line": 4}]},
                {"line": 8, "end_line": null, "branches": [{"directive": ".if", "line": 8}]},
            ])
        );
        assert_eq!(tree["errors"][0]["line"], 8);
        assert_eq!(tree["errors"][0]["column"], 1);
    }
}
