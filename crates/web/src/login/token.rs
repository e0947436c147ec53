//! The first way in: the one-time token that `overlock setup` prints is exchanged for a lasting one.
//!
//! No route makes a first administrator; this one only takes what a person with a shell on the server has made. A one-time
//! token is used up by the first who brings it. If the server dies between that and the new token, there is none, and
//! `overlock setup` makes another.

use super::Login;
use crate::authority::{hex, random};
use crate::problem::{Code, Problem};
use jiff::Timestamp;
use overlock_model::plan::Digest;
use overlock_store::{Actor, ApiToken, By};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Longest token that is looked at, in bytes.
const TOKEN_BYTES: usize = 256;
/// Longest name, in characters.
const NAME_CHARS: usize = 200;

/// A one-time token, to be exchanged.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The one-time token.
    token: String,
    /// What the lasting token shall be called: the machine or person that keeps it.
    name: String,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exchange({})", self.name)
    }
}

/// A lasting token. It is told here and never again.
#[derive(Serialize, JsonSchema)]
pub struct Exchanged {
    /// `overlock.token/1`.
    schema: &'static str,
    /// Its public name.
    id: String,
    /// What it is called.
    name: String,
    /// The token itself.
    token: String,
    /// When it ends.
    expires: Timestamp,
}

impl std::fmt::Debug for Exchanged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exchanged({})", self.id)
    }
}

impl Login {
    /// Exchanges a one-time token. One that is unknown, used, withdrawn, over or not of this kind gets the same answer.
    pub(super) async fn exchange(
        &self,
        wish: Exchange,
        address: IpAddr,
    ) -> Result<Exchanged, Problem> {
        let now = self.clock.now();
        let name = wish.name.trim().to_owned();
        if name.is_empty()
            || name.chars().count() > NAME_CHARS
            || name.chars().any(char::is_control)
        {
            return Err(Problem::invalid(format!(
                "`name` must have 1 to {NAME_CHARS} characters, and none for control"
            )));
        }
        self.may_try(address, now)?;
        let secret = Digest::of(wish.token.as_bytes());
        let found = match wish.token.len() {
            1..=TOKEN_BYTES => self.store.api_token(secret, now).await?,
            _ => None,
        };
        let Some(found) = found.filter(|found| found.token.once) else {
            self.attempts.failed(address, now);
            return Err(Problem::new(
                Code::Unauthenticated,
                "the one-time token is not known, was used, or has expired",
            ));
        };
        let bytes = random::<32>().map_err(Problem::internal)?;
        let token = format!("ovl_{}", hex(&bytes));
        let id = hex(&random::<8>().map_err(Problem::internal)?);
        let expires = now + self.limits.token_life;
        let lasting = ApiToken {
            id: id.clone(),
            name: name.clone(),
            grants: found.token.grants,
            once: false,
            expires: Some(expires),
        };
        let by = By {
            actor: Actor::Token(found.token.id),
            at: now,
        };
        self.store
            .add_api_token(&lasting, Digest::of(token.as_bytes()), &by)
            .await?;
        Ok(Exchanged {
            schema: "overlock.token/1",
            id,
            name,
            token,
            expires,
        })
    }
}
