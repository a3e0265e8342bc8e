//! What sample expressions give: `src` an address, `hdr(x),lower` a text.

use std::{collections::BTreeMap, sync::LazyLock};

use super::{
    KeyType,
    keywords::TableUserKind,
    tsv,
    version::{Lifetime, Version},
};

/// What a sample is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SampleType {
    /// An address of either family.
    Addr,
    /// It depends on the input, or shows only at run time.
    Any,
    /// Bytes.
    Bin,
    /// True or false.
    Bool,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An HTTP method.
    Method,
    /// A number.
    Sint,
    /// A text.
    Str,
}

impl SampleType {
    /// What the expression gives in `version`; [`Self::Any`] where that isn't known.
    #[must_use]
    pub fn of_expression(expression: &[u8], version: Version) -> Self {
        let mut last = (TableUserKind::Fetch, expression);
        let mut depth = 0_u32;
        for (at, byte) in expression.iter().enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' => depth = depth.saturating_sub(1),
                b',' if depth == 0 => {
                    last = (TableUserKind::Converter, expression.get(at + 1..).unwrap_or_default());
                }
                _ => {}
            }
        }
        let (kind, text) = last;
        let name = text.split(|byte| *byte == b'(').next().unwrap_or_default();
        let rows = std::str::from_utf8(name).ok().and_then(|name| TYPES.get(&(kind, name)));
        let row = rows.and_then(|rows| rows.iter().find(|(_, lifetime)| lifetime.contains(Some(version))));
        row.map_or(Self::Any, |(sample, _)| *sample)
    }

    /// Whether HAProxy accepts such a key for a table of this type. It casts the rest at run time, and a value that can't be
    /// cast has no entry.
    #[must_use]
    pub fn fits(self, key: KeyType) -> bool {
        match self {
            Self::Any | Self::Sint | Self::Str | Self::Ipv4 => true,
            Self::Addr | Self::Ipv6 => key != KeyType::INTEGER,
            Self::Bool => !matches!(key, KeyType::IP | KeyType::IPV6),
            Self::Bin | Self::Method => !matches!(key, KeyType::IP | KeyType::IPV6 | KeyType::INTEGER),
        }
    }

    /// For people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Addr => "an address",
            Self::Any => "a value",
            Self::Bin => "bytes",
            Self::Bool => "a boolean",
            Self::Ipv4 => "an IPv4 address",
            Self::Ipv6 => "an IPv6 address",
            Self::Method => "a method",
            Self::Sint => "a number",
            Self::Str => "a text",
        }
    }
}

type Rows = Vec<(SampleType, Lifetime)>;

static TYPES: LazyLock<BTreeMap<(TableUserKind, &'static str), Rows>> = LazyLock::new(|| {
    let kinds = [("fetch", TableUserKind::Fetch), ("converter", TableUserKind::Converter)];
    let types = [
        ("addr", SampleType::Addr),
        ("any", SampleType::Any),
        ("bin", SampleType::Bin),
        ("bool", SampleType::Bool),
        ("ipv4", SampleType::Ipv4),
        ("ipv6", SampleType::Ipv6),
        ("meth", SampleType::Method),
        ("sint", SampleType::Sint),
        ("str", SampleType::Str),
    ];
    let mut table: BTreeMap<_, Rows> = BTreeMap::new();
    for row in tsv::rows(include_str!("../../grammar/sample-types.tsv")) {
        let name = (row.choice(0, &kinds), row.text(1));
        table.entry(name).or_default().push((row.choice(2, &types), row.lifetime(3)));
    }
    table
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_converter_decides() {
        let of = |expression: &str| SampleType::of_expression(expression.as_bytes(), Version::new(3, 2));
        assert_eq!(of("src"), SampleType::Addr);
        assert_eq!(of("hdr(a,b)"), SampleType::Str);
        assert_eq!(of("base32+src"), SampleType::Bin);
        assert_eq!(of("hdr(x),lower,xxh32(0,1)"), SampleType::Sint);
        assert_eq!(of("var(txn.x)"), SampleType::Any);
        assert_eq!(of("lua.thing,my(x)"), SampleType::Any);
        assert_eq!(of(""), SampleType::Any);
        assert_eq!(SampleType::of_expression(b"src", Version::new(2, 6)), SampleType::Ipv4);
    }
}
