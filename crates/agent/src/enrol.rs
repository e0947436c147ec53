//! Enrolment: from a token to an identity.

use crate::connection::{ANSWER, CallError, Connection, path};
use crate::identity::{Certificate, Folder, Identity, IdentityError, Key};
use crate::server_url::ServerUrl;
use crate::tls::{self, TlsError};
use overlock_model::plan::HostId;
use overlock_protocol::enrol::EnrolToken;
use overlock_protocol::{Enrol, Enrolled, Message};
use overlock_rootfs::Root;
use std::path::Path;

/// Why a host was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// No answer, or a refusal.
    #[error("`{server}` did not take this host in")]
    Call {
        /// Where.
        server: String,
        /// Cause.
        #[source]
        source: CallError,
    },
    /// The answer names another authority than the token.
    #[error("the server hands out an authority that is not the one in the token")]
    Authority,
    /// What was answered cannot be used.
    #[error("the server's answer makes no identity")]
    Answer(#[source] TlsError),
    /// The identity cannot be stored.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// What is told of this host.
#[derive(Debug, Clone)]
pub struct About {
    /// Its name.
    pub name: String,
    /// `/etc/machine-id`, or empty.
    pub machine_id: String,
}

impl About {
    /// What the host in this root says of itself; `name` overrules its own.
    #[must_use]
    pub fn of(root: &Path, name: Option<String>) -> Self {
        // A root that cannot be opened says nothing of itself: it enrols without, and the first look tells why.
        let root = Root::open(root).ok();
        let asked = |ask: fn(&Root) -> Option<String>| root.as_ref().and_then(ask);
        Self {
            name: name
                .or_else(|| asked(overlock_inventory::hostname))
                .unwrap_or_default(),
            machine_id: asked(overlock_inventory::machine_id).unwrap_or_default(),
        }
    }
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Who this host is now.
    pub host: HostId,
    /// Whether the token gave it another id than it had.
    pub adopted: bool,
    /// SHA-256 of its public key: what the server must show as well.
    pub fingerprint: String,
    /// Whether a person must confirm the key before reports are taken.
    pub needs_confirmation: bool,
}

/// The key that this host enrols with; its fingerprint may be shown before anything is sent.
///
/// # Errors
/// When it cannot be made or stored.
pub fn key(folder: &Folder) -> Result<Key, IdentityError> {
    folder.enrolling()
}

/// Enrols: trusts whoever holds the key that the token names, and from then on the authority that it hands out.
///
/// # Errors
/// When the server is not the token's, refuses, or the identity cannot be stored.
pub async fn enrol(
    folder: &Folder,
    server: ServerUrl,
    token: &EnrolToken,
    host: HostId,
    about: About,
) -> Result<Taken, EnrolError> {
    let key = key(folder)?;
    let message = Enrol {
        schema: Enrol::schema(),
        secret: token.secret().to_owned(),
        host: host.clone(),
        name: about.name,
        machine_id: about.machine_id,
        agent: crate::VERSION.to_owned(),
        request: key.request()?,
    };
    let config = tls::pinned(token.authority()).map_err(EnrolError::Answer)?;
    let mut connection = Connection::new(server.clone(), config);
    let answer: Enrolled =
        connection
            .ask(path::ENROL, message, ANSWER)
            .await
            .map_err(|source| EnrolError::Call {
                server: server.to_string(),
                source,
            })?;
    if !tls::holds_key(&answer.authority, token.authority()) {
        return Err(EnrolError::Authority);
    }
    let identity = Identity::new(
        server,
        answer.authority,
        answer.host.clone(),
        key.clone(),
        Certificate {
            chain: answer.certificate,
            expires: answer.expires,
            renew_after: answer.renew_after,
        },
    );
    // Before it replaces an identity that may work.
    identity.config().map_err(EnrolError::Answer)?;
    folder.set_host(&answer.host)?;
    folder.store(&identity)?;
    folder.enrolled();
    Ok(Taken {
        adopted: answer.host != host,
        host: answer.host,
        fingerprint: key.fingerprint()?,
        needs_confirmation: answer.needs_confirmation,
    })
}
