//! `.if` blocks: which lines stand between which directives. Whether a branch is read is decided elsewhere.

use super::{
    document::{Document, LineNo},
    parse::{SyntaxError, SyntaxErrorKind},
};

/// One `.if … .endif`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// Its branches in order: `.if`, any `.elif`, perhaps `.else`.
    pub branches: Vec<Branch>,
    /// The line of `.endif`; the number of lines where it is missing.
    pub end: LineNo,
}

/// One branch: the line of its directive; its body reaches to the next branch or the end of the block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Branch {
    /// The line of `.if`, `.elif` or `.else`.
    pub directive: LineNo,
}

impl Block {
    /// Whether `line` stands inside the block (its directives count).
    #[must_use]
    pub fn contains(&self, line: LineNo) -> bool {
        self.start() <= line && line <= self.end
    }

    /// The line of `.if`.
    #[must_use]
    pub fn start(&self) -> LineNo {
        self.branches.first().map_or(self.end, |b| b.directive)
    }
}

/// Collects blocks while lines go by.
#[derive(Default)]
pub(super) struct Builder {
    open: Vec<(Block, bool)>,
    done: Vec<Block>,
    errors: Vec<SyntaxError>,
}

impl Builder {
    /// Takes a line whose first word starts with a dot.
    pub(super) fn directive(&mut self, document: &Document, line: LineNo, word: &[u8]) {
        let branch = Branch { directive: line };
        match word {
            b".if" => self.open.push((Block { branches: vec![branch], end: LineNo(document.line_count()) }, false)),
            b".elif" | b".else" => match self.open.last_mut() {
                Some((block, closed)) if !*closed => {
                    *closed = word == b".else";
                    block.branches.push(branch);
                }
                _ => self.error(document, line, 0, SyntaxErrorKind::StrayDirective),
            },
            b".endif" => match self.open.pop() {
                Some((mut block, _)) => {
                    block.end = line;
                    self.done.push(block);
                }
                None => self.error(document, line, 0, SyntaxErrorKind::StrayDirective),
            },
            _ => return,
        }
        if matches!(word, b".else" | b".endif") && document.word_count(line) > 1 {
            self.error(document, line, 1, SyntaxErrorKind::DirectiveArgument);
        }
    }

    /// The blocks by their first line, and what was wrong.
    pub(super) fn finish(mut self, document: &Document) -> (Vec<Block>, Vec<SyntaxError>) {
        for (block, _) in std::mem::take(&mut self.open) {
            self.error(document, block.start(), 0, SyntaxErrorKind::UnterminatedIf);
            self.done.push(block);
        }
        self.done.sort_by_key(Block::start);
        (self.done, self.errors)
    }

    fn error(&mut self, document: &Document, line: LineNo, word: usize, kind: SyntaxErrorKind) {
        let span = document.raw_words(line).nth(word).map_or_else(|| document.line_span(line), |w| w.span);
        self.errors.push(SyntaxError { line, span, kind });
    }
}
