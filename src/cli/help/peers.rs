//! Peers sections.

/// `generate`.
pub const GENERATE: &str = "\
Examples:
  Two peers, the same section on both:
    peerctl generate mesh --peer lb1=10.0.0.1:10000 \\
      --peer lb2=10.0.0.2:10000

  The same with TLS, for lb1 (both sides check certificates):
    peerctl generate mesh --peer lb1=10.0.0.1:10000 \\
      --peer lb2=10.0.0.2:10000 -L lb1 --ssl \\
      --crt /etc/haproxy/lb1.pem --ca-file /etc/haproxy/ca.pem

  With a table of its own, which rules name as mesh/limits:
    peerctl generate mesh --peer lb1=10.0.0.1:10000 \\
      --table 'limits type ip size 1m expire 10m store gpc0'

  For lb1 and an aggregator: section, tables, rules (as comments); with
  -L agg1 the same command prints the aggregator's file:
    peerctl generate agg --peer lb1=10.0.0.1:10000 \\
      --peer lb2=10.0.0.2:10000 --aggregate agg1=10.0.0.9:10000 -L lb1

Only the section goes to standard output: >> appends it to a file.";

/// `add`.
pub const ADD: &str = "\
Examples:
  Let all stick tables of two load balancers replicate; look first:
    peerctl add mesh lb1=lb1.cfg lb2=lb2.cfg --peer lb1=10.0.0.1:10000 \\
      --peer lb2=10.0.0.2:10000 --attach-all --set-localpeer \\
      --check --diff

  One more peer for a section that is there already:
    peerctl add mesh lb1.cfg lb2.cfg --peer lb3=10.0.0.3:10000

  Only two tables, and a line for this tool, so that it can watch:
    peerctl add mesh lb1.cfg --attach shop,api_limits --guest";

/// `remove`.
pub const REMOVE: &str = "\
Examples:
  One peer:
    peerctl remove mesh lb1.cfg lb2.cfg --peer lb3

  The section, and `peers mesh` on every stick table; look first:
    peerctl remove mesh lb1.cfg lb2.cfg --check --diff";
