//! The command line: arguments to options, one library call, a renderer, an exit code.

pub mod files;
pub mod stdout;
