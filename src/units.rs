//! Sizes and delays as HAProxy writes them.
