//! Stick-table words that the configuration and the wire share.
