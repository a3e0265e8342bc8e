//! Printing: the text put together again from the index, piece by piece.

use super::document::Document;
use crate::span::Span;

impl Document {
    /// The text, walked line by line and word by word: the gaps, the words, the line ends. It is the text that was
    /// parsed, whatever its bytes: the index tiles it without a hole.
    #[must_use]
    pub fn print(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text().len());
        for line in self.lines() {
            let mut at = self.full_line_span(line).start;
            for word in self.raw_words(line) {
                out.extend_from_slice(Span::new(at, word.span.start).of(self.text()));
                out.extend_from_slice(word.span.of(self.text()));
                at = word.span.end;
            }
            out.extend_from_slice(Span::new(at, self.full_line_span(line).end).of(self.text()));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_what_was_read() {
        for text in [b"".as_slice(), b"a  b\t# c\r\n\n  'd e' \\\nf", b"\xef\xbb\xbf\"open\n\xff\0 \r"] {
            assert_eq!(Document::parse(text.to_vec()).expect("short").print(), text);
        }
    }
}
