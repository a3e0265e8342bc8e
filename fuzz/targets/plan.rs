//! Decisions that a target takes from its input.

/// Takes decisions from the front of the input.
pub struct Plan<'a>(pub &'a [u8]);

impl<'a> Plan<'a> {
    /// A number below 256; 0 when nothing is left.
    pub fn number(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    /// Up to `most` bytes.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let length = self.number() % (most + 1);
        let (bytes, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        bytes
    }
}
