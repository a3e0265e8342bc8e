//! Typed views of a configuration.
