//! The server's own certificate authority: it vouches for the server to agents, and for agents to the server.
//!
//! Called at start (made once, then opened), at enrolment and at renewal. ECDSA P-256 throughout. The authority is the only
//! root either side trusts, so one fleet's agents can never speak to another fleet's server. Nothing of a signing request
//! but its public key goes into a certificate: names are the server's to give.

mod peer;
mod server;

pub use peer::{HostIdentity, PeerError};
pub use server::{ServerKey, ServerName};

use jiff::{SignedDuration, Timestamp};
use overlock_model::plan::{Digest, HostId};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
    SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use std::time::SystemTime;
use x509_parser::prelude::{FromDer, X509Certificate};

/// How long the authority lives: longer than any server is kept without a new one.
const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(24 * 3652);
/// Certificates begin a little before now, for hosts whose clocks are a little behind.
const BACKDATED: SignedDuration = SignedDuration::from_hours(1);
/// How long a host's certificate lives, if nothing else is asked for: a lost key is of no use after two weeks.
pub const HOST_LIFE: SignedDuration = SignedDuration::from_hours(24 * 14);

/// What the store keeps of the authority.
#[derive(Debug, Clone)]
pub struct AuthorityPair {
    /// The certificate (PEM).
    pub certificate: String,
    /// The private key (PKCS #8, PEM).
    pub key: SecretString,
}

/// The authority, ready to sign.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
    fingerprint: Digest,
    subject: Vec<u8>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({})", self.fingerprint.short())
    }
}

/// A certificate for a host, just signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCertificate {
    /// The certificate and the authority's, as one text (PEM).
    pub chain: String,
    /// Its serial number, lower-case hex.
    pub serial: String,
    /// SHA-256 of the certificate (DER).
    pub fingerprint: Digest,
    /// SHA-256 of the host's public key (SubjectPublicKeyInfo).
    pub key: Digest,
    /// From when it holds.
    pub begins: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When it should be renewed: half way.
    pub renew_after: Timestamp,
}

/// What went wrong with certificates.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The authority's own parts do not fit together.
    #[error("the server's authority cannot be read: {0}")]
    Damaged(String),
    /// The signing request of a host is refused.
    #[error("the certificate signing request is refused: {0}")]
    Request(String),
    /// No certificate could be made.
    #[error("no certificate could be made: {0}")]
    Make(String),
    /// A name for the server that is none.
    #[error("`{0}` is no name or address for a certificate")]
    Name(String),
}

impl Authority {
    /// Makes a new authority; `name` is for people who look at certificates.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn make(name: &str, now: Timestamp) -> Result<AuthorityPair, AuthorityError> {
        let key = KeyPair::generate().map_err(make)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(serial()?);
        valid(&mut params, now - BACKDATED, now + AUTHORITY_LIFE);
        let certificate = params.self_signed(&key).map_err(make)?;
        Ok(AuthorityPair {
            certificate: certificate.pem(),
            key: key.serialize_pem().into(),
        })
    }

    /// Opens an authority.
    ///
    /// # Errors
    /// When certificate and key are damaged or do not belong together.
    pub fn open(pair: &AuthorityPair) -> Result<Self, AuthorityError> {
        let damaged = |cause: String| AuthorityError::Damaged(cause);
        let key = KeyPair::from_pem(pair.key.expose_secret())
            .map_err(|cause| damaged(cause.to_string()))?;
        let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes())
            .map_err(|cause| damaged(cause.to_string()))?;
        let (_, parsed) =
            X509Certificate::from_der(&certificate).map_err(|cause| damaged(cause.to_string()))?;
        let public = key.subject_public_key_info();
        if parsed.public_key().raw != public {
            return Err(damaged("the key is not the certificate's".to_owned()));
        }
        let subject = parsed.subject().as_raw().to_vec();
        let issuer = Issuer::from_ca_cert_der(&certificate, key)
            .map_err(|cause| damaged(cause.to_string()))?;
        Ok(Self {
            fingerprint: Digest::of(&public),
            issuer,
            pem: pair.certificate.clone(),
            certificate,
            subject,
        })
    }

    /// SHA-256 of the authority's public key (SubjectPublicKeyInfo): what a token for enrolment carries.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// The authority's certificate (PEM).
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The authority's certificate.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Its name as it stands in certificates (DER), by which a client says whom it trusts.
    #[must_use]
    pub fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// SHA-256 of the public key (SubjectPublicKeyInfo) of a signing request, which is refused as [`Self::sign_host`] does.
    ///
    /// # Errors
    /// As [`Self::sign_host`].
    pub fn key_of(request: &str) -> Result<Digest, AuthorityError> {
        checked(request).map(|request| Digest::of(&request.public_key.subject_public_key_info()))
    }

    /// A certificate for a host, for the key of its signing request (PEM), which must be signed with that key.
    ///
    /// # Errors
    /// When the request is not one, is not signed by its own key, or has a key of another kind than ECDSA P-256, P-384
    /// or Ed25519.
    pub fn sign_host(
        &self,
        request: &str,
        host: &HostId,
        now: Timestamp,
        life: SignedDuration,
    ) -> Result<HostCertificate, AuthorityError> {
        let request = checked(request)?;
        let public = &request.public_key;
        let (begins, expires) = (now - BACKDATED, now + life);
        let serial = serial()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(host.as_str());
        params.subject_alt_names = vec![SanType::URI(
            format!("{}{host}", peer::HOST_URI)
                .try_into()
                .map_err(make)?,
        )];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(serial.clone());
        valid(&mut params, begins, expires);
        let certificate = params.signed_by(public, &self.issuer).map_err(make)?;
        Ok(HostCertificate {
            chain: format!("{}{}", certificate.pem(), self.pem),
            serial: hex(&serial.to_bytes()),
            fingerprint: Digest::of(certificate.der()),
            key: Digest::of(&public.subject_public_key_info()),
            begins,
            expires,
            renew_after: now + life / 2,
        })
    }
}

fn checked(request: &str) -> Result<CertificateSigningRequestParams, AuthorityError> {
    let refused = |cause: &dyn std::fmt::Display| AuthorityError::Request(cause.to_string());
    let request =
        CertificateSigningRequestParams::from_pem(request).map_err(|cause| refused(&cause))?;
    let kinds = [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
    ];
    if kinds.contains(&request.public_key.algorithm()) {
        Ok(request)
    } else {
        Err(refused(
            &"the key is neither ECDSA P-256, P-384 nor Ed25519",
        ))
    }
}

/// Seconds only: certificates know no fractions.
fn valid(params: &mut CertificateParams, begins: Timestamp, ends: Timestamp) {
    params.not_before = SystemTime::from(begins).into();
    params.not_after = SystemTime::from(ends).into();
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

/// 127 random bits (RFC 5280 section 4.1.2.2: positive, at most 20 bytes).
fn serial() -> Result<SerialNumber, AuthorityError> {
    let mut bytes = random::<16>().map_err(make)?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn make(cause: impl std::fmt::Display) -> AuthorityError {
    AuthorityError::Make(cause.to_string())
}

/// The system gave no randomness.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the system gives no randomness")]
pub struct NoRandomness;

/// Bytes that nobody can guess.
///
/// # Errors
/// When the system gives none.
pub fn random<const COUNT: usize>() -> Result<[u8; COUNT], NoRandomness> {
    let mut bytes = [0; COUNT];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
