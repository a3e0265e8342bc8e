//! What a comparison says, before it is about a table.

use std::cmp::Ordering;
use std::net::IpAddr;

use crate::span::Span;

/// A column and what it is held against.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    /// The column's name.
    pub(super) name: Box<str>,
    /// The element of an array; one that is too large for 32 bits is the largest of them.
    pub(super) element: Option<u32>,
    /// The column in the text.
    pub(super) column: Span,
    /// What it is held against.
    pub(super) with: With,
    /// That in the text.
    pub(super) place: Span,
}

/// What a column is held against.
#[derive(Clone, Debug)]
pub(super) enum With {
    /// A value.
    Value(Relation, Value),
    /// A regular expression.
    Regex(Box<str>),
    /// A network.
    Network(Network),
}

/// A value as it is written.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Number(i128),
    Text(Box<[u8]>),
    Address(IpAddr),
}

/// An operator.
#[derive(Clone, Copy, Debug)]
pub(super) enum Relation {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Other,
}

impl Relation {
    /// The operators; longer ones before those they start with.
    pub(super) const ALL: [(&str, Self); 7] = [
        ("<=", Self::AtMost),
        ("<", Self::Less),
        (">=", Self::AtLeast),
        (">", Self::More),
        ("==", Self::Equal),
        ("=", Self::Equal),
        ("!=", Self::Other),
    ];

    /// Whether it holds between two things of this order.
    pub(super) const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::More => order.is_gt(),
            Self::AtLeast => order.is_ge(),
            Self::Equal => order.is_eq(),
            Self::Other => order.is_ne(),
        }
    }
}

/// A network, with IPv4 addresses as IPv6 has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    /// Whether it was written as one of IPv4.
    pub(super) is_ipv4: bool,
    bits: u128,
    mask: u128,
}

impl Network {
    /// The network of an address whose first `prefix` bits count, all by default; `None` if it has fewer bits.
    pub(super) fn new(address: IpAddr, prefix: Option<u32>) -> Option<Self> {
        let (bits, len): (u128, u32) = match address {
            IpAddr::V4(address) => (address.to_ipv6_mapped().to_bits(), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let free = len.checked_sub(prefix.unwrap_or(len))?;
        let mask = u128::MAX.checked_shl(free).unwrap_or(0);
        Some(Self { is_ipv4: address.is_ipv4(), bits: bits & mask, mask })
    }

    /// Whether a key of 4 or 16 bytes is an address of it.
    pub(super) fn contains(&self, key: &[u8]) -> bool {
        let address = if let Ok(octets) = <[u8; 4]>::try_from(key) {
            std::net::Ipv4Addr::from(octets).to_ipv6_mapped().to_bits()
        } else if let Ok(octets) = <[u8; 16]>::try_from(key) {
            u128::from_be_bytes(octets)
        } else {
            return false;
        };
        address & self.mask == self.bits
    }
}
