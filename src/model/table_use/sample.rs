//! Fetches and converters that take a table, inside a word.

use super::Sample;
use crate::grammar::keywords::{TableUser, table_users};

/// A fetch or converter found in a word.
pub(super) struct Found<'w> {
    pub(super) sample: Sample,
    /// The table's name; `None` if it isn't written.
    pub(super) table: Option<&'w [u8]>,
    /// In front of a converter: the expression it works on.
    pub(super) key: Option<&'w [u8]>,
}

/// Whether a word can hold such a name at all; quick.
pub(super) fn is_candidate(word: &[u8]) -> bool {
    memchr::memchr(b'_', word).is_some() && NEEDLES.iter().any(|needle| memchr::memmem::find(word, needle).is_some())
}

const NEEDLES: [&[u8]; 3] = [b"sc", b"src_", b"table"];

/// The fetches and converters of a word: `src_conn_cnt(t)`, `%[src,table_gpc0(t)]`, `sc_http_req_rate(0)`.
///
/// An expression starts with the word or behind `[`, a converter behind a comma.
pub(super) fn find(word: &[u8]) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    let mut expression = 0;
    let mut starts = true;
    let mut at = 0;
    while let Some(byte) = word.get(at) {
        if starts {
            let rest = word.get(at..).unwrap_or_default();
            let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
            let (name, rest) = rest.split_at(length);
            if let Some(user) = user(name) {
                let key = (at > expression).then(|| word.get(expression..at - 1)).flatten();
                found.push(read(user, arguments(rest), key));
            }
            starts = false;
            at += length.max(1);
            if length > 0 {
                continue;
            }
        } else {
            at += 1;
        }
        match byte {
            b'[' => (expression, starts) = (at, true),
            b',' => starts = true,
            _ => {}
        }
    }
    found
}

fn read<'w>(user: &'static TableUser, arguments: &'w [u8], key: Option<&'w [u8]>) -> Found<'w> {
    let arguments: Vec<&[u8]> = arguments.split(|b| *b == b',').map(<[u8]>::trim_ascii).collect();
    let table = arguments.get(user.position).copied().filter(|table| !table.is_empty());
    // `sc1_conn_cnt`, `sc_conn_cnt(1)`, `sc_get_gpc(0,1)`: in the name, or right in front of the table.
    let counter = match user.name.strip_prefix("sc").and_then(|rest| rest.split_once('_')) {
        Some(("", _)) => {
            let before = user.position.checked_sub(1).and_then(|at| arguments.get(at).copied());
            before.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
        }
        Some((digits, _)) => digits.parse().ok(),
        None => None,
    };
    Found { sample: Sample { user, counter }, table, key }
}

fn user(name: &[u8]) -> Option<&'static TableUser> {
    let plausible = name.starts_with(b"s") || name.starts_with(b"t") || name.starts_with(b"in_table");
    plausible.then(|| table_users().iter().find(|user| user.name.as_bytes() == name)).flatten()
}

/// What stands in the parentheses at the start of `rest`; empty without them.
fn arguments(rest: &[u8]) -> &[u8] {
    let Some((b'(', inside)) = rest.split_first() else { return b"" };
    inside.split(|b| *b == b')').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name table counter key`, one for each user of the word; `-` where there is none.
    fn seen(word: &str) -> Vec<String> {
        let text = |bytes: Option<&[u8]>| bytes.map_or("-".into(), |b| String::from_utf8_lossy(b).into_owned());
        let line = |found: Found<'_>| {
            let counter = found.sample.counter.map_or("-".into(), |n| n.to_string());
            format!("{} {} {counter} {}", found.sample.user.name, text(found.table), text(found.key))
        };
        assert!(is_candidate(word.as_bytes()) || find(word.as_bytes()).is_empty(), "{word}");
        find(word.as_bytes()).into_iter().map(line).collect()
    }

    #[test]
    fn the_table_is_the_argument_that_the_name_says() {
        assert_eq!(seen("src_conn_cnt(t)"), ["src_conn_cnt t - -"]);
        assert_eq!(seen("src_get_gpc(1,p/t)"), ["src_get_gpc p/t - -"]);
        assert_eq!(seen("sc1_get_gpc0"), ["sc1_get_gpc0 - 1 -"]);
        assert_eq!(seen("sc_http_req_rate(2)"), ["sc_http_req_rate - 2 -"]);
        assert_eq!(seen("sc_get_gpc(0,1,t)"), ["sc_get_gpc t 1 -"]);
        assert_eq!(seen("src_get_gpc0()"), ["src_get_gpc0 - - -"]);
    }

    #[test]
    fn expressions_stand_alone_behind_commas_and_in_log_formats() {
        assert_eq!(seen("src,ipmask(24,64),table_http_req_rate(t)"), ["table_http_req_rate t - src,ipmask(24,64)"]);
        assert_eq!(
            seen("a=%[src,table_gpc0(t),add(1)] b=%[sc0_conn_cur,div(2)]%[hdr(x),in_table(u)]"),
            ["table_gpc0 t - src", "sc0_conn_cur - 0 -", "in_table u - hdr(x)"]
        );
    }

    #[test]
    fn other_words_are_none() {
        for word in ["src", "hdr(src_conn_cnt_x)", "my_src_conn_cnt", "x-src_conn_cnt(t)", "scheme_x", "sc_", "table_t"]
        {
            assert_eq!(seen(word), [""; 0], "{word}");
        }
    }
}
