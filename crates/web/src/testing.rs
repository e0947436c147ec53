//! For tests: a client over real TLS, and hosts with real keys.

pub mod guest;

use crate::authority::{Authority, HOST_LIFE};
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use overlock_model::plan::HostId;
use rcgen::{CertificateParams, KeyPair};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A host with its key.
pub struct TestHost {
    pub id: HostId,
    pub key: KeyPair,
    pub chain: String,
}

impl TestHost {
    /// A signing request for a new key.
    pub fn request() -> (KeyPair, String) {
        let key = KeyPair::generate().unwrap();
        let request = signed_by(&key);
        (key, request)
    }

    /// A signing request for the key that it has.
    pub fn own_request(&self) -> String {
        signed_by(&self.key)
    }

    /// A host signed by this authority without an enrolment.
    pub fn signed(authority: &Authority, id: HostId) -> Self {
        let (key, request) = Self::request();
        let signed = authority
            .sign_host(&request, &id, Timestamp::now(), HOST_LIFE)
            .unwrap();
        Self {
            id,
            key,
            chain: signed.chain,
        }
    }
}

fn signed_by(key: &KeyPair) -> String {
    let request = CertificateParams::default().serialize_request(key);
    request.unwrap().pem().unwrap()
}

/// A client that trusts one authority.
#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    pub tls: Arc<ClientConfig>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of a refusal or a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }
}

impl Client {
    pub fn new(address: SocketAddr, authority: &Authority, host: Option<&TestHost>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
        let tls = match host {
            None => builder.with_no_client_auth(),
            Some(host) => {
                let chain = CertificateDer::pem_slice_iter(host.chain.as_bytes())
                    .collect::<Result<Vec<_>, _>>()
                    .unwrap();
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(host.key.serialize_der()));
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        Self {
            address,
            tls: Arc::new(tls),
        }
    }

    pub async fn connect(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::from(self.address.ip());
        TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, stream)
            .await
    }

    pub async fn try_send(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let stream = self.connect().await.map_err(|error| error.to_string())?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        let driver = tokio::spawn(connection);
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|error| error.to_string())?
            .to_bytes();
        drop(sender);
        drop(driver);
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.try_send(request.body(Full::new(body.into())).unwrap())
            .await
            .unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }
}
