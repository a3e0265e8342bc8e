//! What instances are.

/// `show`.
pub const SHOW: &str = "\
Examples:
  This machine's configuration:
    peerctl show

  Two others, as HAProxy 2.6 reads them:
    peerctl show lb1=lb1.cfg lb2=lb2.cfg --haproxy-version 2.6

  The ids of the servers of backend shop:
    peerctl show lb1.cfg --format json |
      jq -r '.instances[].backends[] | select(.name == \"shop\") |
             .servers[] | \"\\(.id) \\(.name)\"'

Lines that HAProxy would refuse are notes on standard error; what can be
read is shown (exit 0). A file with statements and no section is no
configuration (exit 2). In JSON `params` of a peer are the words of the
`default-server` lines above it and its own; what can't be known
(`local`, `effective`, an `id`) is null.";

/// `graph`.
pub const GRAPH: &str = "\
Examples:
  A picture of two load balancers and what goes on between them:
    peerctl graph lb1.cfg lb2.cfg --format svg > peers.svg

  For a Markdown page:
    { echo '```mermaid'; peerctl graph lb1.cfg lb2.cfg; echo '```'; } \\
      >> README.md

  With Graphviz:
    peerctl graph lb*.cfg --format dot | dot -Tpng > peers.png

What doesn't match is red, with the reason; the exit code is 0 all the
same. Peers that none of the instances is are dashed. Lines for tools
such as this one (guests) are left out.";
