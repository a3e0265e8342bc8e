//! What stands in a certificate: read by hand where the TLS library reads nothing (common names, version 1, own CA leaves).
//!
//! ```text
//! Certificate ::= SEQ { tbs SEQ, algorithm SEQ, signature BIT STRING }
//! tbs         ::= SEQ { [0] version?, serial, algorithm, issuer, SEQ { not before, not after }, subject,
//!                       SEQ { algorithm SEQ, key BIT STRING }, [1]?, [2]?, [3] { SEQ OF extension }? }
//! extension   ::= SEQ { OID, critical BOOLEAN?, OCTET STRING }
//! ```

use std::net::IpAddr;

/// The parts of a certificate that count for its verification. All are checked for shape only.
#[derive(Clone, Debug, Default)]
pub(super) struct Certificate<'a> {
    /// All that is signed, the algorithm it is signed with, and the signature.
    pub(super) signed: &'a [u8],
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
    /// Names, as they are encoded.
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    /// Seconds since the beginning of 1970.
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    /// The public key: all of it, its algorithm, and its bits.
    pub(super) key: &'a [u8],
    pub(super) key_algorithm: &'a [u8],
    pub(super) key_bits: &'a [u8],
    /// 1 to 3.
    pub(super) version: u8,
    /// Whether it says that it is one of an authority; `None` if it doesn't say.
    pub(super) authority: Option<bool>,
    /// Whether it may sign certificates; `None` if it doesn't say.
    pub(super) may_sign: Option<bool>,
    /// What it may be used for, as encoded identifiers; `None` if it doesn't say.
    pub(super) purposes: Option<Vec<&'a [u8]>>,
    /// It has a critical extension that isn't read here.
    pub(super) unknown_critical: bool,
    /// The names of hosts: alternative names, then common names.
    pub(super) names: Vec<String>,
    /// The addresses among the alternative names.
    pub(super) addresses: Vec<IpAddr>,
}

/// The tags of ASN.1 that certificates have.
mod tag {
    pub(super) const BOOLEAN: u8 = 0x01;
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const BIT_STRING: u8 = 0x03;
    pub(super) const OCTET_STRING: u8 = 0x04;
    pub(super) const OID: u8 = 0x06;
    pub(super) const UTC_TIME: u8 = 0x17;
    pub(super) const GENERALIZED_TIME: u8 = 0x18;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const SET: u8 = 0x31;
    pub(super) const VERSION: u8 = 0xa0;
    pub(super) const EXTENSIONS: u8 = 0xa3;
    pub(super) const DNS_NAME: u8 = 0x82;
    pub(super) const IP_ADDRESS: u8 = 0x87;
}

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

/// The most names of a certificate that are kept.
const MAX_NAMES: usize = 100;

impl<'a> Certificate<'a> {
    /// Reads one; `None` if it isn't encoded as it should be.
    pub(super) fn parse(der: &'a [u8]) -> Option<Self> {
        let mut outer = Der(Der(der).take(tag::SEQUENCE)?);
        let (signed, tbs) = outer.take_whole(tag::SEQUENCE)?;
        let algorithm = outer.take(tag::SEQUENCE)?;
        let mut certificate = Self { signed, algorithm, signature: outer.bits()?, version: 1, ..Self::default() };
        certificate.read(Der(tbs))?;
        Some(certificate)
    }

    fn read(&mut self, mut tbs: Der<'a>) -> Option<()> {
        if let Some(version) = tbs.optional(tag::VERSION) {
            self.version = Der(version).take(tag::INTEGER)?.last()?.checked_add(1)?;
        }
        tbs.take(tag::INTEGER)?;
        tbs.take(tag::SEQUENCE)?;
        self.issuer = tbs.take(tag::SEQUENCE)?;
        let mut validity = Der(tbs.take(tag::SEQUENCE)?);
        self.not_before = validity.time()?;
        self.not_after = validity.time()?;
        self.subject = tbs.take(tag::SEQUENCE)?;
        let (key, inner) = tbs.take_whole(tag::SEQUENCE)?;
        let mut inner = Der(inner);
        self.key = key;
        self.key_algorithm = inner.take(tag::SEQUENCE)?;
        self.key_bits = inner.bits()?;
        while let Some((kind, content, _)) = tbs.next() {
            if kind == tag::EXTENSIONS {
                let mut extensions = Der(Der(content).take(tag::SEQUENCE)?);
                while let Some(extension) = extensions.optional(tag::SEQUENCE) {
                    self.extension(Der(extension))?;
                }
            }
        }
        for name in common_names(self.subject)? {
            self.name(name);
        }
        Some(())
    }

    fn extension(&mut self, mut extension: Der<'a>) -> Option<()> {
        let id = extension.take(tag::OID)?;
        let critical = extension.optional(tag::BOOLEAN).is_some_and(|value| value != [0]);
        let value = extension.take(tag::OCTET_STRING)?;
        match id {
            BASIC_CONSTRAINTS => {
                let authority = Der(Der(value).take(tag::SEQUENCE)?).optional(tag::BOOLEAN);
                self.authority = Some(authority.is_some_and(|value| value != [0]));
            }
            KEY_USAGE => {
                let bits = Der(value).bits()?.first().copied().unwrap_or(0);
                // Bit 5 from the left is "may sign certificates".
                self.may_sign = Some(bits & 0x04 != 0);
            }
            EXTENDED_KEY_USAGE => {
                let mut purposes = Der(Der(value).take(tag::SEQUENCE)?);
                let list = std::iter::from_fn(|| purposes.optional(tag::OID)).collect();
                self.purposes = Some(list);
            }
            ALTERNATIVE_NAMES => {
                let mut names = Der(Der(value).take(tag::SEQUENCE)?);
                while let Some((kind, content, _)) = names.next() {
                    match kind {
                        tag::DNS_NAME => self.name(content),
                        tag::IP_ADDRESS => self.addresses.extend(address(content)),
                        _ => {}
                    }
                }
            }
            _ => self.unknown_critical |= critical,
        }
        Some(())
    }

    fn name(&mut self, text: &[u8]) {
        if let Ok(name) = str::from_utf8(text)
            && self.names.len() < MAX_NAMES
            && !self.names.iter().any(|known| known == name)
        {
            self.names.push(name.to_owned());
        }
    }

    /// The common name of whoever signed it.
    pub(super) fn issuer_name(&self) -> Option<String> {
        let text = common_names(self.issuer)?.into_iter().next()?;
        str::from_utf8(text).ok().map(str::to_owned)
    }

    /// Whether issuer and subject are the same.
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// All names, as texts.
    pub(super) fn all_names(&self) -> Vec<String> {
        self.names.iter().cloned().chain(self.addresses.iter().map(ToString::to_string)).collect()
    }
}

/// The common names in the name of a subject or issuer: a sequence of sets of (identifier, text).
fn common_names(name: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut parts, mut found) = (Der(name), Vec::new());
    while let Some(set) = parts.optional(tag::SET) {
        let mut attributes = Der(set);
        while let Some(attribute) = attributes.optional(tag::SEQUENCE) {
            let mut attribute = Der(attribute);
            let is_name = attribute.take(tag::OID)? == COMMON_NAME;
            let (_, text, _) = attribute.next()?;
            if is_name {
                found.push(text);
            }
        }
    }
    Some(found)
}

/// Whether `name`, of a host, a peer, or an address, is among the names of a certificate.
pub(super) fn is_among(names: &[String], name: &str) -> bool {
    match name.parse::<IpAddr>() {
        Ok(ip) => names.iter().any(|own| own.parse() == Ok(ip)),
        Err(_) => names.iter().any(|own| matches(own, name)),
    }
}

/// Whether a name of a certificate, which may begin with `*.`, stands for `name`; the star for one label.
fn matches(own: &str, name: &str) -> bool {
    match own.strip_prefix("*.") {
        Some(rest) => name
            .split_once('.')
            .is_some_and(|(first, of)| !first.is_empty() && rest.contains('.') && of.eq_ignore_ascii_case(rest)),
        None => own.eq_ignore_ascii_case(name),
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// Values of ASN.1 one behind the other.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value: its tag, its content, and all of it.
    fn next(&mut self) -> Option<(u8, &'a [u8], &'a [u8])> {
        let (&kind, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let (digits, behind) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if digits.is_empty() || digits.len() > 3 {
                return None;
            }
            length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
            rest = behind;
        }
        let (content, behind) = rest.split_at_checked(length)?;
        let (whole, _) = self.0.split_at_checked(self.0.len() - behind.len())?;
        self.0 = behind;
        Some((kind, content, whole))
    }

    /// The content of the next value, which must be of this kind.
    fn take(&mut self, kind: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, ..)| *found == kind).map(|(_, content, _)| content)
    }

    /// All of the next value and its content.
    fn take_whole(&mut self, kind: u8) -> Option<(&'a [u8], &'a [u8])> {
        self.next().filter(|(found, ..)| *found == kind).map(|(_, content, whole)| (whole, content))
    }

    /// The content of the next value if it is of this kind; else it stays.
    fn optional(&mut self, kind: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let content = ahead.take(kind)?;
        *self = ahead;
        Some(content)
    }

    /// The bits of the next value, whole bytes of them.
    fn bits(&mut self) -> Option<&'a [u8]> {
        self.take(tag::BIT_STRING)?.split_first().map(|(_unused_bits, bits)| bits)
    }

    /// The next value, which must be a time of day in UTC.
    fn time(&mut self) -> Option<i64> {
        let (kind, text, _) = self.next()?;
        let text = str::from_utf8(text).ok()?.strip_suffix('Z')?;
        let (year, rest) = text.split_at_checked(if kind == tag::GENERALIZED_TIME { 4 } else { 2 })?;
        let mut year: i16 = number(year)?;
        if kind == tag::UTC_TIME {
            year += if year < 50 { 2000 } else { 1900 };
        }
        let mut rest = rest;
        let mut pair = || {
            let (digits, behind) = rest.split_at_checked(2)?;
            rest = behind;
            number(digits)
        };
        let (month, day, hour, minute, second) = (pair()?, pair()?, pair()?, pair()?, pair()?);
        let time = jiff::civil::DateTime::new(year, month, day, hour, minute, second.min(59), 0).ok()?;
        Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
    }
}

fn number<T: std::str::FromStr>(digits: &str) -> Option<T> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject as _;

    use super::*;

    #[test]
    fn a_star_stands_for_one_label() {
        for (own, name, same) in [
            ("lb1", "LB1", true),
            ("*.example.com", "lb1.example.com", true),
            ("*.example.com", "a.lb1.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.com", "example.com", false),
            ("*", "lb1", false),
            ("lb*.example.com", "lb1.example.com", false),
        ] {
            assert_eq!(matches(own, name), same, "{own} {name}");
        }
    }

    /// Made with `openssl req -x509`: an authority's own, for `lb1.example`, `127.0.0.1` and `lb1`, valid for a hundred years.
    const PEM: &[u8] = b"\
-----BEGIN CERTIFICATE-----\n\
MIIB2DCCAX2gAwIBAgIUeede1H3gASkFRn0Ilzyuduxx/VEwCgYIKoZIzj0EAwIw\n\
GjEKMAgGA1UECgwBbzEMMAoGA1UEAwwDbGIxMCAXDTI2MTEyMzAxNDM1MFoYDzIx\n\
MjYxMDMwMDE0MzUwWjAaMQowCAYDVQQKDAFvMQwwCgYDVQQDDANsYjEwWTATBgcq\n\
hkjOPQIBBggqhkjOPQMBBwNCAASBVH7OiUclusXjf7flAIiEiBBhGsw0kk9i99aq\n\
mMAV5+dABYm2/NjwXxZx8i8ZgaTLg2oWbq0jElyWwI1CK4o4o4GeMIGbMB0GA1Ud\n\
DgQWBBREx7o6/GVHIYdIU9gEeEQQapgfCTAfBgNVHSMEGDAWgBREx7o6/GVHIYdI\n\
U9gEeEQQapgfCTAPBgNVHRMBAf8EBTADAQH/MBwGA1UdEQQVMBOCC2xiMS5leGFt\n\
cGxlhwR/AAABMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjALBgNVHQ8E\n\
BAMCAoQwCgYIKoZIzj0EAwIDSQAwRgIhAJGrIhKSpA+QGtZOdqfdI7DR2EpuEv13\n\
tS1QmP/7XzOhAiEA3lnV01PrJ5iASKillEqUYDmI3YU1ImY5jD2TQhizl3A=\n\
-----END CERTIFICATE-----\n\
";

    fn der() -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(PEM).expect("a certificate")
    }

    #[test]
    fn all_that_counts_is_read() {
        let der = der();
        let read = Certificate::parse(&der).expect("a certificate");
        assert_eq!(read.all_names(), ["lb1.example", "lb1", "127.0.0.1"]);
        assert_eq!((read.version, read.authority, read.may_sign), (3, Some(true), Some(true)));
        assert_eq!((read.purposes.as_ref().map(Vec::len), read.unknown_critical), (Some(2), false));
        assert_eq!((read.not_before, read.not_after), (1_795_398_230, 4_948_998_230));
        assert_eq!((read.issuer_name().as_deref(), read.is_self_issued()), (Some("lb1"), true));
        assert!([read.signed, read.key].iter().all(|part| memchr::memmem::find(&der, part).is_some()));
    }

    #[test]
    fn broken_certificates_never_panic() {
        let der = der();
        for end in 0..der.len() {
            assert!(Certificate::parse(&der[..end]).is_none(), "{end} bytes of it");
        }
        for at in 0..der.len() {
            for byte in [0, 1, 0x17, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut mutated = der.to_vec();
                mutated[at] = byte;
                let read = Certificate::parse(&mutated);
                let _whatever = read.map(|read| (read.all_names(), read.issuer_name()));
            }
        }
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        for bytes in [b"".as_slice(), b"\x30", b"\x30\x03\x30\x01", b"\x30\x84\xff\xff\xff\xff", &[0x30; 300]] {
            assert!(Certificate::parse(bytes).is_none());
        }
    }

    #[test]
    fn times_are_in_utc() {
        let read = |kind: u8, text: &str| {
            let length = u8::try_from(text.len()).expect("short");
            Der(&[[kind, length].as_slice(), text.as_bytes()].concat()).time()
        };
        assert_eq!(read(tag::UTC_TIME, "700101000001Z"), Some(1));
        assert_eq!(read(tag::UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(read(tag::GENERALIZED_TIME, "20500101000000Z"), Some(2_524_608_000));
        assert_eq!(read(tag::UTC_TIME, "701301000000Z"), None);
        assert_eq!(read(tag::UTC_TIME, "7001010000Z"), None);
    }
}
