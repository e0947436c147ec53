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

mod folder;
mod key;
#[cfg(test)]
mod tests;

pub use folder::Folder;
pub use key::Key;

use crate::server_url::ServerUrl;
use crate::tls::{self, TlsError};
use jiff::Timestamp;
use overlock_model::plan::HostId;
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;

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
