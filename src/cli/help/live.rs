//! What is on the wire.

/// `probe`.
pub const PROBE: &str = "\
Examples:
  All peers of the section, with what to change where one doesn't answer:
    peerctl probe -f /etc/haproxy/haproxy.cfg

  One peer, without a configuration:
    peerctl probe lb2=10.0.0.2:10000

  Whether anything like a peer listens there:
    peerctl probe 10.0.0.2:10000

It needs no line in HAProxy: 504 to a tool that isn't listed means that
the peer is there and has the name. With a line (a guest) it also says
which tables are announced and whether the peer is in sync; with -f what
the file says otherwise than the running process. Nothing is written.
Exit: 0 all answer, 1 another name, another definition (--strict: or we
aren't listed), 3 no connection or TLS, 5 not in sync.";

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

A file is mode 0600 and takes its place at the end, with what came; if
nothing came, the old one stays. The last record says whether that is
everything (\"complete\"). For a reader that is slow, 256 MiB of packed
records may wait; more ends it. Exit: 0 all came, 2 no such table, 3 no
or a broken connection, 5 not all came.";

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
Exit: 0 all acknowledged, 1 definitions don't match, 2 misuse, or a file
that holds no records, 3 no connection, or no such file, 5 not
everything acknowledged.";
