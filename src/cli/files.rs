//! Safe reading and writing of configuration files.
