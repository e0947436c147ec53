//! What `overlock-agent status` shows.

use crate::config::Configuration;
use crate::contact::last_contact;
use crate::helper;
use crate::identity::{Folder, IdentityError};
use crate::server_url::ServerUrl;
use jiff::Timestamp;
use overlock_model::plan::HostId;
use overlock_protocol::Section;
use overlock_protocol::socket::{Answer, Question};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the helper may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(5);

/// The state of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentStatus {
    /// `overlock.agent-status/1`.
    pub schema: &'static str,
    /// Version of the program that was asked.
    pub agent: &'static str,
    /// As whom; absent before enrolment.
    pub enrolled: Option<EnrolledStatus>,
    /// When the server last answered.
    pub last_answer: Option<Timestamp>,
    /// What has failed since.
    pub failure: Option<FailureStatus>,
    /// Sections that are not sent.
    pub switched_off: BTreeSet<Section>,
    /// Version of the root helper; absent where it is not there.
    pub helper: Option<String>,
    /// Where it was asked.
    pub helper_socket: PathBuf,
}

/// Who the host is to its server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnrolledStatus {
    /// Server.
    pub server: ServerUrl,
    /// Host.
    pub host: HostId,
    /// SHA-256 of the public key.
    pub fingerprint: String,
    /// When the certificate ends.
    pub certificate_expires: Timestamp,
    /// Whether that is over, by this host's clock.
    pub certificate_expired: bool,
    /// When it is renewed.
    pub renew_after: Timestamp,
}

/// What fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureStatus {
    /// When it last did.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// Looks at state directory and helper.
///
/// # Errors
/// When the identity is there and cannot be read.
pub fn of(
    state: &Path,
    configuration: &Configuration,
    socket: &Path,
) -> Result<AgentStatus, IdentityError> {
    let enrolled = match Folder::at(state).identity() {
        Err(IdentityError::NotEnrolled { .. }) => None,
        identity => {
            let identity = identity?;
            Some(EnrolledStatus {
                fingerprint: identity.key.fingerprint()?,
                server: identity.server,
                host: identity.host,
                certificate_expires: identity.certificate.expires,
                certificate_expired: identity.certificate.expires <= Timestamp::now(),
                renew_after: identity.certificate.renew_after,
            })
        }
    };
    let contact = last_contact(state);
    let helper = match helper::ask(socket, Question::Status, PATIENCE) {
        Ok(Answer::Here { version }) => Some(version),
        _ => None,
    };
    Ok(AgentStatus {
        schema: "overlock.agent-status/1",
        agent: crate::VERSION,
        enrolled,
        last_answer: contact.as_ref().and_then(|contact| contact.answered),
        failure: contact
            .and_then(|contact| contact.failed)
            .map(|(at, why)| FailureStatus { at, why }),
        switched_off: configuration.sections.off(),
        helper,
        helper_socket: socket.to_owned(),
    })
}
