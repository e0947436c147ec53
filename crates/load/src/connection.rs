//! One connection of a simulated host.

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use overlock_protocol::{Limits, Message};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Where the server is, and what it is trusted by.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its address.
    pub address: SocketAddr,
    /// Its authority's certificate.
    pub authority: CertificateDer<'static>,
}

/// Certificate chain and key of a host.
#[derive(Debug)]
pub struct Identity {
    /// Chain, the host's own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

impl Server {
    /// From an address and a PEM.
    ///
    /// # Errors
    /// When the PEM holds no certificate.
    pub fn new(address: SocketAddr, authority: &[u8]) -> Result<Self> {
        Ok(Self {
            address,
            authority: CertificateDer::from_pem_slice(authority)
                .map_err(|error| anyhow::anyhow!("no certificate: {error}"))?,
        })
    }

    /// How a client of this server, with this identity or none, opens TLS.
    ///
    /// # Errors
    /// When identity or authority is none that TLS can use.
    pub fn tls(&self, identity: Option<&Identity>) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                builder.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())?
            }
        };
        Ok(Arc::new(config))
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    send: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    /// Opens one.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the handshake.
    pub async fn open(server: &Server, tls: Arc<ClientConfig>) -> Result<Self> {
        let tcp = TcpStream::connect(server.address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::from(server.address.ip());
        let stream = TlsConnector::from(tls).connect(name, tcp).await?;
        let (send, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the connection; what went wrong is seen by the request.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self {
            send,
            host: server.address.to_string(),
        })
    }

    /// Whether another request can be sent over it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.send.is_closed()
    }

    /// Posts a message and reads the answer's bytes.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn post(&mut self, path: &str, body: Vec<u8>) -> Result<(StatusCode, Bytes)> {
        let (body, packed) = if body.len() > 1024 {
            (zstd::bulk::compress(&body, 1)?, true)
        } else {
            (body, false)
        };
        let mut request = Request::post(path)
            .header("host", &self.host)
            .header("content-type", "application/json");
        if packed {
            request = request.header("content-encoding", "zstd");
        }
        self.send.ready().await?;
        let answer = self
            .send
            .send_request(request.body(Full::new(body.into()))?)
            .await?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await?.to_bytes();
        Ok((status, bytes))
    }

    /// Posts a message and reads the answer.
    ///
    /// # Errors
    /// When the connection breaks, or the server refuses.
    pub async fn ask<A: Message>(&mut self, path: &str, message: &impl Message) -> Result<A> {
        let (status, bytes) = self.post(path, message.to_bytes()?).await?;
        // A refusal is short; a longer answer is shown by its beginning.
        let begins = bytes.get(..300).unwrap_or(&bytes);
        anyhow::ensure!(
            status.is_success(),
            "{path}: {status}: {}",
            String::from_utf8_lossy(begins)
        );
        A::parse(&bytes, &Limits::WIRE).with_context(|| format!("answer of {path}"))
    }
}
