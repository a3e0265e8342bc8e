//! Sums over instances.

/// `aggregate`.
pub const AGGREGATE: &str = "\
Examples:
  What the file says, and whether it can be meant:
    peerctl aggregate -f /etc/peerctl/aggregate.conf -c

  Run it; --dry-run would only learn, add up and show:
    peerctl aggregate -f /etc/peerctl/aggregate.conf

  Two nodes and one table, without a file:
    peerctl aggregate -L agg1 lb1=10.0.0.1:10000 lb2=10.0.0.2:10000 \\
      --table st_src=st_src.agg

  The nodes' side, and with -L agg1 the file, to begin with:
    peerctl generate agg --peer lb1=10.0.0.1:10000 \\
      --peer lb2=10.0.0.2:10000 --aggregate agg1=10.0.0.9:10000 -L lb1

HAProxy's peers overwrite each other's values; this adds them up. The
file is described in docs/aggregation.md and by
`peerctl grammar aggregate`.
Exit of -c: 0 valid, 2 not valid, 3 a file that it names is missing.";

/// `aggregate status`.
pub const AGGREGATE_STATUS: &str = "\
Examples:
  Sources, how fresh they are, and what is behind:
    peerctl aggregate status

  For a script, from another socket:
    peerctl aggregate status --control /run/agg2.sock --format json";
