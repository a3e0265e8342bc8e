//! Whether they are sound.

/// `explain`.
pub const EXPLAIN: &str = "\
Examples:
  peerctl explain                      all rules
  peerctl explain peers-no-local       one of them, in full
  peerctl explain peers-no-local > peers-no-local.md

Off a terminal it prints Markdown.";

/// `check-ids`.
pub const CHECK_IDS: &str = "\
Examples:
  Do two load balancers number their servers alike?
    peerctl check-ids lb1.cfg lb2.cfg

  Write ids down where they don't; first look, and write nothing:
    peerctl check-ids --fix --check --diff lb1.cfg lb2.cfg

  In a pipeline, with a report for its web page:
    peerctl check-ids --report junit=ids.xml lb1.cfg lb2.cfg

  Write down all ids of backends that stick over peers:
    peerctl check-ids --fix --select server-id-implicit lb1.cfg lb2.cfg

It is `peerctl check` with the server-* rules. Exit 1 if there is a
finding at least as bad as --deny.";

/// `check`.
pub const CHECK: &str = "\
Examples:
  Two load balancers, as HAProxy 2.6 reads them:
    peerctl check lb1.cfg lb2.cfg --haproxy-version 2.6

  One file for two nodes, whose names decide:
    peerctl check lb1=haproxy.cfg lb2=haproxy.cfg

  All but one rule, warnings are failures, too:
    peerctl check --ignore server-id-gap --deny warning lb1.cfg lb2.cfg

Exit 1 if there is a finding at least as bad as --deny. An instance that
can't be read doesn't hide the findings of the others: exit 2 or 3.

A finding is allowed where it is by a comment on its line or the line
above; above a section it holds for all of it:
  # peerctl: allow CODE[,CODE] because of this";
