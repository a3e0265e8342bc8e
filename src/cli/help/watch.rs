//! `watch`.

/// `watch`.
pub const WATCH: &str = "\
Examples:
  Two load balancers on a screen, as a guest of their peers section:
    peerctl watch -f /etc/haproxy/haproxy.cfg lb1 lb2

  Records, one a line, for a program:
    peerctl watch lb1=10.0.0.1:10000 --format ndjson | jq .

  Who makes the most requests, all load balancers added up:
    peerctl watch -f haproxy.cfg --table st_src --sum \\
      --sort http_req_rate --limit 20

  Record an hour, for `peerctl replay` or for later:
    peerctl watch -f haproxy.cfg lb1 --record lb1.ndjson \\
      --format text --duration 1h > /dev/null

What comes is a stream of states: HAProxy sends the latest value of a
key, and a slow reader gets the latest, too. A session that ends is
made again, and everything is learned anew. Exit: 0 ended, 3 no
connection, or another client uses our name, 5 something is missing.";
