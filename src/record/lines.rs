//! Lines of a stream, in a buffer that is as long as the longest one, up to a limit.

use std::io::{self, ErrorKind, Read};
use std::ops::Range;

use crate::record::MAX_LINE;

/// The first bytes that are read; then twice as many each time, up to a chunk.
const FIRST: usize = 4 << 10;
const CHUNK: usize = 256 << 10;

/// Cuts a stream into lines.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    /// What was read and not given out.
    pending: Range<usize>,
    /// The start of it that has no line end.
    searched: usize,
    /// Bytes of the stream before `pending`.
    position: u64,
}

/// A line in the buffer of [`Lines`], until the next one is asked for.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Its bytes without its end; some of them if it is too long.
    pub(super) bytes: Range<usize>,
    /// Its bytes with its end.
    pub(super) len: u64,
    /// Whether it has an end; only the last one may have none.
    pub(super) ended: bool,
    /// Whether it has more bytes than a line may have.
    pub(super) too_long: bool,
}

impl<R: Read> Lines<R> {
    pub(super) const fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), pending: 0..0, searched: 0, position: 0 }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.cut() {
            return Ok(Some(line));
        }
        loop {
            if self.pending.len() >= MAX_LINE {
                return self.skip().map(Some);
            }
            if !self.fill()? {
                break;
            }
            if let Some(line) = self.cut() {
                return Ok(Some(line));
            }
        }
        if self.pending.is_empty() {
            return Ok(None);
        }
        let line = Line { bytes: self.pending.clone(), len: self.pending.len() as u64, ended: false, too_long: false };
        self.position += line.len;
        self.pending.start = self.pending.end;
        self.searched = 0;
        Ok(Some(line))
    }

    /// Bytes of the lines that were given out.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn bytes(&self, line: &Line) -> &[u8] {
        self.buffer.get(line.bytes.clone()).unwrap_or_default()
    }

    /// The first line of the buffer, if it has its end.
    fn cut(&mut self) -> Option<Line> {
        let unsearched = self.buffer.get(self.pending.start + self.searched..self.pending.end)?;
        let Some(at) = memchr::memchr(b'\n', unsearched) else {
            self.searched = self.pending.len();
            return None;
        };
        let bytes = self.pending.start..self.pending.start + self.searched + at;
        let len = bytes.len() as u64 + 1;
        self.pending.start = bytes.end + 1;
        self.searched = 0;
        self.position += len;
        Some(Line { too_long: bytes.len() >= MAX_LINE, bytes, len, ended: true })
    }

    /// Reads some more; `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.pending.start > 0 {
            self.buffer.copy_within(self.pending.clone(), 0);
            self.pending = 0..self.pending.len();
        }
        if self.buffer.len() < CHUNK || self.buffer.len() - self.pending.end < CHUNK / 2 {
            self.buffer.resize((self.buffer.len() * 2).clamp(FIRST, MAX_LINE + CHUNK), 0);
        }
        let read = self.read()?;
        self.pending.end += read;
        Ok(read > 0)
    }

    fn read(&mut self) -> io::Result<usize> {
        let room = self.buffer.get_mut(self.pending.end..).unwrap_or_default();
        loop {
            match self.input.read(room) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result.map(|read| read.min(room.len())),
            }
        }
    }

    /// Reads over a line that is too long.
    fn skip(&mut self) -> io::Result<Line> {
        let mut len = 0;
        loop {
            len += self.pending.len() as u64;
            self.pending = 0..0;
            self.searched = 0;
            let read = self.read()?;
            self.pending.end = read;
            let end = self.buffer.get(..read).and_then(|bytes| memchr::memchr(b'\n', bytes));
            if let Some(at) = end {
                self.pending.start = at + 1;
                len += at as u64 + 1;
            } else if read > 0 {
                continue;
            }
            self.position += len;
            return Ok(Line { bytes: 0..0, len, ended: end.is_some(), too_long: true });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in pieces of one length.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let (piece, rest) = self.0.split_at(self.1.min(self.0.len()).min(room.len()));
            room[..piece.len()].copy_from_slice(piece);
            self.0 = rest;
            Ok(piece.len())
        }
    }

    fn lines(text: &[u8], piece: usize) -> Vec<(Vec<u8>, u64, bool, bool)> {
        let mut lines = Lines::new(Pieces(text, piece));
        let mut all = Vec::new();
        while let Some(line) = lines.next().expect("no error") {
            all.push((lines.bytes(&line).to_vec(), line.len, line.ended, line.too_long));
        }
        assert_eq!(lines.position(), text.len() as u64);
        all
    }

    #[test]
    fn lines_do_not_depend_on_how_they_arrive() {
        let text = [b"a\n\nbc\n".as_slice(), &vec![b'x'; CHUNK * 3], b"\nend"].concat();
        let expected = lines(&text, usize::MAX);
        let shape: Vec<_> = expected.iter().map(|(_, len, ended, too_long)| (*len, *ended, *too_long)).collect();
        let long = CHUNK as u64 * 3 + 1;
        assert_eq!(
            shape,
            [(2, true, false), (1, true, false), (3, true, false), (long, true, false), (3, false, false)]
        );
        for piece in [1, 2, 3, 1000, CHUNK] {
            assert_eq!(lines(&text, piece), expected);
        }
    }

    #[test]
    fn a_line_that_is_too_long_takes_no_memory_and_hides_no_other() {
        for len in [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, 3 * MAX_LINE] {
            let text = [&vec![b'x'; len], b"\nnext\n".as_slice()].concat();
            for piece in [4096, usize::MAX] {
                let all = lines(&text, piece);
                assert_eq!((all[0].1, all[0].2, all[0].3), (len as u64 + 1, true, len >= MAX_LINE), "{len}");
                assert_eq!(all[1].0, b"next");
            }
        }
        let mut endless = Lines::new(io::repeat(b'x').take(20 << 20));
        let line = endless.next().expect("no error").expect("a line");
        assert_eq!((line.len, line.ended, line.too_long), (20 << 20, false, true));
        assert!(endless.buffer.len() <= MAX_LINE + CHUNK);
    }
}
