//! Integers as the C library reads them, because HAProxy hands many arguments to it.

/// Reads an integer at the start of `text` as C `strtol` does with a base of 10: blanks, a sign, digits.
///
/// Returns the number, clamped to the range of `i64`, and how many bytes it took; `None` if there is no digit.
#[must_use]
pub fn decimal(text: &[u8]) -> Option<(i64, usize)> {
    integer(text, 10)
}

/// As [`decimal`] with a base of 0: a leading `0x` means hexadecimal, a leading `0` octal.
#[must_use]
pub fn any_base(text: &[u8]) -> Option<(i64, usize)> {
    let start = text.iter().take_while(|byte| is_space(**byte)).count();
    let sign = usize::from(matches!(text.get(start), Some(b'+' | b'-')));
    match text.get(start + sign..) {
        Some([b'0', b'x' | b'X', digit, ..]) if digit.is_ascii_hexdigit() => integer(text, 16),
        Some([b'0', ..]) => integer(text, 8),
        _ => integer(text, 10),
    }
}

/// C `isspace` in the C locale.
#[must_use]
pub const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

fn integer(text: &[u8], base: u32) -> Option<(i64, usize)> {
    let mut at = text.iter().take_while(|byte| is_space(**byte)).count();
    let negative = text.get(at) == Some(&b'-');
    at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
    if base == 16 {
        at += 2;
    }
    let first = at;
    let mut value = 0_i64;
    while let Some(digit) = text.get(at).and_then(|byte| char::from(*byte).to_digit(base)) {
        let digit = if negative { -i64::from(digit) } else { i64::from(digit) };
        value = value.saturating_mul(i64::from(base)).saturating_add(digit);
        at += 1;
    }
    (at > first).then_some((value, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_ends_where_c_ends_it() {
        assert_eq!(decimal(b" +12abc"), Some((12, 4)));
        assert_eq!(decimal(b"-010"), Some((-10, 4)));
        assert_eq!(decimal(b"abc"), None);
        assert_eq!(decimal(b"99999999999999999999"), Some((i64::MAX, 20)));
        assert_eq!(any_base(b"0x1fz"), Some((31, 4)));
        assert_eq!(any_base(b"0x"), Some((0, 1)));
        assert_eq!(any_base(b"-017"), Some((-15, 4)));
        assert_eq!(any_base(b"09"), Some((0, 1)));
    }
}
