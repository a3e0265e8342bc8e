//! TLS on both sides: what HAProxy accepts with the same files is accepted, and what is refused says which check failed.

mod certificate;
mod chain;
mod error;
mod revocation;
mod verify;

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, CommonState, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use thiserror::Error;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use zeroize::Zeroize as _;

use crate::node::wire::Stream;
use certificate::Certificate;
use verify::{Trust, Verifier};

pub use error::TlsError;

/// The text of a file with certificates, a key, or both, as `crt` and `ca-file` take it.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    /// Its name, for messages.
    pub name: String,
    /// Its text.
    pub text: Vec<u8>,
}

/// Keys don't stay in memory that others get next.
impl Drop for Pem {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

/// Without the text, which may hold a key.
impl std::fmt::Debug for Pem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Pem").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The names that a certificate may be for. Alternative names and common names count, as they do for HAProxy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    /// Any: HAProxy without `verifyhost`.
    Anything,
    /// One of these, host names or addresses.
    OneOf(Vec<String>),
}

/// How to call in TLS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientTlsOptions {
    /// Who may have signed the peer's certificate (`ca-file`); `None` = anybody (`verify none`).
    pub trust: Option<Pem>,
    /// Which certificates were taken back (`crl-file`); only looked at with [`Self::trust`].
    pub revoked: Option<Pem>,
    /// For whom it may be; only looked at with [`Self::trust`].
    pub expected: Expected,
    /// Our certificate with its key (`crt`).
    pub certificate: Option<Pem>,
    /// The name to ask for (`sni`).
    pub sni: Option<String>,
}

/// How to be called in TLS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerTlsOptions {
    /// Our certificate with its key (`crt`).
    pub certificate: Pem,
    /// Who may have signed the certificates of callers (`ca-file … verify required`); `None` = callers need none
    /// (`verify none`), and any of them may use any peer's name.
    pub trust: Option<Pem>,
    /// Which certificates were taken back (`crl-file`); only looked at with [`Self::trust`].
    pub revoked: Option<Pem>,
}

/// Why TLS can't be set up.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TlsSetupError {
    /// There is nothing of that kind in the file, or nothing that can be read.
    #[error("{file}: there is no {what} in it{problem}")]
    Missing {
        /// The file.
        file: String,
        /// `certificate`, `private key` or `revocation list`.
        what: &'static str,
        /// What was found instead, as ` (…)`; may be empty.
        problem: String,
    },
    /// The key isn't that of the certificate.
    #[error("{0}: the key isn't that of the first certificate")]
    OtherKey(String),
    /// None of the certificates to be trusted can be used.
    #[error("the ca-file has no certificate that can be used")]
    NoAnchor,
    /// The name isn't one of a host.
    #[error("`{0}` is no host name that can be asked for (sni)")]
    Sni(String),
    /// Something else.
    #[error("{0}")]
    Library(String),
}

/// What a call in TLS needs.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
}

impl ClientTls {
    /// Reads certificates and key.
    ///
    /// # Errors
    /// [`TlsSetupError`].
    pub fn new(options: &ClientTlsOptions) -> Result<Self, TlsSetupError> {
        let provider = provider();
        let trust =
            options.trust.as_ref().map(|pem| Trust::new(pem, options.revoked.as_ref(), &provider)).transpose()?;
        let verifier = Arc::new(Verifier::new(trust, options.expected.clone(), &provider));
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsSetupError::Library(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &options.certificate {
            Some(pem) => builder.with_client_cert_resolver(Arc::new(own(pem, &provider)?)),
            None => builder.with_no_client_auth(),
        };
        // Each connection shows its certificates anew.
        config.resumption = Resumption::disabled();
        config.enable_sni = options.sni.is_some();
        let name = options.sni.clone().unwrap_or_else(|| "peer.invalid".to_owned());
        let server_name = ServerName::try_from(name.clone()).map_err(|_| TlsSetupError::Sni(name))?;
        Ok(Self { config: Arc::new(config), server_name })
    }

    /// The handshake.
    pub(super) async fn connect<S: Stream>(&self, stream: S) -> Result<(impl Stream + use<S>, Secured), TlsError> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let connected = connector.connect(self.server_name.clone(), stream).await;
        let stream = connected.map_err(|error| TlsError::of_handshake(&error))?;
        let secured = Secured::of(stream.get_ref().1);
        Ok((stream, secured))
    }
}

/// What a listener needs for TLS.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    /// Whether callers show certificates.
    pub(super) binds_names: bool,
}

impl ServerTls {
    /// Reads certificates and key.
    ///
    /// # Errors
    /// [`TlsSetupError`].
    pub fn new(options: &ServerTlsOptions) -> Result<Self, TlsSetupError> {
        let provider = provider();
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsSetupError::Library(error.to_string()))?;
        let builder = match &options.trust {
            Some(pem) => {
                let trust = Trust::new(pem, options.revoked.as_ref(), &provider)?;
                let verifier = Verifier::new(Some(trust), Expected::Anything, &provider);
                builder.with_client_cert_verifier(Arc::new(verifier))
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(own(&options.certificate, &provider)?));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), binds_names: options.trust.is_some() })
    }

    /// The handshake.
    pub(super) async fn accept<S: Stream>(&self, stream: S) -> Result<(impl Stream + use<S>, Secured), TlsError> {
        let accepted = TlsAcceptor::from(Arc::clone(&self.config)).accept(stream).await;
        let stream = accepted.map_err(|error| TlsError::of_handshake(&error))?;
        let secured = Secured::of(stream.get_ref().1);
        Ok((stream, secured))
    }
}

/// What was agreed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Secured {
    /// Like `TLSv1_3`.
    pub version: String,
    /// Like `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The names of the other side's certificate; none if it showed none.
    pub names: Vec<String>,
}

impl Secured {
    fn of(state: &CommonState) -> Self {
        let text = |value: Option<String>| value.unwrap_or_default();
        let leaf = state.peer_certificates().and_then(|chain| chain.first());
        Self {
            version: text(state.protocol_version().map(|version| format!("{version:?}"))),
            cipher: text(state.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()))),
            names: leaf.and_then(|der| Certificate::parse(der)).map_or_else(Vec::new, |leaf| leaf.all_names()),
        }
    }

    /// Whether the certificate is for `name`.
    pub(super) fn is_for(&self, name: &str) -> bool {
        certificate::is_among(&self.names, name)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates of a file.
fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
    let missing = |problem| TlsSetupError::Missing { file: pem.name.clone(), what: "certificate", problem };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.text).collect();
    let found = found.map_err(|error| missing(format!(" ({error})")))?;
    if found.is_empty() { Err(missing(String::new())) } else { Ok(found) }
}

/// Our certificate and its key.
fn own(pem: &Pem, provider: &CryptoProvider) -> Result<SingleCertAndKey, TlsSetupError> {
    let missing = |problem| TlsSetupError::Missing { file: pem.name.clone(), what: "private key", problem };
    let chain = certificates(pem)?;
    let key = PrivateKeyDer::from_pem_slice(&pem.text).map_err(|_| {
        let encrypted = memchr::memmem::find(&pem.text, b"ENCRYPTED").is_some();
        missing(if encrypted { " that isn't encrypted".to_owned() } else { String::new() })
    })?;
    let key = provider.key_provider.load_private_key(key).map_err(|error| missing(format!(" ({error})")))?;
    let leaf = chain.first().and_then(|der| Certificate::parse(der));
    let same = leaf.zip(key.public_key()).is_none_or(|(leaf, public)| leaf.key == public.as_ref());
    if !same {
        return Err(TlsSetupError::OtherKey(pem.name.clone()));
    }
    Ok(CertifiedKey::new(chain, key).into())
}
