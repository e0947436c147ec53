//! The server's own certificate, under our authority.
//!
//! The key stays when the certificate is renewed: the install line pins it. Replicas share it, so that the line works
//! whichever of them answers.

use super::{Authority, AuthorityError, make, named, serial, valid};
use jiff::{SignedDuration, Timestamp};
use overlock_model::plan::Digest;
use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;

/// How long a server's certificate lives; it is made anew at half of that.
pub(crate) const SERVER_LIFE: SignedDuration = SignedDuration::from_hours(24 * 90);
const BACKDATED: SignedDuration = SignedDuration::from_hours(24);

/// A name under which agents and people reach the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerName {
    /// A host name.
    Dns(String),
    /// An address.
    Address(IpAddr),
}

impl std::str::FromStr for ServerName {
    type Err = AuthorityError;

    fn from_str(text: &str) -> Result<Self, AuthorityError> {
        if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            return Ok(Self::Address(address));
        }
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        if text.len() <= 253 && text.split('.').all(label) {
            Ok(Self::Dns(text.to_ascii_lowercase()))
        } else {
            Err(AuthorityError::Name(text.chars().take(80).collect()))
        }
    }
}

/// The server's private key.
pub struct ServerKey(KeyPair);

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerKey({})", self.pin().short())
    }
}

impl ServerKey {
    /// A new key, as it is kept (PKCS #8, PEM).
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn make() -> Result<SecretString, AuthorityError> {
        Ok(KeyPair::generate().map_err(make)?.serialize_pem().into())
    }

    /// Opens a key.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn open(pem: &SecretString) -> Result<Self, AuthorityError> {
        KeyPair::from_pem(pem.expose_secret())
            .map(Self)
            .map_err(|cause| AuthorityError::Damaged(cause.to_string()))
    }

    /// SHA-256 of the public key (SubjectPublicKeyInfo), which the install line pins.
    #[must_use]
    pub fn pin(&self) -> Digest {
        Digest::of(&self.0.subject_public_key_info())
    }

    /// The key as TLS wants it.
    #[must_use]
    pub fn for_tls(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.0.serialize_der()).into()
    }
}

/// A server's certificate with the authority's behind it, and when it should be made anew.
#[derive(Debug)]
pub(crate) struct ServerChain {
    pub chain: Vec<CertificateDer<'static>>,
    pub renew_after: Timestamp,
}

impl Authority {
    /// A certificate for the server.
    pub(crate) fn sign_server(
        &self,
        key: &ServerKey,
        names: &[ServerName],
        now: Timestamp,
    ) -> Result<ServerChain, AuthorityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named("Overlock server");
        params.subject_alt_names = names
            .iter()
            .map(|name| {
                Ok(match name {
                    ServerName::Dns(name) => {
                        SanType::DnsName(name.clone().try_into().map_err(make)?)
                    }
                    ServerName::Address(address) => SanType::IpAddress(*address),
                })
            })
            .collect::<Result<_, AuthorityError>>()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(serial()?);
        valid(&mut params, now - BACKDATED, now + SERVER_LIFE);
        let certificate = params.signed_by(&key.0, &self.issuer).map_err(make)?;
        Ok(ServerChain {
            chain: vec![certificate.der().clone(), self.certificate.clone()],
            renew_after: now + SERVER_LIFE / 2,
        })
    }
}
