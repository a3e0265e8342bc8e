//! Numbers of variable length, 1 to 10 bytes: not LEB128. The first byte holds values below 240 alone; each further byte is
//! added whole, its bit 7 included, so no number has two encodings.

/// The most bytes of a number.
pub const MAX_LEN: usize = 10;

/// Appends `value`.
pub fn encode(mut value: u64, out: &mut Vec<u8>) {
    if value < 240 {
        out.push(low_byte(value));
        return;
    }
    out.push(low_byte(value) | 0xf0);
    value = (value - 240) >> 4;
    while value >= 128 {
        out.push(low_byte(value) | 0x80);
        value = (value - 128) >> 7;
    }
    out.push(low_byte(value));
}

/// The lowest eight bits.
const fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

/// Takes a number off the front of `bytes`: the number and what follows it.
///
/// # Errors
/// [`VarintError::Incomplete`] if `bytes` ends within it, [`VarintError::TooLarge`] if it doesn't fit 64 bits or has more
/// than ten bytes.
#[inline]
pub fn decode(bytes: &[u8]) -> Result<(u64, &[u8]), VarintError> {
    match bytes.split_first() {
        Some((&first, rest)) if first < 0xf0 => Ok((first.into(), rest)),
        Some((&first, rest)) => decode_rest(first.into(), rest),
        None => Err(VarintError::Incomplete),
    }
}

/// The bytes behind a first one that is not the whole number.
#[inline(never)]
fn decode_rest(first: u64, bytes: &[u8]) -> Result<(u64, &[u8]), VarintError> {
    let (mut value, mut rest) = (first, bytes);
    for shift in (4..=ROOM).step_by(7) {
        let Some((&byte, behind)) = rest.split_first() else { return Err(VarintError::Incomplete) };
        rest = behind;
        value = value.wrapping_add(u64::from(byte) << shift);
        if byte < 0x80 {
            return Ok((value, rest));
        }
    }
    // The tenth byte holds the highest four bits.
    let Some((&byte, rest)) = rest.split_first() else { return Err(VarintError::Incomplete) };
    let value = if byte < 0x10 { value.checked_add(u64::from(byte) << (ROOM + 7)) } else { None };
    value.map(|value| (value, rest)).ok_or(VarintError::TooLarge)
}

/// The largest shift of a whole byte below which all bytes before have room, too: their sum stays below 2^62.
const ROOM: u32 = 53;

/// Why bytes are no number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VarintError {
    /// They end within it.
    Incomplete,
    /// It needs more than 64 bits or ten bytes.
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        encode(value, &mut out);
        out
    }

    #[test]
    fn numbers_are_encoded_as_haproxy_does() {
        for (value, bytes) in [
            (239, b"\xef".as_slice()),
            (240, b"\xf0\0"),
            (255, b"\xff\0"),
            (256, b"\xf0\x01"),
            (2287, b"\xff\x7f"),
            (2288, b"\xf0\x80\0"),
            (264_431, b"\xff\xff\x7f"),
            (264_432, b"\xf0\x80\x80\0"),
            (600_000, b"\xf0\xed\xa3\x01"),
            (33_818_863, b"\xff\xff\xff\x7f"),
            (4_294_967_295, b"\xff\xf0\xfe\xfe\x7e"),
            (1 << 63, b"\xf0\xf1\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x06"),
            (u64::MAX, b"\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0e"),
        ] {
            assert_eq!(encoded(value), bytes, "{value}");
        }
    }

    #[test]
    fn decoding_is_the_inverse_and_leaves_the_rest() {
        let around = |value: u64| value.saturating_sub(3)..=value.saturating_add(3);
        let numbers = (0..64).flat_map(|bit| around(1 << bit)).chain([0, u64::MAX, 240, 2288, 264_432].map(|n| n));
        for value in numbers {
            let mut bytes = encoded(value);
            bytes.extend(b"rest");
            assert_eq!(decode(&bytes), Ok((value, b"rest".as_slice())), "{value}");
        }
    }

    #[test]
    fn every_prefix_is_incomplete() {
        let bytes = encoded(u64::MAX);
        assert_eq!(bytes.len(), MAX_LEN);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), Err(VarintError::Incomplete));
        }
    }

    #[test]
    fn what_exceeds_64_bits_is_refused() {
        assert_eq!(decode(b"\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x0f"), Err(VarintError::TooLarge));
        assert_eq!(decode(b"\xff\xf0\xfe\xfe\xfe\xfe\xfe\xfe\xfe\x10"), Err(VarintError::TooLarge));
        assert_eq!(decode(b"\xf0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Err(VarintError::TooLarge));
    }
}
