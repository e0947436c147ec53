//! Receives one file into the store, bounded in bytes, time, redirects and attempts.
//!
//! The sync calls it for each feed; it knows nothing of formats. What it hands on was received completely: length as
//! announced, no more than the limit, hashed while it came in.

use std::error::Error as _;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderMap, HeaderName,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use reqwest::{Client, StatusCode, Url, redirect};
use rustls_platform_verifier::BuilderVerifierExt;
use tempfile::NamedTempFile;

use crate::error::Cause;
use crate::mirror::{Source, is_regular};
use crate::store::Validators;

mod receive;

use receive::Receiver;
pub(crate) use receive::{Hashing, hex};

/// Most redirects followed for one file: publishers need one or two.
const REDIRECTS_MAX: usize = 5;
const VALIDATOR_BYTES_MAX: usize = 500;
const CHUNK_BYTES: usize = 64 << 10;

/// Bounds in time, and how often to try.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Until a connection stands.
    pub connect_timeout: Duration,
    /// Between two arrivals of bytes, the answer's head included.
    pub idle_timeout: Duration,
    /// For one attempt at one file.
    pub total_timeout: Duration,
    /// How often a file is tried in all, at least once; only what may pass is tried again.
    pub attempts: u32,
    /// Pause before the second attempt; it doubles with each. Zero in tests.
    pub first_pause: Duration,
    /// Whether proxies of the environment are used.
    pub proxies: Proxies,
}

/// Which proxies are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxies {
    /// Those that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name.
    Environment,
    /// None.
    Ignored,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(60),
            // The largest feeds are a few hundred MiB: half an hour serves a line of 2 Mbit/s.
            total_timeout: Duration::from_secs(30 * 60),
            attempts: 3,
            first_pause: Duration::from_secs(1),
            proxies: Proxies::Environment,
        }
    }
}

/// What came of a request.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// The server says that what we have is current.
    NotModified,
    File(Received),
}

/// A file received in full.
#[derive(Debug)]
pub(crate) struct Received {
    pub file: NamedTempFile,
    pub size_bytes: u64,
    /// Lower-case hex.
    pub sha256: String,
    pub validators: Validators,
}

/// Told of the size announced and of the bytes that arrive.
pub(crate) trait Meter {
    fn announced(&self, bytes: u64);
    fn advanced(&self, bytes: u64);
}

/// One file to receive.
pub(crate) struct Wanted<'a> {
    pub source: &'a Source,
    pub limit: u64,
    /// Sent only if they are this source's.
    pub known: Option<&'a Validators>,
    /// Makes the file to receive into; a new one for each attempt.
    pub receiving: &'a dyn Fn() -> Result<NamedTempFile, crate::store::StoreError>,
    pub meter: &'a dyn Meter,
}

/// The client, made once per sync.
pub(crate) struct Downloader {
    client: Client,
    settings: Settings,
}

impl Downloader {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Cause> {
        let mut builder = Client::builder()
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.idle_timeout)
            .timeout(settings.total_timeout)
            .redirect(redirect::Policy::custom(|attempt| {
                match redirect_refusal(attempt.previous(), attempt.url()) {
                    Some(why) => attempt.error(why),
                    None => attempt.follow(),
                }
            }))
            .referer(false)
            .user_agent(concat!("overlock/", env!("CARGO_PKG_VERSION")));
        builder = builder.tls_backend_preconfigured(tls().map_err(Cause::Tls)?);
        if settings.proxies == Proxies::Ignored {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(Cause::Connection)?;
        Ok(Self {
            client,
            settings: settings.clone(),
        })
    }

    /// Receives the file, trying again what may pass.
    pub(crate) async fn fetch(&self, wanted: &Wanted<'_>) -> Result<Fetched, Cause> {
        let mut pause = self.settings.first_pause;
        let mut attempt = 1;
        loop {
            let result = match wanted.source {
                Source::Http(url) => self.request(url, wanted).await,
                Source::File(path) => copy(path, wanted),
            };
            match result {
                Err(cause) if cause.is_transient() && attempt < self.settings.attempts => {
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                    pause = pause.saturating_mul(2);
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    async fn request(&self, url: &Url, wanted: &Wanted<'_>) -> Result<Fetched, Cause> {
        // No encoding: the announced length is then the file's, and nothing is unpacked before it is bounded.
        let mut request = self
            .client
            .get(url.clone())
            .header(ACCEPT_ENCODING, "identity");
        let known = wanted
            .known
            .filter(|known| known.source == wanted.source.redacted());
        if let Some(etag) = known.and_then(|known| known.etag.as_ref()) {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(date) = known.and_then(|known| known.last_modified.as_ref()) {
            request = request.header(IF_MODIFIED_SINCE, date);
        }
        let mut response = request.send().await.map_err(transport)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if known.is_some() => return Ok(Fetched::NotModified),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(Cause::Absent),
            status => {
                return Err(Cause::Status {
                    status: status.as_u16(),
                });
            }
        }
        let headers = response.headers();
        if let Some(encoding) = header(headers, CONTENT_ENCODING)
            && encoding != "identity"
        {
            return Err(Cause::Encoding { encoding });
        }
        let announced = header(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let validators = Validators {
            source: wanted.source.redacted(),
            etag: header(headers, ETAG),
            last_modified: header(headers, LAST_MODIFIED),
        };
        let mut receiver = Receiver::new(wanted, announced)?;
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => receiver.write(&chunk)?,
                Ok(None) => return receiver.finish(validators),
                Err(error) if error.is_timeout() => return Err(transport(error)),
                Err(error) => {
                    return Err(receiver.cut().unwrap_or_else(|| transport(error)));
                }
            }
        }
    }
}

/// TLS with this machine's trust: the platform's store, or `SSL_CERT_FILE` and `SSL_CERT_DIR`.
///
/// Where there is no trust store at all nobody is trusted: plain http mirrors still work, and each https request fails
/// with its own message.
fn tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = || {
        rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
    };
    let mut tls = match versions()?.with_platform_verifier() {
        Ok(verified) => verified.with_no_client_auth(),
        Err(_) => versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth(),
    };
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tls)
}

/// Why a redirect is not followed. `previous` begins with the address asked first.
fn redirect_refusal(previous: &[Url], next: &Url) -> Option<String> {
    if previous.len() > REDIRECTS_MAX {
        return Some(format!("more than {REDIRECTS_MAX} redirects"));
    }
    let last = previous.last()?;
    match (last.scheme(), next.scheme()) {
        (_, "https") => None,
        ("https", "http") => Some("from https to http".to_owned()),
        // Nobody vouches for a plain answer: it may not lead us elsewhere on the network.
        ("http", "http") if last.origin() != next.origin() => {
            Some("from one plain http server to another".to_owned())
        }
        ("http", "http") => None,
        (_, other) => Some(format!("to the scheme `{}`", other.escape_debug())),
    }
}

fn transport(error: reqwest::Error) -> Cause {
    let error = error.without_url();
    if error.is_redirect() {
        let why = error
            .source()
            .map_or_else(|| error.to_string(), ToString::to_string);
        Cause::Redirect { why }
    } else if error.is_timeout() {
        Cause::Timeout(error)
    } else {
        Cause::Connection(error)
    }
}

/// A header's text, if it is text of a sane length.
fn header(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    (text.len() <= VALIDATOR_BYTES_MAX).then(|| text.to_owned())
}

/// Copies from a folder mirror. Size and time of the file stand for the `ETag`.
fn copy(path: &Path, wanted: &Wanted<'_>) -> Result<Fetched, Cause> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Cause::Absent,
        _ => Cause::Disk {
            path: path.to_owned(),
            source,
        },
    };
    // Asked before opening: opening a pipe would wait for ever.
    if !is_regular(path).map_err(failed)? {
        return Err(Cause::Absent);
    }
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    let validators = Validators {
        source: wanted.source.redacted(),
        etag: found
            .modified()
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
            .map(|time| format!("{}-{}", found.len(), time.as_nanos())),
        last_modified: None,
    };
    if validators.etag.is_some() && wanted.known == Some(&validators) {
        return Ok(Fetched::NotModified);
    }
    let mut receiver = Receiver::new(wanted, Some(found.len()))?;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = file.read(&mut chunk).map_err(failed)?;
        match chunk.get(..read) {
            None | Some([]) => return receiver.finish(validators),
            Some(bytes) => receiver.write(bytes)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(chain: &[&str], next: &str) -> Option<String> {
        let chain: Vec<Url> = chain.iter().map(|url| Url::parse(url).unwrap()).collect();
        redirect_refusal(&chain, &Url::parse(next).unwrap())
    }

    #[test]
    fn redirects_never_leave_encryption() {
        assert!(refusal(&["https://a.example.org/"], "http://a.example.org/").is_some());
        assert!(
            refusal(
                &["http://a.example.org/", "https://a.example.org/"],
                "http://a.example.org/"
            )
            .is_some()
        );
        assert_eq!(
            refusal(&["http://a.example.org/"], "https://b.example.org/"),
            None
        );
    }

    #[test]
    fn encrypted_redirects_may_change_the_host_and_plain_ones_may_not() {
        assert_eq!(
            refusal(&["https://a.example.org/"], "https://b.example.org/"),
            None
        );
        assert_eq!(
            refusal(&["http://a.example.org/"], "http://a.example.org/x"),
            None
        );
        assert!(refusal(&["http://a.example.org/"], "http://b.example.org/").is_some());
        assert!(refusal(&["http://a.example.org/"], "http://a.example.org:22/").is_some());
        assert!(refusal(&["http://a.example.org/"], "ftp://a.example.org/").is_some());
        assert!(refusal(&["https://a.example.org/"], "file:///etc/passwd").is_some());
    }

    #[test]
    fn five_redirects_are_followed_and_no_sixth() {
        let five = ["https://a.example.org/"; 5];
        let six = ["https://a.example.org/"; 6];
        assert_eq!(refusal(&five, "https://a.example.org/"), None);
        assert!(refusal(&six, "https://a.example.org/").is_some());
    }
}
