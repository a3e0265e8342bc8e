//! Stick tables.

/// `table`.
pub const TABLE: &str = "\
Examples:
  peerctl table list lb1.cfg lb2.cfg
  peerctl table set shop lb1.cfg lb2.cfg --size 1m --expire 30m
  peerctl table set --all lb1.cfg lb2.cfg --peers mesh";

/// `table list`.
pub const TABLE_LIST: &str = "\
Examples:
  peerctl table list lb1.cfg lb2.cfg
  peerctl table list --format json | jq -r '.instances[].tables[].name'";

/// `table set`.
pub const TABLE_SET: &str = "\
Examples:
  More room and a longer life, on both load balancers:
    peerctl table set shop lb1.cfg lb2.cfg --size 1m --expire 30m

  Count requests, too, in two tables:
    peerctl table set shop,mesh/limits lb1.cfg \\
      --add-store 'http_req_rate(10s)'

  Longer keys; look at the change first:
    peerctl table set t1 lb1.cfg --type string --len 64 --diff --check

  Let all tables travel through the section mesh:
    peerctl table set --all lb1.cfg lb2.cfg --peers mesh

Only what is named changes; the rest of the line stays as it is.";
