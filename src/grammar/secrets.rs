//! Where configurations hold secrets: `grammar/secrets.tsv`.

use std::sync::LazyLock;

use super::tsv;

/// What a statement hides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hides {
    /// The next word.
    Word,
    /// All words that follow.
    Rest,
    /// All words that follow but the first one.
    Arguments,
    /// What follows the first colon of the next word; all of it if there is none.
    Credentials,
    /// The words behind the next one, which is the name of a variable; unless both look harmless.
    Value,
    /// The words behind the next one, if that is the name of a secret header.
    Header,
    /// All words that follow, if one holds the name of a secret header.
    Line,
}

/// A statement with a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatementSecret {
    /// Its first words; none = any statement.
    pub words: Vec<&'static str>,
    /// The word behind which the secret stands, if not behind the first words.
    pub after: Option<&'static str>,
    /// What is secret there.
    pub hides: Hides,
}

/// When what stands behind a function is secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretIf {
    /// Always.
    Any,
    /// Its first argument is the name of a secret header.
    Header,
    /// Its first argument is a secret name.
    Name,
}

/// What a function hides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FunctionHides {
    /// An argument, counted from 1.
    Argument(usize),
    /// What a condition compares it with.
    Operands(SecretIf),
    /// The words of the rule that follow.
    Following(SecretIf),
}

/// A fetch, converter or action with a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FunctionSecret {
    /// Its name.
    pub name: Pattern,
    /// What is secret.
    pub hides: FunctionHides,
}

/// A name with `*` for any characters; case doesn't matter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pattern(&'static str);

impl Pattern {
    /// Whether it is the pattern of `name`.
    #[must_use]
    pub fn matches(self, name: &[u8]) -> bool {
        let mut pieces = self.0.split('*');
        let first = pieces.next().unwrap_or_default();
        let Some(mut rest) = strip_prefix(name, first) else { return false };
        let mut pieces = pieces.peekable();
        if pieces.peek().is_none() {
            return rest.is_empty();
        }
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_none() {
                let at = rest.len().checked_sub(piece.len());
                return at.and_then(|at| rest.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(piece.as_bytes()));
            }
            let found = (0..=rest.len()).find_map(|at| strip_prefix(rest.get(at..)?, piece));
            let Some(behind) = found else { return false };
            rest = behind;
        }
        true
    }
}

fn strip_prefix<'a>(text: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix.as_bytes()).then_some(rest)
}

/// The statements with secrets.
#[must_use]
pub fn statements() -> &'static [StatementSecret] {
    &TABLE.statements
}

/// The fetches, converters and actions with secrets.
#[must_use]
pub fn functions() -> &'static [FunctionSecret] {
    &TABLE.functions
}

/// Whether a function is in the table; `bare` if no parenthesis follows, which only whole names are taken for.
#[must_use]
pub fn is_function(name: &[u8], bare: bool) -> bool {
    TABLE.functions.iter().any(|function| !(bare && function.name.0.contains('*')) && function.name.matches(name))
}

/// Whether the value of a header with this name is secret.
#[must_use]
pub fn is_secret_header(name: &[u8]) -> bool {
    TABLE.headers.iter().any(|pattern| pattern.matches(name))
}

/// Whether a value given to this name, as in `name=value`, is secret.
#[must_use]
pub fn is_secret_name(name: &[u8]) -> bool {
    TABLE.names.iter().any(|pattern| pattern.matches(name))
}

/// Whether the value of an environment variable with this name is secret.
#[must_use]
pub fn is_secret_variable(name: &[u8]) -> bool {
    is_secret_name(name) || TABLE.variables.iter().any(|pattern| pattern.matches(name))
}

/// Whether the word behind `word` is secret, as with `--password` or `api-token`; `word` is no name somebody chose.
#[must_use]
pub fn is_secret_parameter(word: &[u8]) -> bool {
    TABLE.parameters.iter().any(|parameter| {
        let start = word.len().checked_sub(parameter.len());
        let (Some(start), Some(end)) = (start, start.and_then(|at| word.get(at..))) else { return false };
        let before = start.checked_sub(1).and_then(|at| word.get(at));
        let parts = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        end.eq_ignore_ascii_case(parameter.as_bytes())
            && before.is_none_or(|b| matches!(b, b'-' | b'_' | b'.'))
            && word.iter().all(parts)
    })
}

struct Table {
    statements: Vec<StatementSecret>,
    functions: Vec<FunctionSecret>,
    headers: Vec<Pattern>,
    names: Vec<Pattern>,
    variables: Vec<Pattern>,
    parameters: Vec<&'static str>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    const HIDES: [(&str, Hides); 7] = [
        ("word", Hides::Word),
        ("rest", Hides::Rest),
        ("arguments", Hides::Arguments),
        ("credentials", Hides::Credentials),
        ("value", Hides::Value),
        ("header", Hides::Header),
        ("line", Hides::Line),
    ];
    const SECRET_IF: [(&str, SecretIf); 3] =
        [("any", SecretIf::Any), ("header", SecretIf::Header), ("name", SecretIf::Name)];
    let mut table = Table {
        statements: Vec::new(),
        functions: Vec::new(),
        headers: Vec::new(),
        names: Vec::new(),
        variables: Vec::new(),
        parameters: Vec::new(),
    };
    for row in tsv::rows(include_str!("../../grammar/secrets.tsv")) {
        let given = |index: usize| Some(row.text(index)).filter(|text| *text != "-");
        let pattern = Pattern(row.text(1));
        match row.text(0) {
            "statement" => table.statements.push(StatementSecret {
                words: given(1).map(|words| words.split(' ').collect()).unwrap_or_default(),
                after: given(2),
                hides: row.choice(3, &HIDES),
            }),
            "function" => {
                let hides = match row.choice(3, &[("argument", 0), ("operands", 1), ("following", 2)]) {
                    0 => FunctionHides::Argument(row.number(2)),
                    1 => FunctionHides::Operands(row.choice(2, &SECRET_IF)),
                    _ => FunctionHides::Following(row.choice(2, &SECRET_IF)),
                };
                table.functions.push(FunctionSecret { name: pattern, hides });
            }
            "header" => table.headers.push(pattern),
            "name" => table.names.push(pattern),
            "variable" => table.variables.push(pattern),
            _ => table.parameters.push(row.choice(0, &[("parameter", row.text(1))])),
        }
    }
    table
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names_in_any_case() {
        let cases = [
            ("authorization", "Authorization", true),
            ("authorization", "Authorization2", false),
            ("*token*", "X-CSRF-Token-2", true),
            ("*token*", "token", true),
            ("*-key", "X-Api-Key", true),
            ("*-key", "-ke", false),
            ("*api*key*", "x-api-some-keys", true),
            ("*hdr_*", "req.hdr_cnt", true),
            ("*api*key*", "key-api", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(Pattern(pattern).matches(name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn parameters_are_told_by_their_last_part() {
        for word in ["password", "--Password", "insecure-password", "proc.api_key", "db_secret"] {
            assert!(is_secret_parameter(word.as_bytes()), "{word}");
        }
        for word in ["", "passwords", "mypassword", "txn(token)", "tls-ticket-keys", "bypass"] {
            assert!(!is_secret_parameter(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn the_table_is_read() {
        assert!(statements().len() > 25 && functions().len() > 15);
        assert!(is_secret_variable(b"DB_CRED") && !is_secret_variable(b"PORT"));
        assert!(is_secret_name(b"access_key") && !is_secret_name(b"keyboard"));
    }
}
