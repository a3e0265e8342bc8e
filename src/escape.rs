//! Text on its way to a terminal or a log: nothing in it may move the cursor, change colours or forge a line.
//!
//! Configuration files, peers and web clients choose what stands in names and keys, and messages quote them. What could
//! act on a terminal is shown as `\xNN` (bytes) or `\u{…}` (characters); everything else stays as it is.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Text of several lines, such as a diff or a message of another program: LF and TAB stay, and so does `\`, which is
/// frequent in configurations.
#[must_use]
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    escape(bytes, |c| matches!(c, '\n' | '\t'), false)
}

/// One line, such as a log record or a configuration line without its end: as [`text`], but LF is escaped, too.
#[must_use]
pub fn line(bytes: &[u8]) -> Cow<'_, str> {
    escape(bytes, |c| c == '\t', false)
}

/// One name, key or path: TAB is escaped, too, and `\`, so that what is shown stands for one value only.
#[must_use]
pub fn name(bytes: &[u8]) -> Cow<'_, str> {
    escape(bytes, |_| false, true)
}

/// Text of ours that is put together already, as [`text`], but with its own colours: what selects them
/// (`ESC [ digits m`) stays. The last look at what goes to a terminal.
#[must_use]
pub fn styled(text: &str) -> Cow<'_, str> {
    let shown = |c: char| matches!(c, '\n' | '\t') || !is_unsafe(c);
    if text.chars().all(shown) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = colour(rest).unwrap_or(0);
        let (taken, behind) = rest.split_at(if length > 0 { length } else { c.len_utf8() });
        if length > 0 || shown(c) {
            out.push_str(taken);
        } else {
            push_escaped(&mut out, c);
        }
        rest = behind;
    }
    Cow::Owned(out)
}

/// How many bytes at the start of a text select a colour or another look.
fn colour(text: &str) -> Option<usize> {
    let digits = text.strip_prefix("\x1b[")?;
    let end = digits.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
    digits.get(end..)?.starts_with('m').then_some("\x1b[".len() + end + 1)
}

/// Appends what stands for `c` in a JSON string where it may not stand itself: `\u202e`, two of them behind U+FFFF.
pub fn push_json(out: &mut Vec<u8>, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(b"\\u");
        out.extend([12, 8, 4, 0].map(|shift| DIGITS[usize::from(*unit >> shift & 15)]));
    }
}

/// Whether a terminal would act on `c`, or show it at another place or not at all: control characters (C0, DEL, C1),
/// line separators, and what changes the direction of text or has no width.
#[must_use]
pub const fn is_unsafe(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Appends `c` as it is shown instead of itself: `\x1b`, `\u{202e}`.
pub fn push_escaped(out: &mut String, c: char) {
    if c.is_ascii() {
        push_byte(out, c as u8);
    } else {
        out.extend(c.escape_unicode());
    }
}

/// Appends `\xNN`.
pub fn push_byte(out: &mut String, byte: u8) {
    out.push_str("\\x");
    out.push(DIGITS[usize::from(byte >> 4)].into());
    out.push(DIGITS[usize::from(byte & 15)].into());
}

/// Values that are shown as what refers to them, the longest first, and whether there are any.
static REFERENCES: RwLock<Vec<(Vec<u8>, String)>> = RwLock::new(Vec::new());
static ANY_REFERENCES: AtomicBool = AtomicBool::new(false);

/// From now on, in this process, a value is shown as what refers to it, such as `${API_TOKEN}`, wherever it stands in a name or
/// a text.
pub fn refer(value: &[u8], reference: &str) {
    let mut references = REFERENCES.write().unwrap_or_else(PoisonError::into_inner);
    if !value.is_empty() && references.iter().all(|(known, _)| known != value) {
        references.push((value.to_vec(), reference.to_owned()));
        references.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        ANY_REFERENCES.store(true, Ordering::Release);
    }
}

/// Bytes with [references](refer) in place of their values, not escaped.
#[must_use]
pub fn referred(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut shown = Cow::Borrowed(bytes);
    if ANY_REFERENCES.load(Ordering::Acquire) {
        for (value, reference) in REFERENCES.read().unwrap_or_else(PoisonError::into_inner).iter() {
            let mut rest = 0;
            while let Some(at) = memchr::memmem::find(shown.get(rest..).unwrap_or_default(), value) {
                let at = rest + at;
                shown.to_mut().splice(at..at + value.len(), reference.bytes());
                rest = at + reference.len();
            }
        }
    }
    shown
}

fn escape(bytes: &[u8], keep: impl Fn(char) -> bool, backslash: bool) -> Cow<'_, str> {
    match referred(bytes) {
        Cow::Borrowed(bytes) => escaped(bytes, keep, backslash),
        Cow::Owned(bytes) => Cow::Owned(escaped(&bytes, keep, backslash).into_owned()),
    }
}

fn escaped(bytes: &[u8], keep: impl Fn(char) -> bool, backslash: bool) -> Cow<'_, str> {
    let shown = |c: char| keep(c) || !(is_unsafe(c) || backslash && c == '\\');
    match str::from_utf8(bytes) {
        Ok(text) if text.chars().all(shown) => return Cow::Borrowed(text),
        _ => {}
    }
    let mut out = String::with_capacity(bytes.len() + bytes.len() / 8 + 8);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if shown(c) { out.push(c) } else { push_escaped(&mut out, c) }
        }
        chunk.invalid().iter().for_each(|byte| push_byte(&mut out, *byte));
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_borrowed() {
        for bytes in ["server web1 10.0.0.1:80 # ünïcode, naïve 日本\n", "a\tb", ""] {
            assert!(matches!(text(bytes.as_bytes()), Cow::Borrowed(t) if t == bytes));
        }
    }

    #[test]
    fn whatever_acts_on_a_terminal_is_written_out() {
        let cases: &[(&[u8], &str)] = &[
            (b"\x1b]0;pwn\x07", r"\x1b]0;pwn\x07"),
            (b"a\x00b\x7f\r", r"a\x00b\x7f\x0d"),
            (b"caf\xe9", r"caf\xe9"),
            (b"\x9b2J", r"\x9b2J"),
            ("\u{9b}2J".as_bytes(), r"\u{9b}2J"),
            ("a\u{202e}b\u{200b}\u{feff}\u{2028}".as_bytes(), r"a\u{202e}b\u{200b}\u{feff}\u{2028}"),
            (b"\xc0\xaf\xed\xa0\x80", r"\xc0\xaf\xed\xa0\x80"),
        ];
        for (bytes, shown) in cases {
            assert_eq!(text(bytes), *shown);
            assert_eq!(line(bytes), *shown);
            assert_eq!(name(bytes), *shown);
        }
    }

    #[test]
    fn a_value_is_shown_as_what_refers_to_it() {
        refer(b"quince-\x01", "${FRUIT}");
        refer(b"quince-\x01-jelly", "${JELLY}");
        refer(b"quince-\x01", "${OTHER}");
        assert_eq!(name(b"a quince-\x01, quince-\x01-jelly!"), "a ${FRUIT}, ${JELLY}!");
        assert_eq!(*referred(b"quince-\x01\xff"), *b"${FRUIT}\xff", "nothing else changes");
        assert!(matches!(referred(b"quince-"), Cow::Borrowed(b"quince-")));
    }

    #[test]
    fn separators_stay_only_where_they_separate() {
        let bytes = b"a\\b\tc\nd";
        assert_eq!(text(bytes), "a\\b\tc\nd");
        assert_eq!(line(bytes), "a\\b\tc\\x0ad");
        assert_eq!(name(bytes), r"a\x5cb\x09c\x0ad");
    }

    #[test]
    fn colours_of_ours_stay_and_nothing_else_does() {
        for same in ["plain\n\tü", "\x1b[1;31merror\x1b[0m: x\n", "\x1b[m"] {
            assert_eq!(styled(same), same);
        }
        assert_eq!(styled("\x1b[1mx\x1b]0;pwn\x07\x1b[2J"), "\x1b[1mx\\x1b]0;pwn\\x07\\x1b[2J");
        assert_eq!(styled("a\u{202e}\u{9b}2J\r\x1b["), "a\\u{202e}\\u{9b}2J\\x0d\\x1b[");
    }

    #[test]
    fn no_byte_gets_through_that_a_terminal_acts_on() {
        for byte in 0..=u8::MAX {
            for next in [b'a', 0x80, 0xbf, 0x1b] {
                let shown = name(&[byte, next]).into_owned();
                assert!(!shown.chars().any(is_unsafe), "{byte:#x} {next:#x} gave {shown:?}");
            }
        }
    }
}
