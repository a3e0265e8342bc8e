//! What goes through a [`super::Live`]: definitions of tables, keys in requests, answers.

use std::{io::Read, net::TcpStream};

use super::super::Haproxy;

/// What the frontend of a table counts beside what HAProxy counts by itself.
pub(super) const COUNT: &str = "    http-request sc-inc-gpc0(0)\n    http-request sc-inc-gpc1(0)\n    \
                     http-request sc-inc-gpc(1,0)\n    http-request sc-set-gpt0(0) 7\n    \
                     http-request sc-set-gpt(1,0) 4095\n";

/// All key types, and between them all data types that this version knows.
pub(crate) fn every_definition(haproxy: &Haproxy) -> Vec<(&'static str, String)> {
    let glitches = if haproxy.version >= (3, 0, 0) { ",glitch_cnt,glitch_rate(1m)" } else { "" };
    let scalars = format!(
        "server_id,gpt0,gpc0,gpc0_rate(1m),conn_cnt,conn_rate(1m),conn_cur,sess_cnt,sess_rate(1m),http_req_cnt,\
         http_req_rate(1m),http_err_cnt,http_err_rate(1m),bytes_in_cnt,bytes_in_rate(1m),bytes_out_cnt,\
         bytes_out_rate(1m),gpc1,gpc1_rate(1m),server_key,http_fail_cnt,http_fail_rate(1m){glitches}"
    );
    let arrays = "gpt(3),gpc(4),gpc_rate(4,30s)";
    vec![
        ("every_ip", format!("type ip size 10k expire 10m store {scalars}")),
        ("arrays", format!("type string len 40 size 10k expire 5m store {arrays},http_req_cnt")),
        ("bin", "type binary len 8 size 10k expire 90s store gpt0,gpc0,gpc0_rate(10s),gpc1".into()),
        ("ints", "type integer size 10k expire 1h store gpc0,http_req_cnt,bytes_out_cnt,server_id".into()),
        ("v6", "type ipv6 size 10k expire 30m store conn_cnt,sess_rate(2m),bytes_in_cnt".into()),
        ("forever", "type ip size 10k store gpc0,http_req_rate(10s)".into()),
        ("keys_only", "type string size 10k expire 10m".into()),
    ]
}

pub(super) fn is_binary(definition: &str) -> bool {
    definition.starts_with("type binary")
}

/// As `url_dec` reads it; not a NUL, at which newer versions give up.
pub(super) fn percent(key: &[u8]) -> String {
    key.iter().map(|byte| format!("%{byte:02x}")).collect()
}

/// As `ub64dec` reads it.
pub(super) fn base64(key: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits = |three: &[u8]| {
        let bits = three.iter().chain(&[0, 0]).take(3).fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        (0..=three.len()).map(move |at| char::from(DIGITS[bits >> (18 - 6 * at) & 63])).collect::<String>()
    };
    key.chunks(3).map(digits).collect()
}

/// Reads one answer with `content-length`: its status and its body.
pub(super) fn read_answer(stream: &mut TcpStream) -> (u16, String) {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).expect("HAProxy answers");
        assert!(count > 0, "a whole answer: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        if body.len() >= length.trim().parse().expect("a number") {
            let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
            return (status, body.to_owned());
        }
    }
}
