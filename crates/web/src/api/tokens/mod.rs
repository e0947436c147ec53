//! API tokens: secrets by which programs are known. The store keeps their digests only.

mod bearer;
pub(crate) mod model;

pub use bearer::bearer;

use super::answer::{Made, nothing, read};
use super::grants::{group_is_there, may_give};
use super::once::{new_id, once};
use super::page::ListQuery;
use super::{Serves, owned};
use crate::access::{Caller, Needs, Permission};
use crate::authority::{hex, random};
use crate::problem::Problem;
use crate::routes::{Call, Route, Routes};
use axum::response::Response;
use jiff::SignedDuration;
use model::{TokenGiven, TokenLine, TokenList, TokenMade};
use overlock_model::plan::Digest;
use overlock_store::ApiToken;

/// What every secret begins with, so that it is found where it should not be.
const PREFIX: &str = "ovlk_";
/// What secrets that are taken begin with: the second kind is what a one-time token is exchanged for.
const PREFIXES: [&str; 2] = [PREFIX, "ovl_"];
const VALID: u32 = 90 * 24 * 3600;
const VALID_MOST: u32 = 5 * 366 * 24 * 3600;
const GRANTS: usize = 32;

pub(crate) fn add<S: Serves>(routes: Routes<S>) -> Routes<S> {
    routes
        .add(
            Route::get("/api/v1/tokens")
                .about("API tokens: those that the caller could give.")
                .query(super::page::QUERY)
                .gives::<TokenList>(),
            Needs(Permission::Administer),
            list,
        )
        .add(
            Route::post("/api/v1/tokens")
                .about("Makes an API token; its secret is shown in this answer only.")
                .takes::<TokenGiven>()
                .gives::<TokenMade>(),
            Needs(Permission::Administer),
            make,
        )
        .add(
            Route::delete("/api/v1/tokens/{token}").about("Withdraws an API token."),
            Needs(Permission::Administer),
            withdraw,
        )
}

async fn list<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked = call.query::<ListQuery>()?;
    let api = call.shared.api()?;
    let items: Vec<TokenLine> = api
        .store
        .api_tokens()
        .await?
        .into_iter()
        .map(TokenLine::from)
        .filter(|token| is_own(&call.proof, token))
        .collect();
    let page = asked.page("tokens", items, |token| token.id.clone(), api.limits.page)?;
    read(
        &call,
        &TokenList {
            schema: "overlock.api-token-list/1",
            items: page.items,
            next: page.next,
        },
    )
}

/// Whether the caller could have given the token.
fn is_own(caller: &Caller, token: &TokenLine) -> bool {
    token.roles.iter().all(|grant| caller.may_give(&grant.0))
}

async fn make<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<super::NoQuery>()?;
    let api = call.shared.api()?;
    let given: TokenGiven = call.json()?;
    let name = owned("name", given.name)?;
    let valid = given.valid_seconds.unwrap_or(VALID);
    if !(1..=VALID_MOST).contains(&valid) {
        return Err(Problem::invalid(format!(
            "`valid_seconds` is 1 to {VALID_MOST}"
        )));
    }
    let mut roles = given.roles;
    match (given.role, given.group) {
        (Some(role), group) => roles.push(role.over(group)?),
        (None, Some(_)) => return Err(Problem::invalid("a `group` goes with a `role`")),
        (None, None) => {}
    }
    if !(1..=GRANTS).contains(&roles.len()) {
        return Err(Problem::invalid(format!("a token has 1 to {GRANTS} roles")));
    }
    for grant in &roles {
        may_give(&call.proof, &grant.0)?;
    }
    let now = api.clock.now();
    let (store, by) = (api.store.clone(), call.proof.by(now));
    once(&api.store, &call, now, "tokens", async move {
        for grant in &roles {
            group_is_there(&store, &grant.0).await?;
        }
        let expires = now + SignedDuration::from_secs(valid.into());
        let secret = format!(
            "{PREFIX}{}",
            hex(&random::<32>().map_err(Problem::internal)?)
        );
        let token = ApiToken {
            id: new_id()?,
            name: name.clone(),
            grants: roles.iter().map(|grant| grant.0.clone()).collect(),
            once: false,
            expires: Some(expires),
        };
        store
            .add_api_token(&token, Digest::of(secret.as_bytes()), &by)
            .await?;
        let made = TokenMade {
            schema: "overlock.api-token/1",
            id: token.id,
            name: token.name,
            roles: roles.clone(),
            token: secret,
            expires,
        };
        Made::new(&made, None)
    })
    .await
}

async fn withdraw<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<super::NoQuery>()?;
    let api = call.shared.api()?;
    let id: String = call.param("token")?;
    let known = api
        .store
        .api_tokens()
        .await?
        .into_iter()
        .map(TokenLine::from)
        .find(|token| token.id == id)
        .filter(|token| is_own(&call.proof, token))
        .ok_or_else(Problem::not_found)?;
    let withdrawn = api
        .store
        .revoke_api_token(&known.id, &call.proof.by(api.clock.now()))
        .await?;
    if withdrawn {
        Ok(nothing())
    } else {
        Err(Problem::not_found())
    }
}
