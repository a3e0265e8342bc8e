//! Where records go.

use std::io::{self, Write};

/// Something that is only ever appended to, such as a file.
pub trait Journal {
    /// Appends whole lines.
    ///
    /// # Errors
    /// If not all of them could be appended. Then none of them was, and they may be appended again.
    fn append(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Returns when everything that was appended is as durable as it can be.
    ///
    /// # Errors
    /// If it isn't. That is final: what is on the disk is unknown.
    fn sync(&mut self) -> io::Result<()>;

    /// Takes the place of another one that it was made to replace, when everything that was appended is durable.
    ///
    /// # Errors
    /// If it can't, or it is unknown whether it has for good.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The bytes the journal has, those it began with included.
    fn position(&self) -> u64;
}

impl<J: Journal + ?Sized> Journal for &mut J {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        (**self).append(lines)
    }

    fn sync(&mut self) -> io::Result<()> {
        (**self).sync()
    }

    fn settle(&mut self) -> io::Result<()> {
        (**self).settle()
    }

    fn position(&self) -> u64 {
        (**self).position()
    }
}

/// A journal that can't take back what it was given, such as a pipe: an error is final.
#[derive(Debug)]
pub struct Stream<W> {
    out: W,
    position: u64,
    broken: bool,
}

impl<W> Stream<W> {
    /// Appends to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, position: 0, broken: false }
    }

    /// What was appended to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> Journal for Stream<W> {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.out.write_all(lines).inspect_err(|_| self.broken = true)?;
        self.position += lines.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn position(&self) -> u64 {
        self.position
    }
}
