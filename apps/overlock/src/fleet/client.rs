//! The command line as a client of the API: one request, one answer, errors told as everywhere else.

use super::context::Context;
use crate::exit::{Failure, Kind};
use anyhow::Context as _;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// A client of one server.
pub struct Client {
    http: reqwest::Client,
    base: Url,
    runtime: tokio::runtime::Runtime,
}

/// An error as the API tells it (RFC 9457).
#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    hint: Option<String>,
}

impl Client {
    /// A client for a context.
    pub fn new(context: &Context) -> Result<Self, Failure> {
        let base = Url::parse(&context.server)
            .ok()
            .filter(|url| url.scheme() == "https" && url.has_host())
            .ok_or_else(|| {
                Failure::input(anyhow::anyhow!(
                    "`{}` is no address of a server",
                    context.server
                ))
                .hint("an address looks like https://patch.example.org:7443")
            })?;
        let mut headers = HeaderMap::new();
        let mut token = HeaderValue::from_str(&format!("Bearer {}", context.token))
            .map_err(|_| Failure::input(anyhow::anyhow!("the token holds what no token holds")))?;
        token.set_sensitive(true);
        headers.insert(AUTHORIZATION, token);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(context.authority.as_deref()).map_err(Failure::input)?)
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(120))
            .user_agent(concat!("overlock/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Failure::environment)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self {
            http,
            base,
            runtime,
        })
    }

    /// Where the server is.
    pub fn server(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Asks for something.
    pub fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        self.parsed(path, &self.send(Method::GET, path, query, None)?)
    }

    /// Sends something, and reads the answer.
    pub fn send_for<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, Failure> {
        self.parsed(path, &self.send(method, path, &[], Some(body))?)
    }

    /// Sends something whose answer says nothing more.
    pub fn act(
        &self,
        method: Method,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<(), Failure> {
        self.send(method, path, &[], body).map(drop)
    }

    fn parsed<T: DeserializeOwned>(&self, path: &str, bytes: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(bytes)
            .with_context(|| {
                format!(
                    "`{}{path}` answers what this program does not read",
                    self.server()
                )
            })
            .map_err(|error| {
                Failure::environment(error).hint("are server and command line of the same version?")
            })
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&serde_json::Value>,
    ) -> Result<Vec<u8>, Failure> {
        let mut url = self.base.join(path).map_err(Failure::input)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.http.request(method.clone(), url);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.runtime.block_on(async {
            let answer = request
                .send()
                .await
                .with_context(|| format!("cannot reach `{}`", self.server()))
                .map_err(Failure::environment)?;
            let status = answer.status();
            let bytes = bounded(answer).await?;
            if status.is_success() {
                return Ok(bytes);
            }
            Err(refused(status, &bytes))
        })
    }
}

async fn bounded(mut answer: reqwest::Response) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .context("the answer broke off")
        .map_err(Failure::environment)?
    {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Failure::environment(anyhow::anyhow!(
                "the server's answer is larger than {} MiB",
                ANSWER_BYTES_MAX >> 20
            )));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// What a refusal means for the exit code: our fault, not allowed, or the server's trouble.
fn refused(status: StatusCode, bytes: &[u8]) -> Failure {
    let problem: Option<Problem> = serde_json::from_slice(bytes).ok();
    let said = problem
        .as_ref()
        .map(|problem| {
            problem
                .detail
                .clone()
                .unwrap_or_else(|| problem.title.clone())
        })
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| status.to_string());
    let code = problem.as_ref().and_then(|problem| problem.code.clone());
    // A condition that cannot be read comes with its text and a caret under the place, on lines of their own.
    let (said, place) = said.split_once('\n').unwrap_or((&said, ""));
    let error = match code {
        Some(code) => anyhow::anyhow!("{said} ({code})"),
        None => anyhow::anyhow!("{said}"),
    };
    let place: Vec<String> = place
        .lines()
        .map(|line| overlock_report::plain(line).into_owned())
        .collect();
    let kind = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Kind::Refused,
        status if status.is_client_error() => Kind::Input,
        _ => Kind::Environment,
    };
    let hint = problem
        .and_then(|problem| problem.hint)
        .map(|hint| overlock_report::plain(&hint).into_owned())
        .or_else(|| {
            (status == StatusCode::UNAUTHORIZED)
                .then(|| "the token is unknown or has expired: run `overlock login`".to_owned())
        })
        .or_else(|| {
            // What is not there and what is not for this caller look the same (T20).
            (status == StatusCode::NOT_FOUND)
                .then(|| "nothing has this name, or nothing that your token may see".to_owned())
        });
    let hint = match (place.is_empty(), hint) {
        (true, hint) => hint,
        (false, hint) => {
            let mut lines = vec!["look here".to_owned()];
            lines.extend(place);
            lines.extend(hint);
            Some(lines.join("\n    "))
        }
    };
    Failure {
        hint,
        ..Failure::of(kind, error)
    }
}

fn tls(authority: Option<&str>) -> anyhow::Result<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let Some(authority) = authority else {
        let verifier = rustls_platform_verifier::Verifier::new(provider)?;
        return Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth());
    };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        let certificate =
            certificate.map_err(|error| anyhow::anyhow!("the authority is no PEM: {error}"))?;
        roots.add(certificate)?;
    }
    anyhow::ensure!(!roots.is_empty(), "the authority holds no certificate");
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
