//! How new lines look: indentation, gaps and line ends are taken from the neighbours.

use super::document::{Document, LineNo};
use crate::span::Span;

/// A line end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Newline {
    /// LF.
    #[default]
    Lf,
    /// CR LF.
    CrLf,
}

impl Newline {
    /// Its bytes.
    #[must_use]
    pub const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }

    /// The line end of `line`; of the first line that has one where `line` has none; LF in a text without.
    #[must_use]
    pub fn of(document: &Document, line: LineNo) -> Self {
        let end_of = |line| {
            let full = document.full_line_span(line).of(document.text());
            full.ends_with(b"\r\n").then_some(Self::CrLf).or_else(|| full.ends_with(b"\n").then_some(Self::Lf))
        };
        end_of(line).or_else(|| end_of(LineNo(0))).unwrap_or_default()
    }
}

/// The look of a statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineStyle {
    /// What stands before the first word.
    pub indent: Vec<u8>,
    /// What stands between words.
    pub gap: Vec<u8>,
    /// The columns (bytes from the start of the line) at which words 1, 2 … start, where neighbours line them up.
    pub columns: Vec<usize>,
    /// The line end.
    pub newline: Newline,
}

impl Default for LineStyle {
    fn default() -> Self {
        Self { indent: b"  ".to_vec(), gap: b" ".to_vec(), columns: Vec::new(), newline: Newline::Lf }
    }
}

impl LineStyle {
    /// The style of `neighbours`, statements like the new one, in the order of the file: indentation and line end of
    /// the last, its gap if that is a TAB, and the columns that all of them share with more than one blank.
    #[must_use]
    pub fn of(document: &Document, neighbours: &[LineNo]) -> Self {
        let Some(last) = neighbours.last() else { return Self::default() };
        let gaps: Vec<Vec<Span>> = neighbours.iter().map(|line| gaps(document, *line)).collect();
        let mut style = Self { newline: Newline::of(document, *last), ..Self::default() };
        if let Some(indent) = gaps.last().and_then(|g| g.first()) {
            style.indent = indent.of(document.text()).to_vec();
        }
        let inner = gaps.iter().flat_map(|g| g.iter().skip(1));
        if inner.clone().count() > 0 && inner.clone().all(|gap| gap.of(document.text()).starts_with(b"\t")) {
            style.gap = b"\t".to_vec();
        }
        style.columns = shared_columns(document, neighbours, &gaps);
        style
    }

    /// Appends what stands before word `n` to a line in the making.
    pub fn push_gap(&self, line: &mut Vec<u8>, n: usize) {
        match self.columns.get(n - 1) {
            Some(column) if line.len() < *column => line.resize(*column, b' '),
            _ => line.extend_from_slice(&self.gap),
        }
    }
}

/// The blanks before each word of a line.
fn gaps(document: &Document, line: LineNo) -> Vec<Span> {
    let mut at = document.line_span(line).start;
    let gap = |word: super::RawWord| {
        let gap = Span::new(at, word.span.start);
        at = word.span.end;
        gap
    };
    document.raw_words(line).map(gap).collect()
}

/// Columns at which word 1, 2 … of all neighbours start, as far as they agree and some gap is wider than one blank:
/// the sign that somebody lined them up with spaces.
fn shared_columns(document: &Document, neighbours: &[LineNo], gaps: &[Vec<Span>]) -> Vec<usize> {
    let aligned = |gap: &Span| gap.len() > 1 && gap.of(document.text()).iter().all(|b| *b == b' ');
    if neighbours.len() < 2 || !gaps.iter().any(|g| g.iter().skip(1).any(aligned)) {
        return Vec::new();
    }
    let mut columns = Vec::new();
    for n in 1.. {
        let mut starts = neighbours
            .iter()
            .zip(gaps)
            .filter_map(|(line, gaps)| gaps.get(n).map(|gap| (gap.end - document.line_span(*line).start) as usize));
        match starts.next() {
            Some(first) if starts.all(|start| start == first) => columns.push(first),
            _ => break,
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The style of all lines of a text, and a line `a b c` in it.
    fn style(text: &str) -> (LineStyle, String) {
        let document = Document::parse(text.as_bytes().to_vec()).expect("short");
        let lines: Vec<LineNo> = document.lines().collect();
        let style = LineStyle::of(&document, &lines);
        let mut line = style.indent.clone();
        for (n, word) in [b"a", b"b", b"c"].into_iter().enumerate() {
            if n > 0 {
                style.push_gap(&mut line, n);
            }
            line.extend_from_slice(word);
        }
        line.extend_from_slice(style.newline.bytes());
        (style, String::from_utf8(line).expect("ASCII"))
    }

    #[test]
    fn indentation_gap_and_line_end_are_those_of_the_neighbours() {
        assert_eq!(style("").1, "  a b c\n");
        assert_eq!(style("    peer x 1\r\n").1, "    a b c\r\n");
        assert_eq!(style("\tpeer\tx\t1\n").1, "\ta\tb\tc\n");
        assert_eq!(style("\tpeer\tx 1\n").1, "\ta b c\n", "not all gaps are tabs");
        assert_eq!(style("\tenabled\n").1, "\ta b c\n", "no gap says anything");
        assert_eq!(style("peer x 1\r\n peer y 1").1, " a b c\r\n", "the first line has a line end");
    }

    #[test]
    fn words_are_lined_up_where_all_neighbours_are() {
        let lined_up = "  peer x    1\n  peer yyyy 2\n";
        assert_eq!((style(lined_up).0.columns, style(lined_up).1), (vec![7, 12], "  a    b    c\n".to_owned()));
        assert!(style("  peer x 1\n  peer y 2\n").0.columns.is_empty(), "nobody lined them up");
        assert!(style("  peer\tx 1\n  peer\ty 2\n").0.columns.is_empty(), "nor here");
        assert!(style("  peer  x 1\n").0.columns.is_empty(), "one line doesn't tell");
        assert_eq!(style("  peer  x 1 a\n  peer  yy 2 b\n  peer  z 3\n").0.columns, [8], "then they part");
        assert_eq!(style("  peer  x 1\n  peer  y 2 b\n").0.columns, [8, 10, 12], "as far as there are words");
    }

    #[test]
    fn a_word_that_reaches_into_the_next_column_is_still_a_word() {
        let style = LineStyle { columns: vec![4], ..LineStyle::default() };
        for (before, after) in [("abc", "abc "), ("abcd", "abcd "), ("abcde", "abcde ")] {
            let mut line = before.as_bytes().to_vec();
            style.push_gap(&mut line, 1);
            assert_eq!(line, after.as_bytes());
        }
    }
}
