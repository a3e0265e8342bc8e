//! Edits: one file each, from a model to an edit set.
