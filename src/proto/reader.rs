//! A cursor over the payload of one message.

use crate::proto::error::ProtoError;
use crate::proto::varint;

/// Takes fields off the front of a payload; a field that isn't there is an error that names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    message: &'static str,
}

impl<'a> Reader<'a> {
    /// A reader of the whole payload of a message of that kind.
    pub(super) const fn new(message: &'static str, bytes: &'a [u8]) -> Self {
        Self { bytes, message }
    }

    /// A number of variable length.
    #[inline]
    pub(super) fn varint(&mut self, field: &'static str) -> Result<u64, ProtoError> {
        match varint::decode(self.bytes) {
            Ok((value, rest)) => {
                self.bytes = rest;
                Ok(value)
            }
            Err(_) => Err(self.malformed(field)),
        }
    }

    /// Numbers of variable length, of which only some `bits` count.
    #[inline]
    pub(super) fn varints(&mut self, field: &'static str, bits: &[u64], out: &mut [u64]) -> Result<(), ProtoError> {
        let mut bytes = self.bytes;
        for (value, bits) in out.iter_mut().zip(bits) {
            let Ok((found, rest)) = varint::decode(bytes) else { return Err(self.malformed(field)) };
            (*value, bytes) = (found & bits, rest);
        }
        self.bytes = bytes;
        Ok(())
    }

    /// A number of variable length that is at most `limit`.
    pub(super) fn varint_up_to(&mut self, field: &'static str, limit: u32) -> Result<u32, ProtoError> {
        let found = self.varint(field)?;
        let error = ProtoError::Limit { message: self.message, field, found, limit: limit.into() };
        u32::try_from(found).ok().filter(|found| *found <= limit).ok_or(error)
    }

    /// Four bytes, big-endian.
    #[inline]
    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, ProtoError> {
        match self.bytes.split_first_chunk() {
            Some((bytes, rest)) => {
                self.bytes = rest;
                Ok(u32::from_be_bytes(*bytes))
            }
            None => Err(self.malformed(field)),
        }
    }

    /// The next `len` bytes.
    #[inline]
    pub(super) fn bytes(&mut self, field: &'static str, len: usize) -> Result<&'a [u8], ProtoError> {
        match self.bytes.split_at_checked(len) {
            Some((bytes, rest)) => {
                self.bytes = rest;
                Ok(bytes)
            }
            None => Err(self.malformed(field)),
        }
    }

    /// Everything must have been taken.
    #[inline]
    pub(super) fn end(&self) -> Result<(), ProtoError> {
        match self.bytes.len() {
            0 => Ok(()),
            bytes => Err(ProtoError::Trailing { message: self.message, bytes }),
        }
    }

    /// What hasn't been taken yet.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    #[cold]
    fn malformed(&self, field: &'static str) -> ProtoError {
        ProtoError::Malformed { message: self.message, field }
    }
}
