//! What all handlers and tasks share.

use crate::attempts::Attempts;
use crate::authority::Authority;
use crate::clock::Clock;
use crate::directory::Directory;
use crate::install::Install;
use crate::limits::Limits;
use crate::listen::{Certificates, Stop};
use crate::problem::{Code, Problem};
use crate::truth::Truth;
use overlock_store::{Store, StoreError, Writer};
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore, watch};

/// One running server.
#[derive(Debug)]
pub struct Shared {
    /// What is remembered.
    pub store: Store,
    /// Takes in reports, many in one transaction.
    pub writer: Writer,
    /// Signs certificates.
    pub authority: Arc<Authority>,
    /// The server's own certificates.
    pub certificates: Arc<Certificates>,
    /// Hosts, as agents' messages need them.
    pub directory: Directory,
    /// Hosts, as answers need them.
    pub truth: Truth,
    /// Hosts that wait to be judged.
    pub judging: crate::judging::Queue,
    /// What the API keeps for itself.
    pub own: crate::api::Own,
    /// How people come in.
    pub login: crate::login::Login,
    /// How agents are installed.
    pub install: Install,
    /// Bounds.
    pub limits: Limits,
    /// Bounds of agents' messages.
    pub wire: overlock_protocol::Limits,
    /// The time.
    pub clock: Clock,
    /// The end.
    pub stop: Stop,
    /// Enrolments that were refused, by address.
    pub enrolments: Attempts,
    /// Places for polls that are held open.
    pub held: Arc<Semaphore>,
    /// Reports that are unpacked and checked now.
    pub reports: Arc<Semaphore>,
    /// KiB of reports that wait to be written.
    pub unwritten: Arc<Semaphore>,
    /// What each host may ask for.
    pub turns: Arc<crate::agents::Turns>,
    /// Number of the newest row of the log that this server has followed; streams of events wait for it to move.
    pub followed: watch::Sender<i64>,
    /// Something was just written to the log: it is to be followed now, not with the next second.
    pub written: Notify,
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_passing() || matches!(error, StoreError::Stopped) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the database does not do what is asked"
            );
            let problem = Self::new(Code::Unavailable, "the database cannot be used now");
            return match error.hint() {
                Some(hint) => problem.hint(hint).retry_after(10),
                None => problem.retry_after(10),
            };
        }
        if matches!(error, StoreError::Conflict { .. }) {
            return Self::new(Code::Conflict, "it is already there");
        }
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the database fails"
        );
        Self::new(Code::Internal, "the log of the server says more")
    }
}
