//! `show peers`: the peers sections in use, their peers, and what each peer has of each table.
//!
//! ```text
//! 0x7f..: [19/Feb/1970:17:02:26] id=mesh disabled=0 flags=0x300003 resync_timeout=<PAST> task_calls=2102
//!   0x7f..: id=lb2(remote,active) addr=10.0.0.2:10000 app_state=RUNNING learn_state=NOTASSIGNED last_status=ESTA last_hdshk=1s
//!         reconnect=3s heartbeat=2s confirm=0 tx_hbt=0 rx_hbt=1 no_hbt=0 new_conn=3 proto_err=0 coll=1
//!         flags=0x100020 appctx:0x7f.. st0=7 st1=0 task_calls=10 state=EST
//!         xprt=RAW src=10.0.0.2:49680 addr=10.0.0.1:10000
//!         shared tables:
//!           0x7f.. local_id=1 remote_id=5 flags=0x0 remote_data=0x4
//!               last_acked=1 last_pushed=2 last_get=1 teaching_origin=0 update=1
//!               table:0x7f.. id=mesh/t update=3 localupdate=2 commitupdate=2 refcnt=1
//! ```
//! `app_state` and `learn_state` came with 3.0, and with them other numbers for most flags. A section that is `disabled`, or that
//! HAProxy has dropped because no peer has its own name, isn't shown at all.

mod parse;

use std::fmt;

use crate::escape;

pub use parse::parse;

/// A peers section that is in use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeersSection {
    /// Its name.
    pub name: Box<[u8]>,
    /// Whether it is switched off.
    pub disabled: bool,
    /// HAProxy's bits; see the methods.
    pub flags: u32,
    /// When the current step of learning at start ends.
    pub resync_timeout: Timer,
    /// All peers, the local one included, in the order printed (the last line of the configuration first).
    pub peers: Vec<Peer>,
}

impl PeersSection {
    const FROM_LOCAL: u32 = 1;
    const FROM_REMOTE: u32 = 2;

    /// Whether the first step of learning at start is over: from the process before this one.
    #[must_use]
    pub const fn has_asked_old_process(&self) -> bool {
        self.flags & Self::FROM_LOCAL != 0
    }

    /// Whether the second step is over, too: from another peer, or nobody answered in time.
    #[must_use]
    pub const fn is_synchronised(&self) -> bool {
        self.flags & Self::FROM_LOCAL != 0 && self.flags & Self::FROM_REMOTE != 0
    }

    /// This HAProxy's own entry.
    #[must_use]
    pub fn local(&self) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.local)
    }
}

/// A peer, as HAProxy sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its name.
    pub name: Box<[u8]>,
    /// Whether it is this HAProxy itself.
    pub local: bool,
    /// Whether there is a connection, or an attempt at one.
    pub active: bool,
    /// `10.0.0.2:10000`, `::1:10000`; `unix:0` for all sockets of files.
    pub address: Box<[u8]>,
    /// How the last attempt or session stands, or has ended.
    pub status: Status,
    /// `STOPPED`, `STARTING`, `RUNNING`, `STOPPING`: from 3.0 on.
    pub app_state: Option<Box<[u8]>>,
    /// `NOTASSIGNED`, `ASSIGNED`, `PROCESSING`, `FINISHED`: from 3.0 on.
    pub learn_state: Option<Box<[u8]>>,
    /// The time since the last call.
    pub last_handshake: Timer,
    /// The time until the next call.
    pub reconnect: Timer,
    /// The time until the next heartbeat.
    pub heartbeat: Timer,
    /// HAProxy's counter of confirms; 0 whenever it was looked at.
    pub confirm: u32,
    /// Heartbeats sent.
    pub tx_hbt: u32,
    /// Heartbeats received.
    pub rx_hbt: u32,
    /// Sessions ended because nothing came any more.
    pub no_hbt: u32,
    /// Calls made by this HAProxy.
    pub new_conn: u32,
    /// Malformed messages received.
    pub proto_err: u32,
    /// Sessions ended because another one of that name came.
    pub coll: u32,
    /// HAProxy's bits; see the methods.
    pub flags: u32,
    /// The state of the connection: `EST` is connected, `TAR` waits after a failed attempt; `None` without one.
    pub connection: Option<Box<[u8]>>,
    /// `RAW` or `SSL`, where the peer has called.
    pub transport: Option<Box<[u8]>>,
    /// Where the peer has called from.
    pub source: Option<Box<[u8]>>,
    /// The tables that travel through the section.
    pub tables: Vec<SharedTable>,
}

impl Peer {
    /// Whether a session stands.
    #[must_use]
    pub fn is_established(&self) -> bool {
        self.active && self.status == Status::ESTABLISHED
    }

    /// Whether there is a connection, whatever has been said on it.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.active && self.connection.as_deref() == Some(b"EST")
    }

    /// Whether this HAProxy has asked the peer for all tables and has no end yet.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        const ASSIGNED: u32 = 0x100;
        match self.learn_state.as_deref() {
            Some(state) => matches!(state, b"ASSIGNED" | b"PROCESSING"),
            None => self.flags & ASSIGNED != 0,
        }
    }

    /// Whether the peer has been taught all tables and hasn't confirmed it: until it does, it is sent nothing more.
    #[must_use]
    pub fn owes_confirm(&self) -> bool {
        let taught = if self.learn_state.is_some() { 0x3 } else { 0x9 };
        self.flags & taught == taught
    }
}

/// What a peer has of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedTable {
    /// HAProxy's full name: `shop`, `mesh/t1`.
    pub name: Box<[u8]>,
    /// The number this HAProxy gives it on the wire.
    pub local_id: u32,
    /// The number the peer gives it; 0 as long as it hasn't defined a table of that name, key type and key length.
    pub remote_id: u32,
    /// The bits of the data types that the peer has defined.
    pub remote_data: u64,
    /// HAProxy's bits; see [`Self::is_being_taught`].
    pub flags: u32,
    /// The last update received that this HAProxy has acknowledged, as the peer numbers them.
    pub last_acked: u32,
    /// The last update sent to the peer.
    pub last_pushed: u32,
    /// The last update received, as the peer numbers them.
    pub last_get: u32,
    /// Where the teaching of all entries began.
    pub teaching_origin: u32,
    /// The last update the peer has acknowledged, of those numbered by this HAProxy: the next session goes on behind it.
    pub update: u32,
    /// The newest update of the table, learned ones included.
    pub table_update: u32,
    /// The newest update made by this HAProxy.
    pub local_update: u32,
    /// The newest update sent to any peer.
    pub commit_update: u32,
}

impl SharedTable {
    /// Whether the peer is being taught all entries.
    #[must_use]
    pub const fn is_being_taught(&self) -> bool {
        self.flags & 3 != 0
    }

    /// This HAProxy's updates that the peer has not been sent yet, modulo 2^32.
    #[must_use]
    pub const fn unsent(&self) -> u32 {
        distance(self.last_pushed, self.local_update)
    }

    /// This HAProxy's updates that the peer has not acknowledged yet, modulo 2^32.
    #[must_use]
    pub const fn unacknowledged(&self) -> u32 {
        distance(self.update, self.local_update)
    }
}

/// How far `newer` is ahead of `older`; 0 if it is behind.
const fn distance(older: u32, newer: u32) -> u32 {
    let ahead = newer.wrapping_sub(older);
    if ahead.cast_signed() < 0 { 0 } else { ahead }
}

/// How the last attempt or session with a peer stands, or has ended: HAProxy's four letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub [u8; 4]);

impl Status {
    /// No attempt yet.
    pub const NONE: Self = Self(*b"NONE");
    /// Connecting; in 3.0 connected without an answer, too.
    pub const CONNECTING: Self = Self(*b"CONN");
    /// Connected and without an answer.
    pub const HANDSHAKE: Self = Self(*b"HSHK");
    /// A session stands, or has stood.
    pub const ESTABLISHED: Self = Self(*b"ESTA");
    /// The peer said 300: try again later.
    pub const TRY_AGAIN: Self = Self(*b"RETR");
    /// The peer said 501: protocol error.
    pub const PROTOCOL: Self = Self(*b"PROT");
    /// The peer said 502: bad version.
    pub const VERSION: Self = Self(*b"VERS");
    /// The peer said 503: it has another name.
    pub const WRONG_NAME: Self = Self(*b"NAME");
    /// The peer said 504: it doesn't know us.
    pub const UNKNOWN_PEER: Self = Self(*b"UNKN");

    /// The code that the peer refused with.
    #[must_use]
    pub const fn refusal(self) -> Option<u16> {
        Some(match self {
            Self::TRY_AGAIN => 300,
            Self::PROTOCOL => 501,
            Self::VERSION => 502,
            Self::WRONG_NAME => 503,
            Self::UNKNOWN_PEER => 504,
            _ => return None,
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&escape::name(&self.0))
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// A time that HAProxy prints, in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Timer {
    /// `<NEVER>`: not set.
    #[default]
    Never,
    /// `<PAST>`.
    Past,
    /// `4s`, `2m5s`, `1h3m`.
    Seconds(u64),
}

impl Timer {
    fn parse(text: &[u8]) -> Option<Self> {
        match text {
            b"<NEVER>" => return Some(Self::Never),
            b"<PAST>" => return Some(Self::Past),
            _ => {}
        }
        let (mut sum, mut digits) = (0_u64, 0_u64);
        let (last, _) = text.split_last()?;
        for byte in text {
            let unit = match byte {
                b'0'..=b'9' => {
                    digits = digits.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
                    continue;
                }
                b's' => 1,
                b'm' => 60,
                b'h' => 3600,
                b'd' => 86_400,
                _ => return None,
            };
            sum = sum.checked_add(digits.checked_mul(unit)?)?;
            digits = 0;
        }
        last.is_ascii_alphabetic().then_some(Self::Seconds(sum))
    }
}
