//! TLS: which certificate the server shows, and which it takes.
//!
//! Agents trust our authority alone, people's browsers may know another: a certificate from files is shown to whoever
//! names one of its hosts, and ours to whoever says that it trusts our authority (`certificate_authorities`, RFC 8446
//! section 4.2.4), or asks for no name of the files'. Sessions are not resumed: a check of dates and keys that was made
//! weeks ago is worth nothing.

use crate::authority::{Authority, AuthorityError, ServerKey, ServerName};
use jiff::Timestamp;
use overlock_model::plan::Digest;
use rustls::crypto::CryptoProvider;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate and its key that the operator brings along (PEM files).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Our own certificate.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The operator's files.
    #[error("cannot use `{path}` for TLS: {cause}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The TLS library refuses.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// The certificates that the server shows; both can be changed while it runs.
#[derive(Debug)]
pub struct Certificates {
    authority: Arc<Authority>,
    key: ServerKey,
    names: Vec<ServerName>,
    shown: Arc<Shown>,
    files: Option<OperatorFiles>,
    config: Arc<ServerConfig>,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
struct Shown {
    authority_subject: Vec<u8>,
    own: RwLock<(Arc<CertifiedKey>, Timestamp)>,
    operators: RwLock<Option<Operators>>,
}

#[derive(Debug)]
struct Operators {
    key: Arc<CertifiedKey>,
    names: Vec<String>,
    /// SHA-256 of its public key (SubjectPublicKeyInfo).
    pin: Digest,
}

impl Certificates {
    /// Makes the server's certificate, and reads the operator's.
    ///
    /// # Errors
    /// When the files cannot be used, or nothing can be signed.
    pub fn new(
        authority: Arc<Authority>,
        key: ServerKey,
        names: Vec<ServerName>,
        files: Option<OperatorFiles>,
        now: Timestamp,
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let setup = |cause: &dyn std::fmt::Display| TlsError::Setup(cause.to_string());
        let own = own(&authority, &key, &names, &provider, now)?;
        let shown = Arc::new(Shown {
            authority_subject: authority.subject().to_vec(),
            own: RwLock::new(own),
            operators: RwLock::new(
                files
                    .as_ref()
                    .map(|f| operators(f, &provider))
                    .transpose()?,
            ),
        });
        let mut roots = RootCertStore::empty();
        roots
            .add(authority.certificate().clone())
            .map_err(|cause| setup(&cause))?;
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .allow_unauthenticated()
                .build()
                .map_err(|cause| setup(&cause))?;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|cause| setup(&cause))?
            .with_client_cert_verifier(clients)
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self {
            authority,
            key,
            names,
            shown,
            files,
            config: Arc::new(config),
            provider,
        })
    }

    /// What TLS is set up with.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// The server's own key, which the install line pins.
    #[must_use]
    pub fn pin(&self) -> Digest {
        self.key.pin()
    }

    /// The key of the operator's files, if whoever asks for this host is shown them.
    #[must_use]
    pub fn operators_pin(&self, host: &str) -> Option<Digest> {
        let operators = self.shown.operators.read();
        let operators = operators.unwrap_or_else(PoisonError::into_inner);
        operators
            .as_ref()
            .filter(|operators| operators.are_shown_to(host))
            .map(|operators| operators.pin)
    }

    /// When our own certificate should be made anew.
    #[must_use]
    pub fn renew_after(&self) -> Timestamp {
        self.shown
            .own
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .1
    }

    /// Makes our own certificate anew; connections that are open keep the old one.
    ///
    /// # Errors
    /// When nothing can be signed; the old one stays.
    pub fn renew(&self, now: Timestamp) -> Result<(), TlsError> {
        let own = own(&self.authority, &self.key, &self.names, &self.provider, now)?;
        *self
            .shown
            .own
            .write()
            .unwrap_or_else(PoisonError::into_inner) = own;
        Ok(())
    }

    /// Reads the operator's files again.
    ///
    /// # Errors
    /// When they cannot be used; what was read before stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        if let Some(files) = &self.files {
            let read = operators(files, &self.provider)?;
            *self
                .shown
                .operators
                .write()
                .unwrap_or_else(PoisonError::into_inner) = Some(read);
        }
        Ok(())
    }
}

fn own(
    authority: &Authority,
    key: &ServerKey,
    names: &[ServerName],
    provider: &CryptoProvider,
    now: Timestamp,
) -> Result<(Arc<CertifiedKey>, Timestamp), TlsError> {
    let signed = authority.sign_server(key, names, now)?;
    let certified = CertifiedKey::from_der(signed.chain, key.for_tls(), provider)
        .map_err(|cause| TlsError::Setup(cause.to_string()))?;
    Ok((Arc::new(certified), signed.renew_after))
}

fn operators(files: &OperatorFiles, provider: &CryptoProvider) -> Result<Operators, TlsError> {
    let error = |path: &PathBuf, cause: &dyn std::fmt::Display| TlsError::File {
        path: path.clone(),
        cause: cause.to_string(),
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|cause| error(&files.certificate, &cause))?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|cause| error(&files.key, &cause))?;
    let (names, pin) = chain
        .first()
        .and_then(names_and_pin)
        .filter(|(names, _)| !names.is_empty())
        .ok_or_else(|| error(&files.certificate, &"it names no host"))?;
    let key =
        CertifiedKey::from_der(chain, key, provider).map_err(|cause| error(&files.key, &cause))?;
    Ok(Operators {
        key: Arc::new(key),
        names,
        pin,
    })
}

fn names_and_pin(certificate: &CertificateDer<'_>) -> Option<(Vec<String>, Digest)> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let names = parsed.subject_alternative_name().ok()??;
    let names = names
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect();
    Some((names, Digest::of(parsed.public_key().raw)))
}

impl Operators {
    fn are_shown_to(&self, host: &str) -> bool {
        self.names.iter().any(|name| covers(name, host))
    }
}

/// Whether a certificate's name covers a host; a star stands for exactly one label (RFC 9525 section 6.3).
fn covers(name: &str, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    name == host
        || name.strip_prefix("*.").is_some_and(|parent| {
            host.split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest == parent)
        })
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let trusts_us = hello.certificate_authorities().is_some_and(|names| {
            names
                .iter()
                .any(|name| name.as_ref() == self.authority_subject)
        });
        if !trusts_us && let Some(host) = hello.server_name() {
            let operators = self
                .operators
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(operators) = operators.as_ref()
                && operators.are_shown_to(host)
            {
                return Some(Arc::clone(&operators.key));
            }
        }
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&own.0))
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_star_stands_for_one_label() {
        assert!(covers("*.example.org", "Fleet.example.org"));
        assert!(!covers("*.example.org", "a.fleet.example.org"));
        assert!(!covers("*.example.org", "example.org"));
        assert!(covers("example.org", "example.org"));
    }
}
