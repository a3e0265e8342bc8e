//! The command line: arguments to options, one library call, a renderer, an exit code.

pub mod files;
mod process;
pub mod reload;
pub mod stdout;
pub mod validate;
