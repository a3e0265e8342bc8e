//! Tables of facts, compiled in from the top-level `grammar/` folder.
