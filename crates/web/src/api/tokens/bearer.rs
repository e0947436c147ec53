//! Who calls, by the token in `Authorization`.

use super::PREFIXES;
use crate::access::Identified;
use crate::problem::{Code, Problem};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use jiff::Timestamp;
use overlock_model::plan::Digest;
use overlock_store::{Actor, Store};

/// The caller that a bearer token stands for; `None` when no token came along, so that a session may speak. A token that
/// is unknown, over or withdrawn is told no more than that.
///
/// # Errors
/// When the token is not good, or the store fails.
pub async fn bearer(
    store: &Store,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Option<Identified>, Problem> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let refused = || Problem::new(Code::Unauthenticated, "the token is not good");
    let secret = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, secret)| secret.trim_start())
        // Others (one-time tokens) are not to be used up by a look.
        .filter(|secret| is_secret(secret))
        .ok_or_else(refused)?;
    let found = store
        .api_token(Digest::of(secret.as_bytes()), now)
        .await?
        .ok_or_else(refused)?;
    Ok(Some(Identified {
        actor: Actor::Token(found.token.id),
        name: found.token.name,
        grants: found.token.grants,
    }))
}

fn is_secret(text: &str) -> bool {
    PREFIXES.iter().any(|prefix| {
        text.strip_prefix(prefix).is_some_and(|digits| {
            digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    })
}
