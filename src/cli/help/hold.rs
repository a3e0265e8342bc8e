//! Daemons that send entries.

/// `hold`.
pub const HOLD: &str = "\
Examples:
  Stand by for two load balancers, as the guest `peerctl-hold` of their
  section; what they count survives restarts of both, and of this:
    peerctl add mesh lb1.cfg lb2.cfg --guest=peerctl-hold=127.0.0.1:10998
    peerctl hold -f lb1.cfg -L peerctl-hold \\
      --state /var/lib/peerctl/hold.ndjson

  By hand, with metrics and a control socket:
    peerctl hold lb1=10.0.0.1:10000 lb2=10.0.0.2:10000 -L peerctl-hold \\
      --state hold.ndjson --metrics :9199 --control hold.sock

It calls its peers, and learns all tables. Only what is safe on disk is
acknowledged. A HAProxy that starts empty asks its peers for everything,
and is taught what we hold, each entry with the rest of its life. We say
*finished* only if we surely hold everything; else *partial*, and HAProxy
asks the next peer, too. A reload hands its tables over by itself.

SIGHUP has configuration and certificates read again; what can't be used
changes nothing. SIGTERM and SIGINT end it in order (exit 0), twice: at
once. Exit 2 misuse, 3 the state file can't be used or written any more,
nothing can be listened on, or another client uses our name.";

/// `hold status`.
pub const HOLD_STATUS: &str = "\
Examples:
  Peers, tables, and how the disk is:
    peerctl hold status

  For a script, from another socket:
    peerctl hold status --control hold.sock --format json";

/// `forget`.
pub const FORGET: &str = "\
Examples:
  A client that was cleared on all load balancers is not to come back:
    peerctl forget 203.0.113.77 --table st_src --control hold.sock

Clear it on the load balancers first (`clear table`): what one of them
still has, it teaches again. Exit: 0 forgotten, 1 there is no such key,
2 no such table, 3 nobody answers on the socket.";
