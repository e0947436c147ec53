//! The files of an identity in the state directory: read bounded, written whole, for their owner alone.

use super::{Identity, IdentityError, Key, SCHEMA, random};
use crate::durable;
use overlock_model::plan::HostId;
use std::path::{Path, PathBuf};

/// Larger than any identity: three chains and a key.
const FILE_BYTES_MAX: u64 = 256 << 10;

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
