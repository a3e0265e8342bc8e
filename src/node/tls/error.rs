//! Why TLS failed: each reason names the check, and the failed certificate as far as it is known.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};
use rustls_pki_types::CertificateDer;
use thiserror::Error;

use crate::node::link::listed;
use crate::node::tls::certificate::Certificate;

/// Why TLS failed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TlsError {
    /// Nothing leads from the peer's certificate to a trusted one.
    #[error("its certificate, for {}, is signed by `{issuer}`, which isn't in the ca-file", listed(.names))]
    Untrusted {
        /// The common name of the issuer.
        issuer: String,
        /// The names in the certificate.
        names: Vec<String>,
    },
    /// The certificate is signed by another authority that has the name of a trusted one.
    #[error("its certificate, for {}, is signed by another `{issuer}` than that of the ca-file: same name, other key", listed(.names))]
    OtherIssuer {
        /// The common name of the issuer.
        issuer: String,
        /// The names in the certificate.
        names: Vec<String>,
    },
    /// The certificate is signed by itself, and not trusted.
    #[error("its certificate, for {}, is self-signed and isn't in the ca-file", listed(.names))]
    SelfSigned {
        /// The names in the certificate.
        names: Vec<String>,
    },
    /// The certificate is out of date.
    #[error("its certificate has expired on {}", date(*since))]
    Expired {
        /// Seconds since the beginning of 1970.
        since: i64,
    },
    /// The certificate isn't valid yet.
    #[error("its certificate isn't valid before {}", date(*from))]
    NotYetValid {
        /// Seconds since the beginning of 1970.
        from: i64,
    },
    /// The certificate is for others.
    #[error("its certificate is for {}, expected {}", listed(found), listed(expected))]
    WrongName {
        /// The names in the certificate.
        found: Vec<String>,
        /// One of these should be there.
        expected: Vec<String>,
    },
    /// Its authority has taken the certificate back.
    #[error("its certificate, for {}, or that of an authority it came with, was revoked (crl-file)", listed(.names))]
    Revoked {
        /// The names in the certificate.
        names: Vec<String>,
    },
    /// Whether the certificate was taken back isn't known.
    #[error(
        "the crl-file has no list of `{issuer}`, or of an authority above it: without one nothing of it is trusted"
    )]
    NoRevocationList {
        /// The common name of the issuer.
        issuer: String,
    },
    /// Whether the certificate was taken back isn't known any more.
    #[error("the list of `{issuer}`, or of an authority above it, in the crl-file has expired: fetch a new one")]
    OldRevocationList {
        /// The common name of the issuer.
        issuer: String,
    },
    /// The certificate may not be used for that.
    #[error("its certificate isn't made for this use (extended key usage)")]
    Purpose,
    /// The certificate can't be read, or uses what isn't known.
    #[error("its certificate can't be used: {0}")]
    Malformed(String),
    /// A signature that doesn't verify.
    #[error("the signature of its handshake doesn't verify")]
    Signature,
    /// The peer wants a certificate of ours.
    #[error("it wants a client certificate")]
    WantsCertificate,
    /// The peer doesn't take our certificate.
    #[error("it doesn't accept our certificate: {}", refusal(*.0))]
    RefusesCertificate(AlertDescription),
    /// The caller showed no certificate.
    #[error("it showed no certificate")]
    NoCertificate,
    /// The other side speaks versions of TLS before 1.2 only, or none of our ciphers.
    #[error("no common version of TLS (1.2 or 1.3) or cipher")]
    Incompatible,
    /// What is spoken there isn't TLS.
    #[error("it doesn't speak TLS there")]
    NotTls,
    /// The other side ended the connection during the handshake.
    #[error("it closed the connection during the handshake")]
    Closed,
    /// The handshake took too long.
    #[error("the handshake didn't end within {} s", .0.as_secs())]
    Timeout(Duration),
    /// Something else.
    #[error("{0}")]
    Other(String),
}

impl TlsError {
    /// No way leads from `leaf` to a trusted certificate.
    pub(super) fn untrusted(leaf: &Certificate<'_>, anchors: &[CertificateDer<'_>]) -> Self {
        let names = leaf.all_names();
        if anchors.iter().filter_map(|der| Certificate::parse(der)).any(|anchor| anchor.subject == leaf.issuer) {
            return Self::OtherIssuer { issuer: issuer(leaf), names };
        }
        if leaf.is_self_issued() {
            return Self::SelfSigned { names };
        }
        Self::Untrusted { issuer: issuer(leaf), names }
    }

    /// What the TLS library says of `leaf`.
    pub(super) fn of_certificate(
        error: &CertificateError,
        leaf: &Certificate<'_>,
        anchors: &[CertificateDer<'_>],
    ) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                Self::Expired { since: leaf.not_after }
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid { from: leaf.not_before }
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::untrusted(leaf, anchors),
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Self::Purpose,
            other => Self::Malformed(other.to_string()),
        }
    }

    /// As the TLS library carries it from a verifier to whoever looks at the connection.
    pub(super) fn carried(self) -> rustls::Error {
        rustls::Error::InvalidCertificate(CertificateError::Other(rustls::OtherError(Arc::new(self))))
    }

    /// The failure of TLS in a failed read or write; `None` if it isn't one of TLS.
    pub(in crate::node) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().map(Self::of_library)
    }

    /// The failure of a handshake.
    pub(super) fn of_handshake(error: &io::Error) -> Self {
        Self::of(error).unwrap_or_else(|| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Other(error.to_string()),
        })
    }

    fn of_library(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(CertificateError::Other(carried)) => {
                carried.0.downcast_ref().cloned().unwrap_or_else(|| Self::Malformed(error.to_string()))
            }
            rustls::Error::AlertReceived(alert) => Self::of_alert(*alert),
            rustls::Error::InvalidMessage(
                InvalidMessage::InvalidContentType
                | InvalidMessage::UnknownProtocolVersion
                | InvalidMessage::MessageTooLarge
                | InvalidMessage::InvalidEmptyPayload,
            ) => Self::NotTls,
            rustls::Error::NoCertificatesPresented => Self::NoCertificate,
            rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::NoCipherSuitesInCommon,
            ) => Self::Incompatible,
            other => Self::Other(other.to_string()),
        }
    }

    fn of_alert(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::CertificateRequired | AlertDescription::NoCertificate => Self::WantsCertificate,
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied => Self::RefusesCertificate(alert),
            AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity => Self::Incompatible,
            other => Self::Other(format!("the other side ended the handshake: {other:?}")),
        }
    }
}

pub(super) fn issuer(leaf: &Certificate<'_>) -> String {
    leaf.issuer_name().unwrap_or_else(|| "an issuer without a name".to_owned())
}

/// What an alert about our certificate means.
fn refusal(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::UnknownCA => "it doesn't know who signed it".to_owned(),
        AlertDescription::CertificateExpired => "it has expired".to_owned(),
        AlertDescription::CertificateRevoked => "it was revoked".to_owned(),
        AlertDescription::UnsupportedCertificate => {
            "it isn't made for clients, or of a kind that isn't supported".to_owned()
        }
        other => format!("{other:?}"),
    }
}

fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "a day that can't be".to_owned(), |time| time.to_string())
}
