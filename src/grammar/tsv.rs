//! Reading the tables of the top-level `grammar/` folder.
//!
//! A table is a text of lines: `#` starts a comment line, the first other line names the columns, the rest are rows of fields
//! separated by one TAB. The tables are compiled in and checked by `tests/grammar_tables.rs`, so a malformed one is a bug of
//! this program and panics when it is first used.

use super::version::{Lifetime, Version};

/// One row of a table.
pub(super) struct Row {
    fields: Vec<&'static str>,
}

impl Row {
    /// The field in column `index`, from 0.
    pub(super) fn text(&self, index: usize) -> &'static str {
        self.fields.get(index).copied().expect("every row of a grammar table has all columns")
    }

    /// A number.
    pub(super) fn number<T: std::str::FromStr>(&self, index: usize) -> T {
        self.text(index).parse().ok().expect("a column of numbers holds numbers that fit")
    }

    /// A number, or `-` for none.
    pub(super) fn optional_number<T: std::str::FromStr>(&self, index: usize) -> Option<T> {
        (self.text(index) != "-").then(|| self.number(index))
    }

    /// `yes` or `no`.
    pub(super) fn flag(&self, index: usize) -> bool {
        self.choice(index, &[("yes", true), ("no", false)])
    }

    /// One of a closed set of words.
    pub(super) fn choice<T: Copy>(&self, index: usize, choices: &[(&str, T)]) -> T {
        let word = self.text(index);
        choices.iter().find(|(name, _)| *name == word).map(|(_, value)| *value).expect("a word that its column knows")
    }

    /// The versions from column `since` on.
    pub(super) fn since(&self, since: usize) -> Lifetime {
        Lifetime { since: self.version(since), until: None }
    }

    /// The versions from column `index` to the next column, where `-` means "still".
    pub(super) fn lifetime(&self, index: usize) -> Lifetime {
        let until = (self.text(index + 1) != "-").then(|| self.version(index + 1));
        Lifetime { until, ..self.since(index) }
    }

    fn version(&self, index: usize) -> Version {
        Version::parse(self.text(index)).expect("a version column holds MAJOR.MINOR")
    }
}

/// The rows of `text`, below the line that names the columns, in the order of the text.
pub(super) fn rows(text: &'static str) -> impl Iterator<Item = Row> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.skip(1).map(|line| Row { fields: line.split('\t').collect() })
}
