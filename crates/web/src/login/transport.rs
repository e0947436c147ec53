//! The way to the identity provider: HTTPS only, bounded in bytes and time, and never redirected.
//!
//! Used by [`super::provider`] through the trait that `openidconnect` asks for. It is our own because the answers come from
//! another machine (R9), and because a token request that follows a redirect would carry the client's secret elsewhere.

use super::LoginLimits;
use super::settings::Trust;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::{Client, redirect};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use std::pin::Pin;
use std::sync::Arc;

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The provider cannot be reached, or its certificate does not hold.
    #[error("the identity provider does not answer")]
    Request(#[source] reqwest::Error),
    /// The answer was larger than may be.
    #[error("the identity provider's answer is above {limit} bytes")]
    TooLarge {
        /// Most bytes.
        limit: usize,
    },
    /// The library made a request, or took an answer, that is none.
    #[error("not an HTTP message: {0}")]
    Message(String),
}

/// Why there is no transport.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The given certificates cannot be used.
    #[error("the certificates to trust the identity provider by cannot be used: {0}")]
    Certificates(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

/// Asks the provider.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    client: Client,
    answer_bytes: usize,
}

impl Transport {
    pub(super) fn new(trust: &Trust, limits: &LoginLimits) -> Result<Self, TrustError> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls(trust)?)
            .https_only(true)
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(limits.provider_connect)
            .timeout(limits.provider_answer)
            .user_agent(concat!("overlock/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(TrustError::Client)?;
        Ok(Self {
            client,
            answer_bytes: limits.provider_answer_bytes,
        })
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let message = |cause: &dyn std::fmt::Display| TransportError::Message(cause.to_string());
        // The address of a token request holds no secret, but a provider's may: it stays out of messages.
        let failed = |error: reqwest::Error| TransportError::Request(error.without_url());
        let request = reqwest::Request::try_from(request).map_err(failed)?;
        let mut answer = self.client.execute(request).await.map_err(failed)?;
        let mut response = openidconnect::http::Response::builder()
            .status(answer.status())
            .body(Vec::new())
            .map_err(|error| message(&error))?;
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        let body = response.body_mut();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > self.answer_bytes {
                return Err(TransportError::TooLarge {
                    limit: self.answer_bytes,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Transport {
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, TransportError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

fn tls(trust: &Trust) -> Result<ClientConfig, TrustError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TrustError::Tls)?;
    let builder = match trust {
        Trust::Platform => builder.with_platform_verifier().map_err(TrustError::Tls)?,
        Trust::Only(pem) => builder.with_root_certificates(roots(pem)?),
    };
    Ok(builder.with_no_client_auth())
}

fn roots(pem: &str) -> Result<RootCertStore, TrustError> {
    let refused = |cause: &dyn std::fmt::Display| TrustError::Certificates(cause.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| refused(&error))?;
        roots.add(certificate).map_err(|error| refused(&error))?;
    }
    if roots.is_empty() {
        return Err(refused(&"there are none"));
    }
    Ok(roots)
}
