//! People: login at an identity provider, their sessions, and what their grants let them do.
//!
//! Called by the server through [`add`] and, for each request, through [`Login::caller`]. Who somebody is comes from
//! the provider, at login; what they may do comes from the store, at each request, so that a grant that is taken is gone at
//! once. Programs use tokens, which are not handled here but for one thing: the first administrator's one-time token is
//! exchanged for a lasting one in [`token`].
//!
//! ```text
//!  GET login ─► oidc::begin ─► provider ─► GET callback ─► oidc::finish ─► Identity ─► session, under a new id
//!                                                                                         │
//!  any request ─► cookie ─► session: still within its life? CSRF? ─► Identity ─► grants ─► Identified
//! ```

mod csrf;
mod grants;
mod identity;
mod oidc;
mod provider;
mod routes;
mod sessions;
mod settings;
mod token;
mod transport;

pub use identity::{Identity, IdentityError};
pub use oidc::{Oidc, OidcError, OidcSettingsError};
pub use provider::DiscoveryError;
pub use routes::{HasLogin, add};
pub use settings::{AddressError, OidcSettings, PublicAddress, Trust};
pub use token::{Exchange, Exchanged};
pub use transport::TrustError;

use crate::attempts::Attempts;
use crate::clock::Clock;
use axum::Router;
use jiff::SignedDuration;
use overlock_store::Store;
use sessions::Sessions;
use std::time::Duration;

/// How people come in. Without a provider only tokens are of use.
#[derive(Debug)]
pub struct Login {
    store: Store,
    clock: Clock,
    provider: Option<(Oidc, PublicAddress)>,
    sessions: Sessions,
    attempts: Attempts,
    limits: LoginLimits,
}

impl Login {
    /// Without an identity provider.
    #[must_use]
    pub fn by_tokens(store: Store, clock: Clock, limits: LoginLimits) -> Self {
        Self {
            sessions: Sessions::new(store.clone(), clock.clone(), limits),
            attempts: Attempts::new(limits.attempts),
            store,
            clock,
            provider: None,
            limits,
        }
    }

    /// With an identity provider, which is asked for the first time when somebody logs in. `address` is where people reach
    /// this server: `https://HOST[:PORT]`.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn by_provider(
        settings: OidcSettings,
        address: PublicAddress,
        store: Store,
        clock: Clock,
        limits: LoginLimits,
    ) -> Result<Self, OidcSettingsError> {
        let oidc = Oidc::new(settings, &address, limits)?;
        Ok(Self {
            provider: Some((oidc, address)),
            ..Self::by_tokens(store, clock, limits)
        })
    }

    /// Puts a session beside every request to this router, which must hold the routes of [`add`] and all that people use.
    /// Requests without the cookie pay nothing for it but a look at the cookies.
    pub fn around(&self, router: Router) -> Router {
        router.layer(self.sessions.layer())
    }
}

/// Bounds of logins and sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginLimits {
    /// Time to connect to the provider.
    pub provider_connect: Duration,
    /// Time for an answer of the provider.
    pub provider_answer: Duration,
    /// Bytes of an answer of the provider.
    pub provider_answer_bytes: usize,
    /// How long what the provider says of itself is used before it is asked again.
    pub provider_kept: SignedDuration,
    /// How long it is used where the provider does not answer any more.
    pub provider_worn: SignedDuration,
    /// Rest after the provider did not answer.
    pub provider_rest: SignedDuration,
    /// Rest between two looks for a key that is not known.
    pub provider_keys_rest: SignedDuration,
    /// How much an ID token may be too old or too new, for clocks differ.
    pub leeway: SignedDuration,
    /// Time for a person to log in at the provider.
    pub pending_life: SignedDuration,
    /// Logins begun at once in one browser; the oldest gives way.
    pub pending: usize,
    /// How long a session lives, whatever is done with it.
    pub session_life: SignedDuration,
    /// How long a session lives when nothing is done with it.
    pub session_idle: SignedDuration,
    /// How exactly that is kept: a session that is used is written at most this often.
    pub session_touch: SignedDuration,
    /// Logins begun or failed, and one-time tokens refused, from one address within a minute.
    pub attempts: u32,
    /// How long the token lives that a one-time token is exchanged for.
    pub token_life: SignedDuration,
}

impl Default for LoginLimits {
    fn default() -> Self {
        Self {
            provider_connect: Duration::from_secs(5),
            provider_answer: Duration::from_secs(10),
            provider_answer_bytes: 256 << 10,
            provider_kept: SignedDuration::from_hours(1),
            provider_worn: SignedDuration::from_hours(24),
            provider_rest: SignedDuration::from_secs(10),
            provider_keys_rest: SignedDuration::from_mins(1),
            leeway: SignedDuration::from_mins(1),
            pending_life: SignedDuration::from_mins(10),
            pending: 5,
            session_life: SignedDuration::from_hours(12),
            session_idle: SignedDuration::from_hours(1),
            session_touch: SignedDuration::from_mins(5),
            attempts: 30,
            token_life: SignedDuration::from_hours(24 * 90),
        }
    }
}

#[cfg(test)]
mod tests;
