//! The wire as its description says it, one byte at a time, in numbers that can't overflow: what the library is compared with.

#![allow(dead_code, reason = "each target uses a part of it")]

use peerctl::proto::varint::VarintError;

/// The number that `bytes` begin with, and its length: the first byte, and each further one moved by four bits, and by seven
/// more for each that follows.
pub(crate) fn varint(bytes: &[u8]) -> Result<(u64, usize), VarintError> {
    let mut sum = 0_u128;
    for n in 0..10 {
        let byte = *bytes.get(n).ok_or(VarintError::Incomplete)?;
        sum += u128::from(byte) << if n == 0 { 0 } else { 4 + 7 * (n - 1) };
        if byte < if n == 0 { 240 } else { 128 } {
            return u64::try_from(sum).map(|sum| (sum, n + 1)).map_err(|_| VarintError::TooLarge);
        }
    }
    Err(VarintError::TooLarge)
}

/// Takes fields off the front of a payload.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn number(&mut self) -> Option<u64> {
        let (number, len) = varint(self.0).ok()?;
        self.0 = &self.0[len..];
        Some(number)
    }

    pub(crate) fn up_to(&mut self, limit: u64) -> Option<usize> {
        self.number().filter(|number| *number <= limit).and_then(|number| usize::try_from(number).ok())
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.bytes(4).map(|bytes| bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }
}

/// What is known of a data type: its number on the wire, what its values are, whether it is an array.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    Number32,
    Number64,
    Text,
    Rate,
    Numbers,
    Rates,
}

/// By the number on the wire.
pub(crate) const DATA_TYPES: [Is; 27] = {
    let mut types = [Is::Number32; 27];
    let rates = [3, 5, 8, 10, 12, 14, 16, 18, 21, 26];
    let mut n = 0;
    while n < rates.len() {
        types[rates[n]] = Is::Rate;
        n += 1;
    }
    (types[13], types[15]) = (Is::Number64, Is::Number64);
    types[19] = Is::Text;
    (types[22], types[23], types[24]) = (Is::Numbers, Is::Numbers, Is::Rates);
    types
};
