//! The frame of a message: where it ends, before anything is read of what is in it.
//!
//! ```text
//! class (1 byte) │ type (1 byte) │ payload length (varint, at most 5 bytes) │ payload
//!                                 └───────── only if bit 7 of the type is set ───────┘
//! ```

use crate::proto::varint::{self, VarintError};

/// The class of a message, its first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Class(pub u8);

impl Class {
    /// Resync, heartbeat.
    pub const CONTROL: Self = Self(0);
    /// The sender closes behind it.
    pub const ERROR: Self = Self(1);
    /// Definitions, entries, acknowledgements.
    pub const STICK_TABLE: Self = Self(10);
    /// Never sent; a protocol error.
    pub const RESERVED: Self = Self(255);
}

/// The type of a message within its class, its second byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Type(pub u8);

impl Type {
    /// Control: send me everything.
    pub const RESYNC_REQUEST: Self = Self(0);
    /// Control: that was everything, and I am in sync.
    pub const RESYNC_FINISHED: Self = Self(1);
    /// Control: that was everything I have, and I am not in sync.
    pub const RESYNC_PARTIAL: Self = Self(2);
    /// Control: the end of the resync was seen.
    pub const RESYNC_CONFIRM: Self = Self(3);
    /// Control: a sign of life.
    pub const HEARTBEAT: Self = Self(4);
    /// Error: a message that can't be read.
    pub const PROTOCOL_ERROR: Self = Self(0);
    /// Error: a message that is too long.
    pub const SIZE_LIMIT: Self = Self(1);
    /// Stick table: an entry with its update id.
    pub const UPDATE: Self = Self(0x80);
    /// Stick table: an entry, its update id one above the last.
    pub const INCREMENTAL: Self = Self(0x81);
    /// Stick table: a definition.
    pub const DEFINITION: Self = Self(0x82);
    /// Stick table: the entries that follow are of a table defined earlier. HAProxy never sends it.
    pub const SWITCH: Self = Self(0x83);
    /// Stick table: an acknowledgement.
    pub const ACK: Self = Self(0x84);
    /// Stick table: an entry with its update id and its remaining life.
    pub const TIMED: Self = Self(0x85);
    /// Stick table: an entry with its remaining life.
    pub const TIMED_INCREMENTAL: Self = Self(0x86);

    /// Whether messages of the type have a payload, whatever their class.
    #[must_use]
    pub const fn has_payload(self) -> bool {
        self.0 & 0x80 != 0
    }
}

/// A whole message, its payload still unread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// What it is about.
    pub class: Class,
    /// What it says.
    pub kind: Type,
    /// What it carries; empty without bit 7 in the type.
    pub payload: &'a [u8],
}

/// The most bytes of a payload's length.
const MAX_LENGTH_BYTES: usize = 5;

impl<'a> Frame<'a> {
    /// Takes a message off the front of `bytes`: the message and its length. `Ok(None)` if it isn't whole yet.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] as soon as a length above `max_payload` is announced, [`FrameError::Length`] for a length
    /// of more than five bytes.
    #[inline]
    pub fn parse(bytes: &'a [u8], max_payload: usize) -> Result<Option<(Self, usize)>, FrameError> {
        let [class, kind, rest @ ..] = bytes else { return Ok(None) };
        let (class, kind) = (Class(*class), Type(*kind));
        if !kind.has_payload() {
            return Ok(Some((Self { class, kind, payload: &[] }, 2)));
        }
        let (length, body) = match varint::decode(rest) {
            Ok((length, body)) => (length, body),
            Err(VarintError::Incomplete) if rest.len() < MAX_LENGTH_BYTES => return Ok(None),
            Err(_) => return Err(FrameError::Length),
        };
        let length_bytes = rest.len() - body.len();
        if length_bytes > MAX_LENGTH_BYTES {
            return Err(FrameError::Length);
        }
        let too_long = FrameError::TooLong { announced: length, limit: max_payload };
        let length = usize::try_from(length).ok().filter(|length| *length <= max_payload).ok_or(too_long)?;
        Ok(body.get(..length).map(|payload| (Self { class, kind, payload }, 2 + length_bytes + length)))
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend([self.class.0, self.kind.0]);
        if self.kind.has_payload() {
            varint::encode(self.payload.len() as u64, out);
            out.extend_from_slice(self.payload);
        }
    }
}

/// Why bytes can't be cut into messages any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameError {
    /// The payload is longer than allowed, in bytes.
    TooLong {
        /// As announced.
        announced: u64,
        /// As allowed.
        limit: usize,
    },
    /// The length has more than five bytes.
    Length,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_7_of_the_type_says_whether_there_is_a_payload_in_any_class() {
        let parse = |bytes| Frame::parse(bytes, 100).expect("no error").map(|(frame, len)| (frame.payload.len(), len));
        assert_eq!(parse(b"\x03\x05\x09".as_slice()), Some((0, 2)));
        assert_eq!(parse(b"\x03\x85\x02abcd"), Some((2, 5)));
        assert_eq!(parse(b"\x00\x80\x00"), Some((0, 3)));
    }

    #[test]
    fn every_prefix_is_incomplete_and_the_rest_is_left() {
        let mut bytes = Vec::new();
        Frame { class: Class::STICK_TABLE, kind: Type::UPDATE, payload: &[7; 300] }.encode(&mut bytes);
        for end in 0..bytes.len() {
            assert_eq!(Frame::parse(&bytes[..end], 1000), Ok(None));
        }
        let whole = bytes.len();
        bytes.extend(b"\x00\x04");
        let (frame, len) = Frame::parse(&bytes, 1000).expect("no error").expect("whole");
        assert_eq!((frame.payload, len), ([7; 300].as_slice(), whole));
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_its_payload_comes() {
        let announced = |length| {
            let mut bytes = b"\x0a\x80".to_vec();
            varint::encode(length, &mut bytes);
            Frame::parse(&bytes, 1000).map(|frame| frame.is_some())
        };
        assert_eq!(announced(1000), Ok(false));
        assert_eq!(announced(1001), Err(FrameError::TooLong { announced: 1001, limit: 1000 }));
        assert_eq!(announced(1 << 31), Err(FrameError::TooLong { announced: 1 << 31, limit: 1000 }));
        assert_eq!(announced(1 << 33), Err(FrameError::Length));
        assert_eq!(announced(u64::MAX), Err(FrameError::Length));
        assert_eq!(Frame::parse(b"\x0a\x80\xff\xff\xff\xff\xff", 1000), Err(FrameError::Length));
    }
}
