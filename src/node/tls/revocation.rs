//! `crl-file`: certificates that their authority has taken back. As for HAProxy, each authority on the way to the trusted one
//! needs a list there, and one that hasn't expired.

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{
    CertificateDer, CertificateRevocationListDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime,
};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, KeyUsage, OwnedCertRevocationList,
    RevocationOptionsBuilder,
};

use crate::node::tls::certificate::Certificate;
use crate::node::tls::chain::Purpose;
use crate::node::tls::error::{self, TlsError};
use crate::node::tls::{Pem, TlsSetupError};

/// The lists of a `crl-file`.
#[derive(Debug)]
pub(super) struct Revocations(Vec<CertRevocationList<'static>>);

impl Revocations {
    /// Reads them.
    pub(super) fn new(pem: &Pem) -> Result<Self, TlsSetupError> {
        let missing = |problem| TlsSetupError::Missing { file: pem.name.clone(), what: "revocation list", problem };
        let list = |der: CertificateRevocationListDer<'_>| OwnedCertRevocationList::from_der(&der).map(Into::into);
        let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&pem.text).collect();
        let lists = lists.map_err(|error| missing(format!(" ({error})")))?;
        let lists: Result<Vec<_>, _> = lists.into_iter().map(list).collect();
        let lists = lists.map_err(|error| missing(format!(" that can be used ({error})")))?;
        if lists.is_empty() { Err(missing(String::new())) } else { Ok(Self(lists)) }
    }

    /// Whether nothing on a way from `leaf` to one of `anchors` was taken back.
    pub(super) fn check(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        anchors: &[TrustAnchor<'_>],
        algorithms: &[&dyn SignatureVerificationAlgorithm],
        (now, purpose): (UnixTime, Purpose),
    ) -> Result<(), TlsError> {
        let unfit =
            |error: Error| TlsError::Malformed(format!("with a crl-file it has to be one of version 3: {error}"));
        let certificate = EndEntityCert::try_from(leaf).map_err(unfit)?;
        let lists: Vec<&CertRevocationList<'_>> = self.0.iter().collect();
        let options =
            RevocationOptionsBuilder::new(&lists).map_err(|_| TlsError::Other("the crl-file is empty".to_owned()))?;
        let options = options.with_expiration_policy(ExpirationPolicy::Enforce).build();
        let usage = match purpose {
            Purpose::Server => KeyUsage::server_auth(),
            Purpose::Client => KeyUsage::client_auth(),
        };
        let verified = certificate.verify_for_usage(algorithms, anchors, sent, now, usage, Some(options), None);
        let (names, issuer) =
            Certificate::parse(leaf).map_or_else(Default::default, |leaf| (leaf.all_names(), error::issuer(&leaf)));
        match verified {
            Ok(_) => Ok(()),
            Err(Error::CertRevoked) => Err(TlsError::Revoked { names }),
            Err(Error::UnknownRevocationStatus | Error::InvalidCrlSignatureForPublicKey) => {
                Err(TlsError::NoRevocationList { issuer })
            }
            Err(Error::CrlExpired { .. }) => Err(TlsError::OldRevocationList { issuer }),
            Err(Error::CaUsedAsEndEntity) => Err(unfit(Error::CaUsedAsEndEntity)),
            Err(error) => Err(TlsError::Other(format!("its certificate and the crl-file: {error}"))),
        }
    }
}
