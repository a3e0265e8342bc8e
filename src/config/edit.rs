//! Edits: spans of one text and the bytes that take their place.

use crate::span::Span;

/// One change: the bytes of `span` give way to `bytes`. An empty span inserts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit {
    /// What is replaced, in the text the edit was computed on.
    pub span: Span,
    /// What comes in its place.
    pub bytes: Vec<u8>,
}

/// Changes to one text, computed on one snapshot and applied once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EditSet {
    edits: Vec<Edit>,
}

/// Two edits that change the same bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("two edits overlap at byte {}", second.start)]
pub struct Overlap {
    /// The edit that starts first.
    pub first: Span,
    /// The one that starts inside it.
    pub second: Span,
}

impl EditSet {
    /// Puts `bytes` before the byte at `offset`. Several insertions at one place keep their order.
    pub fn insert(&mut self, offset: u32, bytes: impl Into<Vec<u8>>) {
        self.replace(Span::at(offset), bytes);
    }

    /// Replaces the bytes of `span`.
    pub fn replace(&mut self, span: Span, bytes: impl Into<Vec<u8>>) {
        self.edits.push(Edit { span, bytes: bytes.into() });
    }

    /// Takes out the bytes of `span`.
    pub fn delete(&mut self, span: Span) {
        self.replace(span, Vec::new());
    }

    /// Whether nothing was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The edits in the order of the text; those at one place in the order they were added.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Edit> {
        let mut edits: Vec<&Edit> = self.edits.iter().collect();
        edits.sort_by_key(|e| (e.span.start, !e.span.is_empty()));
        edits
    }

    /// The text with all edits made. Every byte outside their spans is the same as before.
    ///
    /// # Errors
    /// [`Overlap`] if two edits touch the same bytes; nothing is guessed.
    pub fn apply(&self, text: &[u8]) -> Result<Vec<u8>, Overlap> {
        let edits = self.sorted();
        let grown: usize = edits.iter().map(|e| e.bytes.len()).sum();
        let mut out = Vec::with_capacity(text.len() + grown);
        let mut done = Span::at(0);
        for edit in edits {
            if edit.span.start < done.end {
                return Err(Overlap { first: done, second: edit.span });
            }
            out.extend_from_slice(Span::new(done.end, edit.span.start).of(text));
            out.extend_from_slice(&edit.bytes);
            done = Span::new(edit.span.start, edit.span.end);
        }
        out.extend_from_slice(text.get(done.end as usize..).unwrap_or_default());
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_apply_in_the_order_of_the_text_and_refuse_to_overlap() {
        let mut set = EditSet::default();
        set.replace(Span::new(4, 7), "B");
        set.insert(0, ">");
        set.insert(0, "> ");
        assert_eq!(set.apply(b"one two three").expect("no overlap"), b">> one B three");
        set.insert(4, "2 ");
        set.delete(Span::new(7, 8));
        assert_eq!(set.apply(b"one two three").expect("side by side"), b">> one 2 Bthree");
        assert!(!set.is_empty() && EditSet::default().is_empty());
        set.delete(Span::new(6, 9));
        assert_eq!(set.apply(b"one two three"), Err(Overlap { first: Span::new(4, 7), second: Span::new(6, 9) }));
    }
}
