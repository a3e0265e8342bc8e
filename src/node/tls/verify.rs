//! Who is trusted: the verifiers of both sides.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};

use crate::node::tls::certificate::{Certificate, is_among};
use crate::node::tls::chain::{Chain, Purpose};
use crate::node::tls::error::TlsError;
use crate::node::tls::revocation::Revocations;
use crate::node::tls::{Expected, Pem, TlsSetupError, certificates};

/// Trusts what HAProxy trusts with the same `ca-file`.
#[derive(Debug)]
pub(super) struct Verifier {
    /// `None` = `verify none`.
    trust: Option<Trust>,
    expected: Expected,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Who may have signed certificates, and which ones were taken back.
#[derive(Debug)]
pub(super) struct Trust {
    anchors: Vec<CertificateDer<'static>>,
    revoked: Option<Revocations>,
    roots: Arc<RootCertStore>,
    clients: Arc<dyn ClientCertVerifier>,
}

impl Verifier {
    /// Without `trust` everybody is trusted.
    pub(super) fn new(trust: Option<Trust>, expected: Expected, provider: &CryptoProvider) -> Self {
        Self { trust, expected, algorithms: provider.signature_verification_algorithms }
    }

    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        now: UnixTime,
        purpose: Purpose,
    ) -> Result<(), TlsError> {
        let Some(trust) = &self.trust else { return Ok(()) };
        let parsed =
            Certificate::parse(leaf).ok_or_else(|| TlsError::Malformed("it isn't encoded as one".to_owned()))?;
        if parsed.version == 1 || parsed.authority == Some(true) {
            let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
            let chain = Chain { anchors: &trust.anchors, sent, algorithms: self.algorithms.all, now };
            chain.verify(leaf, &parsed, purpose)?;
        } else {
            let verified = match purpose {
                Purpose::Server => ParsedCertificate::try_from(leaf).and_then(|leaf| {
                    verify_server_cert_signed_by_trust_anchor(&leaf, &trust.roots, sent, now, self.algorithms.all)
                }),
                Purpose::Client => trust.clients.verify_client_cert(leaf, sent, now).map(drop),
            };
            verified.map_err(|error| match error {
                rustls::Error::InvalidCertificate(error) => TlsError::of_certificate(&error, &parsed, &trust.anchors),
                other => TlsError::Other(other.to_string()),
            })?;
        }
        if let Some(revoked) = &trust.revoked {
            revoked.check(leaf, sent, &trust.roots.roots, self.algorithms.all, (now, purpose))?;
        }
        let Expected::OneOf(expected) = &self.expected else { return Ok(()) };
        let found = parsed.all_names();
        if expected.iter().any(|name| is_among(&found, name)) {
            return Ok(());
        }
        Err(TlsError::WrongName { found, expected: expected.clone() })
    }

    /// The signature of a handshake of TLS 1.2; the library's own function reads the certificate, which it can't always.
    fn verify_tls12(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let parsed = Certificate::parse(leaf).ok_or_else(|| TlsError::Signature.carried())?;
        let candidates = self.algorithms.mapping.iter().filter(|(scheme, _)| *scheme == signed.scheme);
        let verifies = candidates.flat_map(|(_, algorithms)| *algorithms).any(|algorithm| {
            algorithm.public_key_alg_id().as_ref() == parsed.key_algorithm
                && algorithm.verify_signature(parsed.key_bits, message, signed.signature()).is_ok()
        });
        if verifies { Ok(HandshakeSignatureValid::assertion()) } else { Err(TlsError::Signature.carried()) }
    }

    fn verify_tls13(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let parsed = Certificate::parse(leaf).ok_or_else(|| TlsError::Signature.carried())?;
        let key = SubjectPublicKeyInfoDer::from(parsed.key);
        verify_tls13_signature_with_raw_key(message, &key, signed, &self.algorithms)
    }
}

impl Trust {
    /// Reads a `ca-file`, and a `crl-file` if there is one.
    pub(super) fn new(
        anchors: &Pem,
        revoked: Option<&Pem>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, TlsSetupError> {
        let anchors = certificates(anchors)?;
        let revoked = revoked.map(Revocations::new).transpose()?;
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(anchors.iter().cloned());
        if added == 0 {
            return Err(TlsSetupError::NoAnchor);
        }
        let roots = Arc::new(roots);
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(provider))
            .build()
            .map_err(|error| TlsSetupError::Library(error.to_string()))?;
        Ok(Self { anchors, revoked, roots, clients })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        _name_of_sni: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verify(leaf, sent, now, Purpose::Server).map_err(TlsError::carried)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify_tls12(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify_tls13(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.trust.as_ref().map_or(&[], |trust| trust.clients.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.verify(leaf, sent, now, Purpose::Client).map_err(TlsError::carried)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify_tls12(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify_tls13(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
