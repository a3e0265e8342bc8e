//! Whether a certificate leads to one that is trusted, for those the TLS library doesn't read.
//!
//! Used for leaves of version 1 and leaves that say they are an authority, the two kinds that `openssl x509 -req` and
//! `openssl req -x509` make when they aren't told otherwise, and which HAProxy takes. All others go through the library.

use rustls_pki_types::{AlgorithmIdentifier, CertificateDer, SignatureVerificationAlgorithm};

use crate::node::tls::certificate::Certificate;
use crate::node::tls::error::TlsError;

/// What a certificate is shown for, as its encoded identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    Server,
    Client,
}

impl Purpose {
    const fn id(self) -> &'static [u8] {
        match self {
            Self::Server => &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01],
            Self::Client => &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02],
        }
    }
}

/// The most certificates between the leaf and a trusted one.
const MAX_DEPTH: usize = 6;

/// The most signatures that are verified for one leaf.
const MAX_SIGNATURES: usize = 50;

/// A search for a way from a leaf to a trusted certificate.
pub(super) struct Chain<'a> {
    pub(super) anchors: &'a [CertificateDer<'static>],
    pub(super) sent: &'a [CertificateDer<'a>],
    pub(super) algorithms: &'a [&'a dyn SignatureVerificationAlgorithm],
    /// Seconds since the beginning of 1970.
    pub(super) now: i64,
}

impl Chain<'_> {
    /// Whether `leaf`, which is encoded as `der`, may be trusted for `purpose`.
    pub(super) fn verify(&self, der: &[u8], leaf: &Certificate<'_>, purpose: Purpose) -> Result<(), TlsError> {
        check_time(leaf, self.now)?;
        if leaf.unknown_critical {
            return Err(TlsError::Malformed("it has a critical extension that isn't known".to_owned()));
        }
        if leaf.purposes.as_ref().is_some_and(|purposes| !purposes.contains(&purpose.id())) {
            return Err(TlsError::Purpose);
        }
        if self.anchors.iter().any(|anchor| **anchor == *der) {
            return Ok(());
        }
        let mut left = MAX_SIGNATURES;
        if self.leads_to_anchor(leaf, MAX_DEPTH, &mut left) {
            Ok(())
        } else {
            Err(TlsError::untrusted(leaf, self.anchors))
        }
    }

    fn leads_to_anchor(&self, subject: &Certificate<'_>, depth: usize, left: &mut usize) -> bool {
        let issuers = |certificates| issuers_of(subject, certificates);
        if issuers(self.anchors).any(|issuer| self.has_issued(&issuer, subject, true, left)) {
            return true;
        }
        depth > 0
            && issuers(self.sent).any(|issuer| {
                self.has_issued(&issuer, subject, false, left) && self.leads_to_anchor(&issuer, depth - 1, left)
            })
    }

    /// Whether `issuer` might and did issue `subject`; `left` counts the signatures that may still be looked at.
    fn has_issued(&self, issuer: &Certificate<'_>, subject: &Certificate<'_>, trusted: bool, left: &mut usize) -> bool {
        if !may_issue(issuer, trusted) || check_time(issuer, self.now).is_err() {
            return false;
        }
        let Some(rest) = left.checked_sub(1) else { return false };
        *left = rest;
        self.algorithms.iter().any(|algorithm| {
            is(algorithm.signature_alg_id(), subject.algorithm)
                && is(algorithm.public_key_alg_id(), issuer.key_algorithm)
                && algorithm.verify_signature(issuer.key_bits, subject.signed, subject.signature).is_ok()
        })
    }
}

/// Those of `certificates` that have the name of the issuer.
fn issuers_of<'a>(
    subject: &Certificate<'_>,
    certificates: &'a [CertificateDer<'_>],
) -> impl Iterator<Item = Certificate<'a>> {
    let name = subject.issuer;
    certificates.iter().filter_map(|der| Certificate::parse(der)).filter(move |issuer| issuer.subject == name)
}

fn is(id: AlgorithmIdentifier, found: &[u8]) -> bool {
    id.as_ref() == found
}

/// Whether a certificate may issue others. A trusted one of version 1 can't say so.
fn may_issue(issuer: &Certificate<'_>, trusted: bool) -> bool {
    let authority = issuer.authority.unwrap_or(trusted && issuer.version == 1 && issuer.is_self_issued());
    authority && issuer.may_sign != Some(false) && !issuer.unknown_critical
}

/// Whether a certificate is valid now.
pub(super) fn check_time(certificate: &Certificate<'_>, now: i64) -> Result<(), TlsError> {
    if now > certificate.not_after {
        return Err(TlsError::Expired { since: certificate.not_after });
    }
    if now < certificate.not_before {
        return Err(TlsError::NotYetValid { from: certificate.not_before });
    }
    Ok(())
}
