//! The arguments of a predicate: `(a,"b c",'d')`.

use thiserror::Error;

/// What is wrong with the arguments of a predicate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum ArgumentsError {
    /// Fewer than the predicate takes.
    #[error("{found} given, {expected} expected")]
    Missing {
        /// How many there are.
        found: usize,
        /// How many it takes.
        expected: usize,
    },
    /// More than the predicate takes.
    #[error("a comma behind the last argument; expected `)`")]
    TooMany,
    /// No closing parenthesis, perhaps because a quote is open.
    #[error("expected `)`; is a quote open?")]
    Unclosed,
    /// A backslash at the very end.
    #[error("nothing follows the last backslash")]
    LoneBackslash,
}

/// Reads the arguments at the start of `text` as `make_arg_list` in HAProxy's `src/arg.c` does; returns them and the bytes
/// taken.
///
/// Without a parenthesis there is one empty argument. Quotes group, a backslash escapes blank, quote, backslash and makes
/// control characters of `n`, `r`, `t`; it stays in front of everything else and inside single quotes.
pub(super) fn read(text: &[u8], expected: usize) -> Result<(Vec<Vec<u8>>, usize), ArgumentsError> {
    let Some((b'(', mut rest)) = text.split_first() else {
        return if expected > 1 {
            Err(ArgumentsError::Missing { found: 1, expected })
        } else {
            Ok((vec![Vec::new()], 0))
        };
    };
    let mut found = Vec::new();
    while found.len() < expected {
        let (argument, after) = one(rest)?;
        found.push(argument);
        rest = after;
        match rest.split_first() {
            Some((b',', after)) if found.len() < expected => rest = after,
            _ => break,
        }
    }
    if found.len() < expected {
        return Err(ArgumentsError::Missing { found: found.len(), expected });
    }
    match rest.split_first() {
        Some((b')', after)) => Ok((found, text.len() - after.len())),
        Some(_) => Err(ArgumentsError::TooMany),
        None => Err(ArgumentsError::Unclosed),
    }
}

/// One argument, and the text from the comma, the parenthesis or the end behind it.
fn one(text: &[u8]) -> Result<(Vec<u8>, &[u8]), ArgumentsError> {
    let mut argument = Vec::new();
    let mut quote = None;
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        match (byte, quote) {
            (b'"' | b'\'', None) => quote = Some(*byte),
            (_, Some(open)) if open == *byte => quote = None,
            (b'\\', None | Some(b'"')) => {
                let (escaped, after) = after.split_first().ok_or(ArgumentsError::LoneBackslash)?;
                match escaped {
                    b'\\' | b' ' | b'"' | b'\'' => argument.push(*escaped),
                    b'r' => argument.push(b'\r'),
                    b'n' => argument.push(b'\n'),
                    b't' => argument.push(b'\t'),
                    _ => {
                        argument.push(b'\\');
                        rest = rest.get(1..).unwrap_or_default();
                        continue;
                    }
                }
                rest = after;
                continue;
            }
            (b',' | b')', None) => break,
            _ => argument.push(*byte),
        }
        rest = after;
    }
    Ok((argument, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two(text: &str) -> Result<(String, String), ArgumentsError> {
        let (arguments, _) = read(text.as_bytes(), 2)?;
        let text = |index: usize| String::from_utf8_lossy(&arguments[index]).into_owned();
        Ok((text(0), text(1)))
    }

    #[test]
    fn quotes_and_backslashes_work_as_in_haproxy() {
        let pair = |a: &str, b: &str| Ok((a.to_owned(), b.to_owned()));
        assert_eq!(two(r#"("a,b",a"b"c)"#), pair("a,b", "abc"));
        assert_eq!(two(r"(a\ b,'a\nb')"), pair("a b", r"a\nb"));
        assert_eq!(two(r#"(a\tb,"\x")"#), pair("a\tb", r"\x"));
        assert_eq!(two("( a,)"), pair(" a", ""));
    }

    #[test]
    fn the_number_of_arguments_is_fixed() {
        assert_eq!(two("(a)"), Err(ArgumentsError::Missing { found: 1, expected: 2 }));
        assert_eq!(two("(a,b,c)"), Err(ArgumentsError::TooMany));
        assert_eq!(two("(a,\"b)"), Err(ArgumentsError::Unclosed));
        assert_eq!(two("(a,b\\"), Err(ArgumentsError::LoneBackslash));
        assert_eq!(read(b" && 1", 1), Ok((vec![Vec::new()], 0)));
        assert_eq!(read(b"(a)b", 1), Ok((vec![b"a".to_vec()], 3)));
    }
}
