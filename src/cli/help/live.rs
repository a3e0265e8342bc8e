//! What is on the wire.

/// `dump`.
pub const DUMP: &str = "\
Examples:
  What lb1 holds, as a guest of its peers section:
    peerctl dump -f /etc/haproxy/haproxy.cfg lb1

  Without a line for this tool, and without a configuration:
    peerctl dump lb1=10.0.0.1:10000 --borrow-local

  Into a file that `peerctl replay` takes:
    peerctl dump -f haproxy.cfg lb1 -o lb1.ndjson

  The ten busiest clients:
    peerctl dump -f haproxy.cfg lb1 --table st_src \\
      --sort http_req_rate --limit 10 --format table

A file is mode 0600 and takes its place when it is complete. The last
record says whether everything came (\"complete\"). Exit: 0 all came,
3 no connection, 5 some came, 2 no such table.";

/// `replay`.
pub const REPLAY: &str = "\
Examples:
  Keep tables over a restart that empties them:
    peerctl dump lb1=10.0.0.1:10000 -o lb1.ndjson
    systemctl restart haproxy
    peerctl replay lb1.ndjson lb1=10.0.0.1:10000

  What would go where, without sending anything:
    peerctl replay lb1.ndjson lb2=10.0.0.2:10000 --check

  One table into another one of the same form:
    peerctl replay lb1.ndjson lb2=10.0.0.2:10000 \\
      --table st_src --map-table st_src=st_test

The peers are asked first for what they have: a table whose key type, key
length or period differs is a mismatch (exit 1), and nothing is sent to
anybody. HAProxy doesn't pass on what it is taught: replay to each peer.
Exit: 0 all acknowledged, 1 definitions don't match, 2 no such file of
records, 3 no connection, 5 not everything acknowledged.";
