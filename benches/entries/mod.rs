//! The entries that are measured: a table of addresses with counters, a rate and bytes, as a busy load balancer has it.

use peerctl::{
    grammar::{DataType, KeyType},
    stick::{Definition, Layout},
};

/// How HAProxy writes the table, without its size and its expiry.
pub(crate) const COLUMNS: &str = "type ip store gpc0,conn_cnt,http_req_cnt,http_req_rate(10s),bytes_in_cnt";

/// One hour.
pub(crate) const EXPIRE_MS: u32 = 3_600_000;

/// The definition of the table.
pub(crate) fn definition(name: &[u8]) -> Definition {
    let types = [("gpc0", None), ("conn_cnt", None), ("http_req_cnt", None), ("http_req_rate", Some(10_000))];
    let types = types.into_iter().chain([("bytes_in_cnt", None)]);
    let types = types.map(|(name, period)| (DataType::by_name(name.as_bytes()).expect("a type"), None, period));
    let layout = Layout::new(types);
    Definition { name: name.into(), key_type: KeyType::IP, key_len: 4, expire_ms: EXPIRE_MS, layout }
}

/// The entry with number `n`: its key, which no other one has, and its values.
pub(crate) fn entry(n: u32) -> ([u8; 4], [u64; 7]) {
    // Numbers that look random, each once: products with an odd number.
    let noise = n.wrapping_mul(0x9e37_79b1);
    let values = [
        u64::from(n % 100),
        u64::from(noise >> 20),
        u64::from(noise >> 16),
        u64::from(noise % 10_000),
        u64::from(noise >> 24),
        u64::from(noise >> 25),
        u64::from(noise) << 8,
    ];
    (noise.to_be_bytes(), values)
}
