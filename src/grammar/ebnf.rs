//! The grammars that `peerctl grammar` prints. They are normative; the tests read them and hold the parsers to them.

/// The grammars by name, sorted: the name and the text of the file, W3C EBNF with comments.
pub const GRAMMARS: &[(&str, &str)] = &[
    ("address", include_str!("../../grammar/address.ebnf")),
    ("aggregate", include_str!("../../grammar/aggregate.ebnf")),
    ("condition", include_str!("../../grammar/condition.ebnf")),
    ("file", include_str!("../../grammar/file.ebnf")),
    ("line", include_str!("../../grammar/line.ebnf")),
    ("where", include_str!("../../grammar/where.ebnf")),
];

/// The text of the grammar called `name`; `None` if there is none of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static str> {
    GRAMMARS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
