//! Why a table is kept, refilled or lost, in words.

use std::fmt;

use crate::{
    escape,
    model::Refusal,
    stick::{Column, Schema},
    units::{Delay, Size},
};

/// One fact about a reload. Those about the definition of a table do not stand in the way of the others.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The section wasn't there before.
    SectionNew,
    /// The section is there no more.
    SectionGone,
    /// The section is disabled now.
    SectionDisabled,
    /// The section was disabled.
    SectionWasDisabled,
    /// HAProxy drops the section: none of its peers has this local name.
    LocalIsNoPeer(Vec<u8>),
    /// HAProxy dropped the section before.
    LocalWasNoPeer(Vec<u8>),
    /// The local peer's name before and after.
    NameChanged(Vec<u8>, Vec<u8>),
    /// Nothing told the name before; now it is this one.
    LocalWasUnknown(Vec<u8>),
    /// Nothing tells the name any more; it was this one.
    LocalIsUnknown(Vec<u8>),
    /// Nothing tells which of the section's peers is the local one, and it makes a difference.
    LocalUnknown,
    /// The process doesn't listen for peers any more.
    NoListener,
    /// The process before has no address to call itself at.
    HadNoListener,
    /// The own address before and after.
    AddressChanged(Vec<u8>, Vec<u8>),
    /// More than one section listens at the address.
    AddressShared,
    /// The listener takes only TLS from this edit on.
    TurnsToTls,
    /// The listener takes only TLS, and did before.
    ListenerWantsTls,
    /// The listener is plain, and the process before calls with TLS.
    ListenerIsPlain,
    /// The listener waits for a PROXY header.
    ListenerWantsProxy,
    /// The listener doesn't understand the PROXY header it gets.
    ListenerTakesNoProxy,
    /// The listener wants a client certificate.
    ListenerWantsCertificate,
    /// The listener has `strict-sni`.
    ListenerWantsSni,
    /// Several sections run, and this version hands over one of them.
    OneSectionOnly,
    /// The tables are kept if the listener's certificate carries this name.
    IfCertificateCarries(Vec<u8>),
    /// There is no such table any more.
    TableGone,
    /// The table travels no more.
    TableDetached,
    /// The table travels for the first time.
    TableAttached,
    /// The sections a table travels through before and after.
    TableMoved(Vec<u8>, Vec<u8>),
    /// The table's proxy is disabled now.
    ProxyDisabled,
    /// The table's proxy was disabled.
    ProxyWasDisabled,
    /// The keys before and after: `string len 31`.
    KeysChanged(String, String),
    /// Entries never expired so far, and do now.
    ExpireAdded,
    /// A column that is no more.
    ColumnDropped(Column),
    /// A column that is new.
    ColumnNew(Column),
    /// A rate with its new period.
    PeriodChanged(Column),
    /// An array with its new, smaller number of elements.
    ArrayShrunk(Column),
    /// Fewer entries fit than before.
    SizeShrunk(Size),
}

impl Cause {
    /// Whether it is about the section: then it holds for all of its tables.
    #[must_use]
    pub const fn is_of_section(&self) -> bool {
        !matches!(
            self,
            Self::TableGone
                | Self::TableDetached
                | Self::TableAttached
                | Self::TableMoved(..)
                | Self::ProxyDisabled
                | Self::ProxyWasDisabled
                | Self::KeysChanged(..)
                | Self::ExpireAdded
                | Self::ColumnDropped(_)
                | Self::ColumnNew(_)
                | Self::PeriodChanged(_)
                | Self::ArrayShrunk(_)
                | Self::SizeShrunk(_)
        )
    }

    /// How to get there without losing the tables, where there is a way.
    #[must_use]
    pub const fn advice(&self) -> Option<&'static str> {
        match self {
            Self::TurnsToTls => Some(
                "to keep them, go in two steps: first `bind` and `server` lines with `ssl …` on the local `server` \
                 line alone and a reload, then the rest",
            ),
            Self::OneSectionOnly => Some("let all tables travel through one section"),
            _ => None,
        }
    }

    /// What a new definition does to entries that are kept.
    pub(super) fn of_definition(before: &Schema, after: &Schema) -> Vec<Self> {
        let mut causes = Vec::new();
        for old in &before.store {
            match after.column(old.data_type) {
                None => causes.push(Self::ColumnDropped(*old)),
                Some(new) if new.count.unwrap_or(1) < old.count.unwrap_or(1) => causes.push(Self::ArrayShrunk(*new)),
                Some(new) if new.period.map(Delay::ms) != old.period.map(Delay::ms) => {
                    causes.push(Self::PeriodChanged(*new));
                }
                Some(_) => {}
            }
        }
        let new = after.store.iter().filter(|column| before.column(column.data_type).is_none());
        causes.extend(new.map(|column| Self::ColumnNew(*column)));
        if let (Some(old), Some(new)) = (before.size, after.size)
            && new < old
        {
            causes.push(Self::SizeShrunk(new));
        }
        causes
    }
}

/// As it stands in brackets behind `lost` or `kept`.
impl From<Refusal> for Cause {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::WantsTls => Self::ListenerWantsTls,
            Refusal::IsPlain => Self::ListenerIsPlain,
            Refusal::WantsProxy => Self::ListenerWantsProxy,
            Refusal::TakesNoProxy => Self::ListenerTakesNoProxy,
            Refusal::WantsCertificate => Self::ListenerWantsCertificate,
            Refusal::WantsSni => Self::ListenerWantsSni,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |bytes| escape::name(bytes);
        match self {
            Self::SectionNew => write!(out, "the section is new"),
            Self::SectionGone => write!(out, "the section is gone"),
            Self::SectionDisabled => write!(out, "the section is disabled"),
            Self::SectionWasDisabled => write!(out, "the section was disabled"),
            Self::LocalIsNoPeer(local) => write!(out, "the local peer `{}` is no peer of the section", name(local)),
            Self::LocalWasNoPeer(local) => write!(out, "the local peer `{}` was no peer of the section", name(local)),
            Self::NameChanged(from, to) => {
                write!(out, "the local peer's name changes from `{}` to `{}`", name(from), name(to))
            }
            Self::LocalWasUnknown(now) => {
                write!(out, "the local peer's name is not known; kept if it is `{}` already", name(now))
            }
            Self::LocalIsUnknown(before) => {
                write!(out, "the local peer's name is not known any more; kept if it stays `{}`", name(before))
            }
            Self::LocalUnknown => write!(out, "which peer is the local one is not known"),
            Self::NoListener => write!(out, "nothing listens for peers any more"),
            Self::HadNoListener => write!(out, "the section had no `bind`"),
            Self::AddressChanged(from, to) => {
                write!(out, "the own address changes from {} to {}", name(from), name(to))
            }
            Self::AddressShared => write!(out, "another section listens at the same address"),
            Self::TurnsToTls => write!(out, "the section turns to TLS"),
            Self::ListenerWantsTls => write!(out, "`bind` has `ssl`, and the local peer's line had none"),
            Self::ListenerIsPlain => write!(out, "the local peer's line had `ssl`, and the listener has none"),
            Self::ListenerWantsProxy => write!(out, "`bind` waits for a PROXY header, and the old process sends none"),
            Self::ListenerTakesNoProxy => {
                write!(out, "the old process sends a PROXY header, and `bind` has no `accept-proxy`")
            }
            Self::ListenerWantsCertificate => {
                write!(out, "`bind` has `verify required`, and the local peer's line had no `crt`")
            }
            Self::ListenerWantsSni => write!(out, "`bind` has `strict-sni`, and the local peer's line had no `sni`"),
            Self::OneSectionOnly => write!(out, "HAProxy from 3.0 on hands over only one of several peers sections"),
            Self::IfCertificateCarries(host) => {
                write!(out, "if the certificate of `bind` carries the name `{}`", name(host))
            }
            Self::TableGone => write!(out, "the table is gone"),
            Self::TableDetached => write!(out, "the table replicates no more"),
            Self::TableAttached => write!(out, "the table replicates for the first time"),
            Self::TableMoved(from, to) => {
                write!(out, "the table moves from section `{}` to `{}`", name(from), name(to))
            }
            Self::ProxyDisabled => write!(out, "its proxy is disabled"),
            Self::ProxyWasDisabled => write!(out, "its proxy was disabled"),
            Self::KeysChanged(from, to) => write!(out, "its keys change from `{from}` to `{to}`"),
            Self::ExpireAdded => write!(out, "entries that never expired are dead where `expire` is new"),
            Self::ColumnDropped(column) => write!(out, "without `{column}`"),
            Self::ColumnNew(column) => write!(out, "`{column}` starts at zero"),
            Self::PeriodChanged(column) => write!(out, "`{column}` is wrong until its new period is over"),
            Self::ArrayShrunk(column) => write!(out, "`{column}` keeps only its first elements"),
            Self::SizeShrunk(size) => write!(out, "only {size} entries fit"),
        }
    }
}
