//! Frames: where one ends doesn't depend on how much of what follows has come, and it is written as it was.
//!
//! The first two bytes of an input are the limit of a payload and the number of bytes that have come first.

#![no_main]

mod slow;

use libfuzzer_sys::fuzz_target;
use peerctl::proto::{
    frame::{Frame, FrameError},
    varint::VarintError,
};

fuzz_target!(|data: &[u8]| {
    let Some(([limit, first], bytes)) = data.split_first_chunk() else { return };
    let limit = usize::from(*limit) * 3;
    let whole = Frame::parse(bytes, limit);
    assert_eq!(whole.map(|frame| frame.map(|(frame, len)| (frame.payload, len))), reference(bytes, limit));
    if let Some(start) = bytes.get(..usize::from(*first)) {
        match Frame::parse(start, limit) {
            Ok(None) => {}
            early => assert_eq!(early, whole, "what follows changes nothing"),
        }
    }
    // All frames of the stream, written again.
    let (mut rest, mut out) = (bytes, Vec::with_capacity(bytes.len()));
    while let Ok(Some((frame, len))) = Frame::parse(rest, limit) {
        assert!(frame.payload.len() <= limit && (2..=rest.len()).contains(&len));
        frame.encode(&mut out);
        rest = &rest[len..];
    }
    assert_eq!(out, bytes[..bytes.len() - rest.len()]);
});

type Found<'a> = Result<Option<(&'a [u8], usize)>, FrameError>;

/// The payload, and the length of the whole.
fn reference(bytes: &[u8], limit: usize) -> Found<'_> {
    let (Some(kind), Some(behind)) = (bytes.get(1), bytes.get(2..)) else { return Ok(None) };
    if *kind < 0x80 {
        return Ok(Some((&[], 2)));
    }
    let (length, bytes_of_length) = match slow::varint(behind) {
        Ok((length, bytes @ 1..=5)) => (length, bytes),
        Err(VarintError::Incomplete) if behind.len() < 5 => return Ok(None),
        _ => return Err(FrameError::Length),
    };
    if length > limit as u64 {
        return Err(FrameError::TooLong { announced: length, limit });
    }
    let length = usize::try_from(length).expect("below the limit");
    Ok(behind.get(bytes_of_length..bytes_of_length + length).map(|payload| (payload, 2 + bytes_of_length + length)))
}
