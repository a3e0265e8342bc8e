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

/// `compare`.
pub const COMPARE: &str = "\
Examples:
  Do lb1 and lb2 hold the same?
    peerctl compare -f haproxy.cfg lb1 lb2

  One table, exactly, the largest differences of gpc0 first:
    peerctl compare lb1=10.0.0.1:10000 lb2=10.0.0.2:10000 \\
      --table st_src --tolerance 0% --sort gpc0 --limit 50

  Keys that differ, for a script:
    peerctl compare -f haproxy.cfg lb1 lb2 --format json |
      jq -r '.tables[].differ[].key'

Tags, server ids and names must be the same; counts and rates may be
apart by --tolerance of the larger one, rates by 1 in any case. conn_cur
isn't compared: each HAProxy has its own. Exit: 0 the same, 1 they
differ, 3 no connection, 5 one didn't tell everything.";

/// `wait-sync`.
pub const WAIT_SYNC: &str = "\
Examples:
  After lb2 was restarted, before it gets clients:
    peerctl wait-sync -f haproxy.cfg lb2 --like lb1

  Without a configuration, until it holds a thousand entries:
    peerctl wait-sync lb2=10.0.0.2:10000 --min-entries 1000

  In a script, without a line for this tool:
    peerctl wait-sync lb2=10.0.0.2:10000 --borrow-local --timeout 60s \\
      --format json

A HAProxy that found nobody to learn from says that it is in sync, too:
so an empty one is exit 1, unless --min-entries 0 says that this is
right. Each round is a full copy. Exit: 0 in sync, 1 in sync but too
few entries, 3 no connection, 5 not in sync in time.";
