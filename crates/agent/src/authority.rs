//! The authority that a server shows, for people who know its fingerprint: `overlock login` asks here.

use crate::connection::CallError;
use crate::server_url::ServerUrl;
use crate::tls;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// To reach the server and agree on keys.
const PATIENCE: Duration = Duration::from_secs(20);

/// The certificate (PEM) of the authority that stands behind a server, if its key has this SHA-256 (hex).
///
/// # Errors
/// When the server cannot be reached, or shows no authority with that key.
pub async fn authority_shown(server: &ServerUrl, key: &str) -> Result<String, CallError> {
    let unreachable = |source| CallError::Unreachable {
        server: server.to_string(),
        source,
    };
    let untrusted = |source| CallError::Untrusted {
        server: server.to_string(),
        source,
    };
    let config = tls::pinned(key).map_err(|error| untrusted(io::Error::other(error)))?;
    let name = server
        .name()
        .ok_or_else(|| unreachable(io::ErrorKind::InvalidInput.into()))?;
    let shown = async {
        let stream = TcpStream::connect((server.host(), server.port()))
            .await
            .map_err(unreachable)?;
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .map_err(untrusted)?;
        let (_, session) = stream.get_ref();
        session
            .peer_certificates()
            // None at all is none with that key.
            .unwrap_or_default()
            .iter()
            .find(|certificate| tls::has_key(certificate, key))
            .map(|certificate| pem::encode(&pem::Pem::new("CERTIFICATE", certificate.to_vec())))
            .ok_or_else(|| untrusted(io::Error::other("it shows no authority with that key")))
    };
    timeout(PATIENCE, shown)
        .await
        .map_err(|_| CallError::Late {
            server: server.to_string(),
            seconds: PATIENCE.as_secs(),
        })?
}
