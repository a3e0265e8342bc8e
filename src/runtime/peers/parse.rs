//! The lines of `show peers`.

use super::{Peer, PeersSection, SharedTable, Status, Timer};
use crate::runtime::ShownError;
use crate::runtime::table::{number, split};

/// Reads the answer to `show peers`. Lines and words it doesn't know are passed over; a number that isn't printed is 0.
///
/// # Errors
/// If the answer is something else.
pub fn parse(answer: &[u8]) -> Result<Vec<PeersSection>, ShownError> {
    let mut sections: Vec<PeersSection> = Vec::new();
    for line in answer.split(|byte| *byte == b'\n') {
        let words = Words(line);
        let id = words.get("id");
        if line.starts_with(b"0x") {
            sections.push(section(line)?);
            continue;
        }
        let Some(section) = sections.last_mut() else {
            if line.trim_ascii().is_empty() {
                continue;
            }
            return Err(ShownError::new(line, "a peers section: `0x…: […] id=NAME …`"));
        };
        let depth = line.len() - line.trim_ascii_start().len();
        if depth == 2 && id.is_some() {
            section.peers.push(peer(line)?);
        } else if let Some(peer) = section.peers.last_mut() {
            more_of_peer(peer, words);
        }
    }
    Ok(sections)
}

fn section(line: &[u8]) -> Result<PeersSection, ShownError> {
    let words = Words(line);
    let name = words.get("id").ok_or_else(|| ShownError::new(line, "`id=NAME`"))?;
    Ok(PeersSection {
        name: name.into(),
        disabled: words.get("disabled").is_some_and(|value| value != b"0"),
        flags: words.bits("flags"),
        resync_timeout: words.timer("resync_timeout"),
        peers: Vec::new(),
    })
}

fn peer(line: &[u8]) -> Result<Peer, ShownError> {
    let words = Words(line);
    let wrong = || ShownError::new(line, "`id=NAME(remote|local,active|inactive) … last_status=…`");
    let (name, kind) = words.get("id").and_then(|id| split(id, b"(")).ok_or_else(wrong)?;
    let (kind, state) = split(kind.strip_suffix(b")").ok_or_else(wrong)?, b",").ok_or_else(wrong)?;
    let status = words.get("last_status").and_then(|status| status.try_into().ok()).ok_or_else(wrong)?;
    Ok(Peer {
        name: name.into(),
        local: kind == b"local",
        active: state == b"active",
        address: words.text("addr").unwrap_or_default(),
        status: Status(status),
        app_state: words.text("app_state"),
        learn_state: words.text("learn_state"),
        last_handshake: words.timer("last_hdshk"),
        reconnect: Timer::Never,
        heartbeat: Timer::Never,
        confirm: 0,
        tx_hbt: 0,
        rx_hbt: 0,
        no_hbt: 0,
        new_conn: 0,
        proto_err: 0,
        coll: 0,
        flags: 0,
        connection: None,
        transport: None,
        source: None,
        tables: Vec::new(),
    })
}

/// A line below that of a peer.
fn more_of_peer(peer: &mut Peer, words: Words<'_>) {
    if let Some(timer) = words.get("reconnect") {
        peer.reconnect = Timer::parse(timer).unwrap_or_default();
        peer.heartbeat = words.timer("heartbeat");
        peer.confirm = words.number("confirm");
        peer.tx_hbt = words.number("tx_hbt");
        peer.rx_hbt = words.number("rx_hbt");
        peer.no_hbt = words.number("no_hbt");
        peer.new_conn = words.number("new_conn");
        peer.proto_err = words.number("proto_err");
        peer.coll = words.number("coll");
    } else if words.0.trim_ascii_start().starts_with(b"flags=") {
        peer.flags = words.bits("flags");
        peer.connection = words.text("state");
    } else if words.get("xprt").is_some() {
        peer.transport = words.text("xprt");
        peer.source = words.text("src");
    } else if words.get("remote_data").is_some() {
        peer.tables.push(SharedTable {
            name: Box::default(),
            local_id: words.number("local_id"),
            remote_id: words.number("remote_id"),
            remote_data: words.bits64("remote_data"),
            flags: words.bits("flags"),
            last_acked: 0,
            last_pushed: 0,
            last_get: 0,
            teaching_origin: 0,
            update: 0,
            table_update: 0,
            local_update: 0,
            commit_update: 0,
        });
    } else if let Some(table) = peer.tables.last_mut() {
        more_of_table(table, words);
    }
}

fn more_of_table(table: &mut SharedTable, words: Words<'_>) {
    if words.get("last_acked").is_some() {
        table.last_acked = words.number("last_acked");
        table.last_pushed = words.number("last_pushed");
        table.last_get = words.number("last_get");
        table.teaching_origin = words.number("teaching_origin");
        table.update = words.number("update");
    } else if words.get("localupdate").is_some() {
        table.name = words.text("id").unwrap_or_default();
        table.table_update = words.number("update");
        table.local_update = words.number("localupdate");
        table.commit_update = words.number("commitupdate");
    }
}

/// The words `name=value` of a line.
#[derive(Clone, Copy)]
struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    fn get(self, name: &str) -> Option<&'a [u8]> {
        let value = |word: &'a [u8]| word.strip_prefix(name.as_bytes())?.strip_prefix(b"=");
        self.0.split(|byte| *byte == b' ').find_map(value)
    }

    fn text(self, name: &str) -> Option<Box<[u8]>> {
        self.get(name).map(Into::into)
    }

    fn number(self, name: &str) -> u32 {
        self.get(name).and_then(number).unwrap_or_default()
    }

    fn bits(self, name: &str) -> u32 {
        u32::try_from(self.bits64(name)).unwrap_or(u32::MAX)
    }

    fn bits64(self, name: &str) -> u64 {
        let digits = self.get(name).and_then(|value| str::from_utf8(value.strip_prefix(b"0x")?).ok());
        digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
    }

    fn timer(self, name: &str) -> Timer {
        self.get(name).and_then(Timer::parse).unwrap_or_default()
    }
}
