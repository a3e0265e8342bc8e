//! What a peer, a stranger or a file can ask of us at most. Whoever reaches one is told of, by name; `peerctl hold --help` and
//! its like list them. Bounds of one format stand where it is read: the lines of a hello, the depth of a certificate chain.

use std::time::Duration;

/// Connections to a listener, at a time.
pub const CONNECTIONS: usize = 128;

/// Those of them whose hello isn't complete; the oldest goes for a new one.
pub const UNGREETED: usize = 32;

/// Those of these from one address.
pub const UNGREETED_OF_ONE: usize = 8;

/// Bytes of a line of a hello, without its end.
pub const HELLO_LINE: usize = 256;

/// The whole handshake, that of TLS included.
pub const HANDSHAKE: Duration = Duration::from_secs(5);

/// Bytes of a message.
pub const MESSAGE: usize = 1 << 20;

/// A message, from its first byte to its last.
pub const MESSAGE_TIME: Duration = Duration::from_secs(5);

/// Definitions of a session, changed ones counted again.
pub const TABLES: usize = 1024;

/// Bytes of a table's name.
pub const NAME: u32 = 1024;

/// Bytes of a key.
pub const KEY: u32 = 16_384;

/// Texts of a session's dictionary, as HAProxy has them.
pub const TEXTS: usize = 128;

/// Bytes of one of these texts.
pub const TEXT: usize = 2048;

/// Bytes that wait for a peer that reads slowly.
pub const OUTPUT: usize = 16 << 20;

/// Memory of all entries, where no option says otherwise.
pub const MEMORY: usize = 512 << 20;

/// Connections to the metrics, at a time.
pub const METRICS_CONNECTIONS: usize = 16;

/// Bytes of a request for metrics.
pub const METRICS_REQUEST: usize = 4096;

/// A request for metrics and its answer.
pub const METRICS_TIME: Duration = Duration::from_secs(5);

/// Connections to a control socket, at a time.
pub const CONTROL_CONNECTIONS: usize = 16;

/// Bytes of a question on a control socket. A key has at most [`KEY`] bytes, each written as six.
pub const CONTROL_QUESTION: usize = 256 << 10;

/// A question on a control socket and its answer.
pub const CONTROL_TIME: Duration = Duration::from_secs(5);

/// Bytes of a line in a file of records.
pub const RECORD_LINE: usize = 4 << 20;

/// Tables of a file of records.
pub const RECORD_TABLES: usize = 16_384;

/// Bytes of a configuration file.
pub const CONFIGURATION: u64 = u32::MAX as u64;

/// The limits for people, in lines of at most 73 columns.
#[must_use]
pub fn text() -> String {
    let seconds = |time: Duration| format!("{} s", time.as_secs());
    let lines = [
        format!("callers     {CONNECTIONS} at a time; without a hello {UNGREETED}, {UNGREETED_OF_ONE} of one address"),
        format!("hello       {HELLO_LINE} bytes a line, {} in all", seconds(HANDSHAKE)),
        format!("message     {}, {} from its first byte", size(MESSAGE), seconds(MESSAGE_TIME)),
        format!("tables      {TABLES} definitions a session, {NAME} bytes a name, {} a key", size(KEY as usize)),
        format!("texts       {TEXTS} a session, {} each", size(TEXT)),
        format!("entries     hold {} in all, watch as much a table of a peer", size(MEMORY)),
        format!("output      {} wait for a peer that reads slowly", size(OUTPUT)),
        format!(
            "metrics     {METRICS_CONNECTIONS} connections, {} a request, {}",
            size(METRICS_REQUEST),
            seconds(METRICS_TIME)
        ),
        format!(
            "control     {CONTROL_CONNECTIONS} connections, {} a question, {}",
            size(CONTROL_QUESTION),
            seconds(CONTROL_TIME)
        ),
        format!("records     {} a line, {RECORD_TABLES} tables a file", size(RECORD_LINE)),
    ];
    lines.map(|line| format!("  {line}")).join("\n")
}

/// A number of bytes in the largest unit that takes it whole.
fn size(bytes: usize) -> String {
    match bytes {
        bytes if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        bytes if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_for_people_fit_and_say_the_numbers() {
        let text = text();
        assert!(text.lines().all(|line| line.chars().count() <= 73), "{text}");
        for said in
            ["128 at a time; without a hello 32, 8 of one address", "1 MiB, 5 s", "16 KiB a key", "512 MiB in all"]
        {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
}
