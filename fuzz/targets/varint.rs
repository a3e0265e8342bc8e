//! Numbers: the bytes are the sum that the description says, and each number has one encoding.

#![no_main]

mod slow;

use libfuzzer_sys::fuzz_target;
use peerctl::proto::varint::{self, MAX_LEN, VarintError};

fuzz_target!(|data: &[u8]| {
    let found = varint::decode(data).map(|(value, rest)| (value, data.len() - rest.len()));
    assert_eq!(found, slow::varint(data));
    let mut out = Vec::with_capacity(2 * MAX_LEN);
    if let Ok((value, len)) = found {
        varint::encode(value, &mut out);
        assert_eq!(out, data[..len], "a number has one encoding");
    }
    if let Some(bytes) = data.first_chunk() {
        let value = u64::from_le_bytes(*bytes);
        out.clear();
        varint::encode(value, &mut out);
        assert!(out.len() <= MAX_LEN);
        assert_eq!(slow::varint(&out), Ok((value, out.len())));
        let within = usize::from(bytes[0]) % out.len();
        assert_eq!(varint::decode(&out[..within]), Err(VarintError::Incomplete), "no prefix is a number");
        out.extend(data);
        assert_eq!(varint::decode(&out), Ok((value, data)), "what follows is left");
    }
});
