//! JSON strings that no terminal acts on.

use crate::escape;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends what stands between the quotes: control characters, and what changes the direction of text or has no width, as
/// `\u`.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(is_plain) {
        return out.extend_from_slice(text.as_bytes());
    }
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            c if escape::is_unsafe(c) => escape::push_json(out, c),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Appends `"name":"…"`, or `"name_hex":"…"` with hexadecimal digits if `bytes` aren't UTF-8.
pub(super) fn push_bytes(out: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    if let Ok(text) = str::from_utf8(bytes) {
        out.extend_from_slice(b"\":\"");
        push_text(out, text);
    } else {
        out.extend_from_slice(b"_hex\":\"");
        push_hex(out, bytes);
    }
    out.push(b'"');
}

/// Appends hexadecimal digits in upper case, as HAProxy prints binary keys.
pub(super) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    let digit = |digit: u8| DIGITS[usize::from(digit)].to_ascii_uppercase();
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

/// Appends the bytes that hexadecimal digits of either case stand for; `None` if they are none.
pub(super) fn push_unhex(out: &mut Vec<u8>, digits: &[u8]) -> Option<()> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    for [high, low] in pairs {
        out.push(digit(*high)? << 4 | digit(*low)?);
    }
    Some(())
}

/// The eight digits of a checksum.
pub(super) fn lower_hex(number: u32) -> [u8; 8] {
    [28, 24, 20, 16, 12, 8, 4, 0].map(|shift| DIGITS[(number >> shift & 15) as usize])
}

/// Whether a byte stands for itself in a string, whatever stands beside it.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_reads_every_character_and_no_terminal_acts_on_it() {
        for c in '\0'..=char::MAX {
            let text = format!("a{c}");
            let mut json = b"\"".to_vec();
            push_text(&mut json, &text);
            json.push(b'"');
            assert_eq!(serde_json::from_slice::<String>(&json).expect("JSON"), text, "{c:?}");
            assert!(!str::from_utf8(&json).expect("UTF-8").chars().any(escape::is_unsafe), "{c:?}");
        }
    }

    #[test]
    fn what_is_not_text_is_written_in_digits() {
        let mut out = Vec::new();
        push_bytes(&mut out, "key", b"caf\xe9");
        push_bytes(&mut out, "key", "café\u{202e}\"".as_bytes());
        assert_eq!(str::from_utf8(&out), Ok(r#""key_hex":"636166E9""key":"café\u202e\"""#));
    }
}
