//! Lossless syntax of haproxy.cfg.
