//! The files of the top-level `grammar/` folder as texts, for people who want to read what this program reads by.

use super::ebnf;

/// One file of the folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Text {
    /// The file's stem.
    pub name: &'static str,
    /// What it is.
    pub kind: TextKind,
    /// All of it.
    pub text: &'static str,
}

/// What a file of the folder is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TextKind {
    /// A grammar in W3C EBNF.
    Ebnf,
    /// A table: lines of fields between TABs.
    Tsv,
}

impl TextKind {
    /// The file's extension.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Ebnf => "ebnf",
            Self::Tsv => "tsv",
        }
    }
}

impl Text {
    /// The first sentence of the file's comment, which says what it is about; empty if there is no comment.
    #[must_use]
    pub fn title(&self) -> &'static str {
        let line = match self.kind {
            TextKind::Ebnf => self.text.lines().find_map(|line| line.strip_prefix(" * ")),
            TextKind::Tsv => self.text.lines().find_map(|line| line.strip_prefix("# ")),
        };
        let line = line.unwrap_or_default();
        line.split_once(". ").map_or(line, |(sentence, _)| sentence).trim_end_matches('.')
    }
}

/// All files: the grammars, then the tables, each sorted by name.
pub fn all() -> impl Iterator<Item = Text> {
    let text = |kind| move |(name, text): &(&'static str, &'static str)| Text { name, kind, text };
    ebnf::GRAMMARS.iter().map(text(TextKind::Ebnf)).chain(TABLES.iter().map(text(TextKind::Tsv)))
}

/// The file called `name`, with or without its extension.
#[must_use]
pub fn find(name: &str) -> Option<Text> {
    let stem = |text: &Text| name.strip_suffix(text.kind.extension()).and_then(|rest| rest.strip_suffix('.'));
    all().find(|text| text.name == name || stem(text) == Some(text.name))
}

const TABLES: &[(&str, &str)] = &[
    ("aggregate-keywords", include_str!("../../grammar/aggregate-keywords.tsv")),
    ("bind-params", include_str!("../../grammar/bind-params.tsv")),
    ("data-types", include_str!("../../grammar/data-types.tsv")),
    ("key-types", include_str!("../../grammar/key-types.tsv")),
    ("known-bad-versions", include_str!("../../grammar/known-bad-versions.tsv")),
    ("peers-ignored-params", include_str!("../../grammar/peers-ignored-params.tsv")),
    ("peers-keywords", include_str!("../../grammar/peers-keywords.tsv")),
    ("predicates", include_str!("../../grammar/predicates.tsv")),
    ("sample-types", include_str!("../../grammar/sample-types.tsv")),
    ("second-words", include_str!("../../grammar/second-words.tsv")),
    ("secrets", include_str!("../../grammar/secrets.tsv")),
    ("section-keywords", include_str!("../../grammar/section-keywords.tsv")),
    ("sections", include_str!("../../grammar/sections.tsv")),
    ("server-params", include_str!("../../grammar/server-params.tsv")),
    ("table-params", include_str!("../../grammar/table-params.tsv")),
    ("table-users", include_str!("../../grammar/table-users.tsv")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_here_under_its_name() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/grammar")).expect("the folder is there");
        let mut files: Vec<String> =
            folder.map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name")).collect();
        files.sort();
        let mut known: Vec<String> = all().map(|text| format!("{}.{}", text.name, text.kind.extension())).collect();
        known.sort();
        assert_eq!(known, files);
        for file in files {
            let text = find(&file).expect("known with its extension");
            assert_eq!(find(text.name), Some(text));
            assert!(!text.title().is_empty(), "{file} says what it is about");
        }
    }
}
