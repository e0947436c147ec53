//! What the identity provider says of itself: its addresses and keys (OpenID Connect Discovery 1.0), asked for when first
//! needed and kept for an hour.
//!
//! A provider that is away must not take down a server that runs: what was learnt last is used for up to a day, and while
//! it does not answer it is asked once in ten seconds, however many people wait to log in. A token with a key that is not
//! known asks for the keys anew, since providers change them; at most once a minute, since anybody can make up a key's name.

use super::LoginLimits;
use super::transport::Transport;
use jiff::{SignedDuration, Timestamp};
use openidconnect::IssuerUrl;
use openidconnect::core::CoreProviderMetadata;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Nothing is known of the provider, and it does not tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the identity provider `{issuer}` cannot be asked about itself: {cause}")]
pub struct DiscoveryError {
    issuer: String,
    cause: String,
}

/// How new the answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// As kept.
    Kept,
    /// Newer than what was used: a key was not in it.
    NewerThan(Timestamp),
}

/// What is known, and since when.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub metadata: Arc<CoreProviderMetadata>,
    pub since: Timestamp,
}

/// The provider's word about itself.
#[derive(Debug)]
pub(super) struct Provider {
    issuer: IssuerUrl,
    transport: Transport,
    limits: LoginLimits,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    known: Option<Known>,
    failed: Option<(Timestamp, DiscoveryError)>,
}

impl Provider {
    pub(super) fn new(issuer: IssuerUrl, transport: Transport, limits: LoginLimits) -> Self {
        Self {
            issuer,
            transport,
            limits,
            memory: Mutex::default(),
        }
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// What is known, asked anew where that is due. Held by one at a time: others wait for its answer.
    pub(super) async fn known(
        &self,
        wanted: Wanted,
        now: Timestamp,
    ) -> Result<Known, DiscoveryError> {
        let mut memory = self.memory.lock().await;
        let due = match (&memory.known, wanted) {
            (None, _) => true,
            (Some(known), Wanted::Kept) => age(known.since, now) >= self.limits.provider_kept,
            (Some(known), Wanted::NewerThan(used)) => {
                known.since <= used && age(known.since, now) >= self.limits.provider_keys_rest
            }
        };
        let rests = memory
            .failed
            .as_ref()
            .filter(|(at, _)| age(*at, now) < self.limits.provider_rest)
            .map(|(_, error)| error.clone());
        let error = match (due, rests) {
            (false, _) => None,
            (true, Some(error)) => Some(error),
            (true, None) => match self.ask().await {
                Ok(metadata) => {
                    memory.known = Some(Known {
                        metadata: Arc::new(metadata),
                        since: now,
                    });
                    memory.failed = None;
                    None
                }
                Err(error) => {
                    tracing::warn!(%error, "login");
                    memory.failed = Some((now, error.clone()));
                    Some(error)
                }
            },
        };
        match (&memory.known, error) {
            (Some(known), None) => Ok(known.clone()),
            (Some(known), Some(_)) if age(known.since, now) < self.limits.provider_worn => {
                Ok(known.clone())
            }
            (_, Some(error)) => Err(error),
            (None, None) => Err(self.error("nothing was asked")),
        }
    }

    async fn ask(&self) -> Result<CoreProviderMetadata, DiscoveryError> {
        CoreProviderMetadata::discover_async(self.issuer.clone(), &self.transport)
            .await
            .map_err(|error| self.error(&chain(&error)))
            .and_then(|metadata| {
                let endpoints = [
                    Some(metadata.authorization_endpoint().url()),
                    metadata.token_endpoint().map(|token| token.url()),
                ];
                let are_https = |url: &Option<&openidconnect::url::Url>| {
                    url.is_some_and(|url| url.scheme() == "https")
                };
                if endpoints.iter().all(are_https) {
                    Ok(metadata)
                } else {
                    Err(self.error("an address of it is missing or not https"))
                }
            })
    }

    fn error(&self, cause: &str) -> DiscoveryError {
        DiscoveryError {
            issuer: self.issuer.as_str().to_owned(),
            cause: cause.to_owned(),
        }
    }
}

/// How long ago; a clock that was set back makes everything old, never new for ever.
fn age(then: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(then).abs()
}

/// An error with its causes in one line, cut where a provider made it long.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.chars()
        .map(|sign| if sign.is_control() { ' ' } else { sign })
        .take(400)
        .collect()
}
