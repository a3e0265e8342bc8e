//! New text: words quoted so that HAProxy reads them back as they are.

use std::borrow::Cow;

use super::{
    parse::{Piece, pieces},
    style::LineStyle,
};

/// `word` as it has to stand in a configuration. Plain words stay as they are; others get strong quotes, or weak
/// quotes with escapes where they hold a `'` or a line end.
#[must_use]
pub fn quote(word: &[u8]) -> Cow<'_, [u8]> {
    let plain = |b: &u8| !matches!(b, b'#' | b'"' | b'\'' | b'\\' | b'$' | b'\r' | b'\n' | 0..=b' ');
    if !word.is_empty() && word.iter().all(plain) {
        return Cow::Borrowed(word);
    }
    if !word.iter().any(|b| matches!(b, b'\'' | b'\r' | b'\n')) {
        return Cow::Owned([b"'", word, b"'"].concat());
    }
    let mut out = vec![b'"'];
    for byte in word {
        match byte {
            b'"' | b'\\' | b'$' => out.extend([b'\\', *byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
    Cow::Owned(out)
}

/// What to put between the raw word `before` and a word behind it: a space, or a TAB where `before` ends with a backslash,
/// which would make a space part of the word.
#[must_use]
pub fn gap_behind(before: &[u8]) -> &'static [u8] {
    match pieces(before).last() {
        // An escaped backslash is another kind of piece.
        Some(Piece::Text(text)) if text.ends_with(b"\\") => b"\t",
        _ => b" ",
    }
}

/// One new line, newline included, in the style of its neighbours. Words are quoted where they need it.
#[must_use]
pub fn line<W: AsRef<[u8]>>(style: &LineStyle, words: &[W]) -> Vec<u8> {
    let mut out = style.indent.clone();
    for (n, word) in words.iter().enumerate() {
        if n > 0 {
            style.push_gap(&mut out, n);
        }
        out.extend_from_slice(&quote(word.as_ref()));
    }
    out.extend_from_slice(style.newline.bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_where_they_need_it() {
        for (word, quoted) in [
            ("lb1", "lb1"),
            ("", "''"),
            ("a b", "'a b'"),
            ("#", "'#'"),
            (r#"a"\$"#, r#"'a"\$'"#),
            ("it's", r#""it's""#),
            (r#"'"\$"#, r#""'\"\\\$""#),
            ("a\nb\rc", r#""a\nb\rc""#),
        ] {
            assert_eq!(quote(word.as_bytes()), quoted.as_bytes(), "{word:?}");
        }
    }

    #[test]
    fn a_backslash_at_the_end_is_not_followed_by_a_space() {
        assert_eq!((gap_behind(b"a"), gap_behind(b"a\\"), gap_behind(b"a\\\\")), (&b" "[..], &b"\t"[..], &b" "[..]));
    }

    #[test]
    fn a_line_begins_with_its_indentation() {
        assert_eq!(line(&LineStyle::default(), &["peer", "a b", "c"]), b"  peer 'a b' c\n");
    }
}
