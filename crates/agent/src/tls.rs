//! Whom the agent trusts: before enrolment whoever holds the key that the token names, afterwards one authority.

use overlock_model::plan::Digest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WantsClientCert, WebPkiServerVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, DistinguishedName,
    RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::sync::Arc;

/// What cannot be used for TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate or a key is no PEM.
    #[error("`{what}` is no PEM that can be read")]
    Pem {
        /// Which.
        what: &'static str,
        /// Cause.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// Certificates and key do not make an identity.
    #[error("authority, certificate and key do not fit together")]
    Identity(#[source] rustls::Error),
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Trusts servers whose chain holds the authority with this key (SHA-256 of its SubjectPublicKeyInfo, as hex).
///
/// # Errors
/// Never in practice: the provider speaks TLS 1.3.
pub(crate) fn pinned(authority: &str) -> Result<ClientConfig, TlsError> {
    let names = vec![AUTHORITY_NAME.to_vec().into()];
    Ok(trusting(Anchor::Key(authority.to_owned()), names)?.with_no_client_auth())
}

/// Trusts one authority and shows a certificate; all three as PEM.
///
/// # Errors
/// When one of them cannot be read, or key and certificate do not belong together.
pub(crate) fn mutual(authority: &str, chain: &str, key: &str) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("authority", authority)? {
        roots.add(certificate).map_err(TlsError::Identity)?;
    }
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|source| TlsError::Pem {
        what: "key",
        source,
    })?;
    let names = roots.subjects();
    let known = verifier(roots, provider()).map_err(TlsError::Identity)?;
    trusting(Anchor::Known(known), names)?
        .with_client_auth_cert(certificates("certificate", chain)?, key)
        .map_err(TlsError::Identity)
}

/// A client of servers under this authority, whose names these are.
fn trusting(
    anchor: Anchor,
    names: Vec<DistinguishedName>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let provider = provider();
    let verifier = OneAuthority {
        anchor,
        names,
        provider: provider.clone(),
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Identity)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier)))
}

/// rustls's own verifier of a server's chain.
fn verifier(
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))
}

fn certificates(what: &'static str, pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::Pem { what, source })
}

/// Whether one of these PEM certificates has the key that a token names.
pub(crate) fn holds_key(pem: &str, key: &str) -> bool {
    certificates("authority", pem)
        .is_ok_and(|all| !all.is_empty() && all.iter().all(|one| anchored(one, key).is_some()))
}

/// Whether a certificate has the key with this SHA-256.
pub(crate) fn has_key(certificate: &CertificateDer<'_>, key: &str) -> bool {
    anchored(certificate, key).is_some()
}

/// The certificate as the only root, if it has this key.
fn anchored(certificate: &CertificateDer<'_>, key: &str) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // One that cannot be read is not the one that is looked for, and is trusted as little.
    roots.add(certificate.clone().into_owned()).ok()?;
    let anchor = roots.roots.first()?;
    let digest = Digest::of(&sequence(&anchor.subject_public_key_info)?);
    (digest.to_string() == key).then_some(roots)
}

/// An ASN.1 SEQUENCE around its content (X.690, 8.1.3): a trust anchor holds the key's info without it. No key is longer
/// than a length of two bytes can say.
fn sequence(content: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(content.len()).ok()?;
    let [high, low] = length.to_be_bytes();
    let mut bytes = match (high, low) {
        (0, 0..=127) => vec![0x30, low],
        (0, _) => vec![0x30, 0x81, low],
        _ => vec![0x30, 0x82, high, low],
    };
    bytes.extend_from_slice(content);
    Some(bytes)
}

/// The subject that every server gives its authority (`CN=Overlock`, DER). A server that shows browsers another
/// certificate knows by it that an agent calls (`certificate_authorities`, RFC 8446 section 4.2.4).
const AUTHORITY_NAME: [u8; 21] = *b"\x30\x13\x31\x11\x30\x0f\x06\x03\x55\x04\x03\x0c\x08Overlock";

/// How the authority is known.
#[derive(Debug)]
enum Anchor {
    /// By its key, before enrolment: the server's chain holds its certificate.
    Key(String),
    /// By its certificate, afterwards.
    Known(Arc<WebPkiServerVerifier>),
}

/// Trusts nothing but a chain up to one authority, and says so to the server; all else is rustls's own verifier.
#[derive(Debug)]
struct OneAuthority {
    anchor: Anchor,
    names: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl OneAuthority {
    fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }
}

impl ServerCertVerifier for OneAuthority {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verifier = match &self.anchor {
            Anchor::Known(verifier) => verifier.clone(),
            Anchor::Key(key) => {
                let roots = intermediates
                    .iter()
                    .find_map(|certificate| anchored(certificate, key))
                    .ok_or(CertificateError::UnknownIssuer)?;
                verifier(roots, self.provider.clone())?
            }
        };
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, self.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, self.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        Some(&self.names)
    }
}
