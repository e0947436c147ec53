//! The loop around [`Reporter`]: clocks, files, the connection. It decides nothing.

mod answering;
mod sending;
mod session;
mod told;

pub use told::Told;

use crate::config::ConfigurationError;
use crate::identity::IdentityError;
use crate::look::Eyes;
use crate::reporter::Pace;
use crate::tls::TlsError;
use session::Session;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

/// What an agent runs with.
#[derive(Clone)]
pub struct Settings {
    /// State directory.
    pub state: PathBuf,
    /// Configuration file.
    pub configuration: PathBuf,
    /// Who looks at the host.
    pub eyes: Eyes,
    /// Root that is looked at, for the files that are watched.
    pub root: PathBuf,
    /// Socket of the root helper.
    pub helper: PathBuf,
    /// How often.
    pub pace: Pace,
    /// Where to tell what happens.
    pub tell: Arc<dyn Fn(&Told) + Send + Sync>,
}

/// Why the agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Without identity there is nobody to talk to.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A broken configuration is not guessed.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The identity makes no TLS.
    #[error("the identity cannot be used")]
    Tls(#[from] TlsError),
    /// The state directory cannot be written.
    #[error("cannot use the state directory `{}`", path.display())]
    State {
        /// Where.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
}

/// Runs until `shutdown`; what fails on the way is tried again.
///
/// # Errors
/// When the host is not enrolled, or identity, configuration or state directory cannot be used.
pub async fn run(settings: &Settings, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
    let mut shutdown = pin!(shutdown);
    loop {
        let mut session = Session::new(settings)?;
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            () = session.run() => (settings.tell)(&Told::Reloaded),
        }
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    overlock_model::one_line::in_one_line(error)
}
