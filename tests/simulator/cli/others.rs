//! Small parts that handlers need and that are about files, terminals and options in the program.

/// What to do about a failed session: nobody reads it here.
pub(crate) mod learn {
    use crate::node::LinkError;

    pub(in crate::cli) fn help(_why: &LinkError, _peer: &str) -> String {
        "nobody reads it".to_owned()
    }
}

/// Nothing more is written.
pub(crate) mod queue {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Gone;
}

/// Standard output: there is none.
pub(crate) mod spool {
    use std::time::Duration;

    use super::queue::Gone;
    use crate::cli::failure::Failure;

    pub const CHUNK: usize = 64 << 10;

    #[derive(Debug)]
    pub enum Spool {}

    impl Spool {
        pub fn push(&self, _lines: Vec<u8>) -> Result<(), Gone> {
            match *self {}
        }

        pub fn waiting(&self) -> Result<usize, Gone> {
            match *self {}
        }

        pub fn finish(self, _patience: Option<Duration>, _last: bool) -> Result<(), Failure> {
            match self {}
        }
    }
}
