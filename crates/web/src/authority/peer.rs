//! Who is at the other end, as its certificate says.
//!
//! Called once for each connection, after TLS has checked the chain, the dates and the possession of the key. Whether the
//! certificate is still wanted is the directory's to say, at each request.

use super::hex;
use jiff::Timestamp;
use overlock_model::plan::{Digest, HostId};
use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What stands before the host id in the name of a certificate.
pub(super) const HOST_URI: &str = "overlock:host:";

/// A host that proved that it has the key of this certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostIdentity {
    /// Which host.
    pub host: HostId,
    /// Serial number of its certificate, lower-case hex.
    pub serial: String,
    /// SHA-256 of its certificate (DER).
    pub fingerprint: Digest,
    /// SHA-256 of its public key (SubjectPublicKeyInfo).
    pub key: Digest,
    /// From when its certificate holds.
    pub since: Timestamp,
    /// When its certificate ends.
    pub until: Timestamp,
}

/// A certificate of our authority that names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// It cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Damaged(String),
    /// It names no host, or several.
    #[error("the certificate does not name one host")]
    Name,
}

impl HostIdentity {
    /// When its certificate was given.
    #[must_use]
    pub fn issued(&self) -> Timestamp {
        self.since + super::BACKDATED
    }

    /// When its certificate should be renewed: half way.
    #[must_use]
    pub fn renew_after(&self) -> Timestamp {
        self.since + self.until.duration_since(self.since) / 2
    }

    /// From a certificate that TLS has checked.
    ///
    /// # Errors
    /// When it does not name exactly one host.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, PeerError> {
        let (_, parsed) = X509Certificate::from_der(certificate)
            .map_err(|cause| PeerError::Damaged(cause.to_string()))?;
        let names = parsed
            .subject_alternative_name()
            .map_err(|cause| PeerError::Damaged(cause.to_string()))?
            .ok_or(PeerError::Name)?;
        let [GeneralName::URI(uri)] = names.value.general_names.as_slice() else {
            return Err(PeerError::Name);
        };
        let host = uri
            .strip_prefix(HOST_URI)
            .and_then(|id| HostId::try_from(id.to_owned()).ok())
            .ok_or(PeerError::Name)?;
        let time = |seconds| {
            Timestamp::from_second(seconds).map_err(|cause| PeerError::Damaged(cause.to_string()))
        };
        Ok(Self {
            since: time(parsed.validity().not_before.timestamp())?,
            until: time(parsed.validity().not_after.timestamp())?,
            host,
            serial: hex(parsed.raw_serial()),
            fingerprint: Digest::of(certificate),
            key: Digest::of(parsed.public_key().raw),
        })
    }
}
