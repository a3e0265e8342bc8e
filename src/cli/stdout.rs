//! Standard output: what can't be written is an error, what nobody reads any more is not.

use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use rustix::io::Errno;
use thiserror::Error;

use super::files::survive_size_limit;

/// Standard output could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StdoutError {
    /// Nobody reads it any more (`| head`): no error for whoever reads.
    #[error("standard output is closed")]
    Closed,
    /// It was not written in full.
    #[error("write stdout: {0}; what was printed is incomplete")]
    Failed(#[source] io::Error),
    /// It is one of the files that are read.
    #[error("{} is also standard output, the shell has emptied it already; print to another file", .0.display())]
    IsInput(PathBuf),
}

impl StdoutError {
    /// A failed write.
    #[must_use]
    pub fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Failed(error),
        }
    }

    /// The exit code of the program; 0 where the reader just had enough.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            StdoutError::Closed => 0,
            StdoutError::Failed(_) => 3,
            StdoutError::IsInput(_) => 2,
        }
    }
}

/// Runs `print` with a buffered standard output and sees to it that all of it is written.
///
/// # Errors
/// [`StdoutError`], also where only the last flush failed.
pub fn print(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), StdoutError> {
    survive_size_limit();
    let mut out = BufWriter::with_capacity(64 * 1024, Descriptor);
    let result = print(&mut out).and_then(|()| out.flush());
    // What is still buffered after a failure must not be tried again when the buffer is dropped.
    drop(out.into_parts());
    result.map_err(StdoutError::of)
}

/// Standard output for whoever keeps a buffer; what fails is a [`StdoutError::of`] it.
#[must_use]
pub fn writer() -> impl Write {
    survive_size_limit();
    Descriptor
}

/// Fails if standard output is this file (`peerctl … FILE > FILE`). Paths that can't be looked at are left to whoever reads them.
///
/// # Errors
/// [`StdoutError::IsInput`].
pub fn refuse_input(path: &Path) -> Result<(), StdoutError> {
    let (Ok(out), Ok(file)) = (rustix::fs::fstat(rustix::stdio::stdout()), rustix::fs::stat(path)) else {
        return Ok(());
    };
    let regular = FileType::from_raw_mode(out.st_mode) == FileType::RegularFile;
    if regular && (out.st_dev, out.st_ino) == (file.st_dev, file.st_ino) {
        return Err(StdoutError::IsInput(path.to_owned()));
    }
    Ok(())
}

/// The descriptor itself: the standard library takes some failed writes to it for done.
struct Descriptor;

impl Write for Descriptor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let out = rustix::stdio::stdout();
        match rustix::io::write(out.as_fd(), bytes) {
            Err(Errno::AGAIN) => {
                // A non-blocking descriptor that another program shares with us: wait for room.
                std::thread::sleep(std::time::Duration::from_millis(1));
                Err(io::ErrorKind::Interrupted.into())
            }
            done => Ok(done?),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
