//! Who this host is to its server: one file, so that one rename changes all of it.
//!
//! ```text
//! STATE/host-id         who this host is; the same id as in the host's journal
//! STATE/enrolling.pem   the key while an answer to an enrolment is awaited: a lost answer is asked for again with it
//! STATE/identity.json   server, authority, key, certificate, and the certificate before it until the new one has worked
//! ```
//!
//! A crash at any point leaves the file as it was or as it is to be; both are usable. The key stays when the certificate
//! is renewed, as it is what a person has compared and confirmed; enrolling anew makes a new one.

use crate::durable;
use crate::server_url::ServerUrl;
use crate::tls::{self, TlsError};
use jiff::Timestamp;
use overlock_model::plan::{Digest, HostId};
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Larger than any identity: three chains and a key.
const FILE_BYTES_MAX: u64 = 256 << 10;
const SCHEMA: &str = "overlock.identity/1";

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The host has not been enrolled.
    #[error("this host is not enrolled: there is no `{}`", path.display())]
    NotEnrolled {
        /// Where it would be.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot {doing} `{}`", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("`{}` is not what it should be: {why}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A key or a request cannot be made.
    #[error("cannot use the key")]
    Key(#[from] rcgen::Error),
    /// It cannot be used for TLS.
    #[error("the identity cannot be used")]
    Tls(#[from] TlsError),
    /// No random numbers.
    #[error("the kernel gives no random numbers")]
    Random(#[source] io::Error),
}

impl IdentityError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotEnrolled { .. } => Some(
                "make a token on the server with `overlock token create`, then `overlock-agent enrol --server URL --token TOKEN`",
            ),
            Self::Damaged { .. } | Self::Tls(_) | Self::Key(_) => Some(
                "enrol again: `overlock-agent enrol --server URL --token TOKEN`; the host keeps its id and its history",
            ),
            Self::File { .. } => Some("run it as root, or as the user that the agent runs as"),
            Self::Random(_) => None,
        }
    }
}

/// A key in PKCS #8 PEM, which does not show itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

impl Key {
    /// A new ECDSA key over P-256.
    ///
    /// # Errors
    /// When the provider gives none.
    pub fn generate() -> Result<Self, IdentityError> {
        Ok(Self(
            KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?.serialize_pem(),
        ))
    }

    /// A certificate signing request (PEM) with this key. It states no names: the server writes them.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn request(&self) -> Result<String, IdentityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        Ok(params
            .serialize_request(&KeyPair::from_pem(&self.0)?)?
            .pem()?)
    }

    /// SHA-256 of the public key (SubjectPublicKeyInfo), as hex: what people compare.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn fingerprint(&self) -> Result<String, IdentityError> {
        let key = KeyPair::from_pem(&self.0)?;
        Ok(Digest::of(&key.subject_public_key_info()).to_string())
    }
}

/// A certificate chain and until when it is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// PEM, the host's own first.
    pub chain: String,
    /// When it ends.
    pub expires: Timestamp,
    /// When it should be renewed.
    pub renew_after: Timestamp,
}

/// Who this host is to its server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    schema: String,
    /// Where the server is.
    pub server: ServerUrl,
    /// The only authority that is trusted (PEM).
    pub authority: String,
    /// Who this host is.
    pub host: HostId,
    /// Its key.
    pub key: Key,
    /// Its certificate.
    pub certificate: Certificate,
    /// The certificate before, until the new one has worked once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Certificate>,
}

impl Identity {
    /// Of an enrolment.
    #[must_use]
    pub fn new(
        server: ServerUrl,
        authority: String,
        host: HostId,
        key: Key,
        certificate: Certificate,
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            server,
            authority,
            host,
            key,
            certificate,
            former: None,
        }
    }

    /// With a new certificate; the one so far is kept beside it.
    #[must_use]
    pub fn renewed(&self, certificate: Certificate) -> Self {
        Self {
            former: Some(self.certificate.clone()),
            certificate,
            ..self.clone()
        }
    }

    /// After the certificate has worked: the former one is not needed any more.
    #[must_use]
    pub fn proved(&self) -> Self {
        Self {
            former: None,
            ..self.clone()
        }
    }

    /// After the certificate was not accepted: back to the former one, if there is one that is still good.
    #[must_use]
    pub fn fallen_back(&self, now: Timestamp) -> Option<Self> {
        let former = self.former.clone().filter(|one| one.expires > now)?;
        Some(Self {
            certificate: former,
            former: None,
            ..self.clone()
        })
    }

    /// For connections to the server.
    ///
    /// # Errors
    /// When its parts do not fit together.
    pub fn config(&self) -> Result<ClientConfig, TlsError> {
        tls::mutual(&self.authority, &self.certificate.chain, &self.key.0)
    }
}

/// The state directory, as far as identity goes.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// A state directory, made for its owner alone if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(path: &Path) -> Result<Self, IdentityError> {
        durable::make_folder(path).map_err(|source| IdentityError::File {
            doing: "make the folder",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::at(path))
    }

    /// A state directory that is only read.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the identity is.
    #[must_use]
    pub fn identity_path(&self) -> PathBuf {
        self.path.join("identity.json")
    }

    /// The identity.
    ///
    /// # Errors
    /// When the host is not enrolled, or what is there cannot be used.
    pub fn identity(&self) -> Result<Identity, IdentityError> {
        let path = self.identity_path();
        let Some(bytes) = self.read(&path)? else {
            return Err(IdentityError::NotEnrolled { path });
        };
        let identity: Identity =
            serde_json::from_slice(&bytes).map_err(|error| IdentityError::Damaged {
                path: path.clone(),
                why: error.to_string(),
            })?;
        if identity.schema != SCHEMA {
            return Err(IdentityError::Damaged {
                why: format!("its schema is `{}` and not `{SCHEMA}`", identity.schema),
                path,
            });
        }
        Ok(identity)
    }

    /// Stores the identity.
    ///
    /// # Errors
    /// When it cannot be written; then the one before is still there.
    pub fn store(&self, identity: &Identity) -> Result<(), IdentityError> {
        let path = self.identity_path();
        let bytes =
            serde_json::to_vec_pretty(identity).map_err(|error| IdentityError::Damaged {
                path: path.clone(),
                why: error.to_string(),
            })?;
        self.write(&path, &bytes)
    }

    /// The host id: the one that is here, else the host's, else a new one; it is stored before it is answered.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn host(&self, of_journal: Option<HostId>) -> Result<HostId, IdentityError> {
        let path = self.path.join("host-id");
        if let Some(bytes) = self.read(&path)? {
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            return HostId::try_from(text).map_err(|error| IdentityError::Damaged {
                path,
                why: error.to_string(),
            });
        }
        let host = match of_journal {
            Some(host) => host,
            None => HostId::from_random(random()?),
        };
        self.set_host(&host)?;
        Ok(host)
    }

    /// Takes on a host id.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_host(&self, host: &HostId) -> Result<(), IdentityError> {
        self.write(
            &self.path.join("host-id"),
            format!("{}\n", host.as_str()).as_bytes(),
        )
    }

    /// The key of an enrolment: the one of an attempt without an answer, else a new one, stored before it is answered.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn enrolling(&self) -> Result<Key, IdentityError> {
        let path = self.path.join("enrolling.pem");
        if let Some(bytes) = self.read(&path)? {
            let key = Key(String::from_utf8_lossy(&bytes).into_owned());
            if key.fingerprint().is_ok() {
                return Ok(key);
            }
        }
        let key = Key::generate()?;
        self.write(&path, key.0.as_bytes())?;
        Ok(key)
    }

    /// The enrolment is over: its key is in the identity.
    pub fn enrolled(&self) {
        // Where this fails, the next enrolment asks with the same key, which is no harm.
        std::fs::remove_file(self.path.join("enrolling.pem")).ok();
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, IdentityError> {
        durable::read(path, FILE_BYTES_MAX).map_err(|source| IdentityError::File {
            doing: "read",
            path: path.to_owned(),
            source,
        })
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), IdentityError> {
        durable::write(path, bytes).map_err(|source| IdentityError::File {
            doing: "write",
            path: path.to_owned(),
            source,
        })
    }
}

/// Random bytes of the kernel.
///
/// # Errors
/// When it gives none.
pub fn random<const N: usize>() -> Result<[u8; N], IdentityError> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| IdentityError::Random(error.into()))?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(expires: &str) -> Certificate {
        Certificate {
            chain: "chain".into(),
            expires: expires.parse().unwrap(),
            renew_after: expires.parse().unwrap(),
        }
    }

    fn identity() -> Identity {
        Identity::new(
            ServerUrl::try_from("https://overlock.example.org".to_owned()).unwrap(),
            "authority".into(),
            HostId::from_random([1; 16]),
            Key::generate().unwrap(),
            certificate("2026-01-08T00:00:00Z"),
        )
    }

    #[test]
    fn an_identity_comes_back_and_hides_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::open(&folder.path().join("agent")).unwrap();
        assert!(matches!(
            folder.identity(),
            Err(IdentityError::NotEnrolled { .. })
        ));
        folder.store(&identity()).unwrap();
        let back = folder.identity().unwrap();
        assert_eq!(back.certificate, identity().certificate);
        assert!(!format!("{back:?}").contains("PRIVATE"));
        std::fs::write(folder.identity_path(), "{}").unwrap();
        let error = folder.identity().unwrap_err();
        assert!(error.hint().unwrap().starts_with("enrol again"), "{error}");
    }

    #[test]
    fn the_former_certificate_stays_until_the_new_one_has_worked() {
        let now = "2026-01-07T00:00:00Z".parse().unwrap();
        let renewed = identity().renewed(certificate("2026-01-15T00:00:00Z"));
        let back = renewed.fallen_back(now).unwrap();
        assert_eq!(back.certificate, certificate("2026-01-08T00:00:00Z"));
        assert_eq!(back.former, None);
        assert_eq!(
            renewed.fallen_back("2026-01-09T00:00:00Z".parse().unwrap()),
            None
        );
        assert_eq!(renewed.proved().fallen_back(now), None);
    }

    #[test]
    fn a_host_id_is_made_once_and_the_journals_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let one = Folder::open(&folder.path().join("one")).unwrap();
        let host = one.host(None).unwrap();
        assert_eq!(one.host(Some(HostId::from_random([9; 16]))).unwrap(), host);
        let other = Folder::open(&folder.path().join("other")).unwrap();
        let journal = HostId::from_random([7; 16]);
        assert_eq!(other.host(Some(journal.clone())).unwrap(), journal);
    }

    #[test]
    fn a_lost_answer_is_asked_for_again_with_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::open(&folder.path().join("agent")).unwrap();
        let key = folder.enrolling().unwrap();
        assert_eq!(folder.enrolling().unwrap(), key);
        assert!(key.request().unwrap().contains("CERTIFICATE REQUEST"));
        assert_eq!(key.fingerprint().unwrap().len(), 64);
        folder.enrolled();
        assert_ne!(folder.enrolling().unwrap(), key);
    }
}
