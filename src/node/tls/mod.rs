//! TLS on both sides.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use thiserror::Error;
use tokio_rustls::TlsConnector;

use crate::node::driver::Stream;

/// What a call in TLS needs.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
}

impl ClientTls {
    /// The handshake.
    pub(super) async fn connect<S: Stream>(&self, stream: S) -> Result<(impl Stream + use<S>, Secured), TlsError> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let connected = connector.connect(self.server_name.clone(), stream).await;
        let stream = connected.map_err(|error| TlsError::of(&error).unwrap_or(TlsError::Other(error.to_string())))?;
        Ok((stream, Secured { version: String::new(), cipher: String::new(), names: Vec::new() }))
    }
}

/// What was agreed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Secured {
    /// Like `TLSv1.3`.
    pub version: String,
    /// Like `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The names of the other side's certificate; none if it showed none.
    pub names: Vec<String>,
}

/// Why TLS failed.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TlsError {
    /// The handshake took too long.
    #[error("the handshake didn't end within {} s", .0.as_secs())]
    Timeout(Duration),
    /// Something else.
    #[error("{0}")]
    Other(String),
}

impl TlsError {
    /// The failure of TLS in a failed read or write.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        let inner: &rustls::Error = error.get_ref()?.downcast_ref()?;
        Some(Self::Other(inner.to_string()))
    }
}
