//! The routes of login, and how the causes of a refused login are told.
//!
//! What a token of the provider was refused for goes to the log, in full; the person is told no more than that it was.

use super::oidc::{Answer, CALLBACK, Oidc, OidcError};
use super::sessions::{self, COOKIE, Person};
use super::settings::PublicAddress;
use super::token::{Exchange, Exchanged};
use super::{Login, csrf, grants};
use crate::access::{Access, Anybody, Callers, Identified, Needed, Permission, Public, grant_text};
use crate::authority::{hex, random};
use crate::listen::Peer;
use crate::problem::{Code, Problem};
use crate::routes::{BodyLimits, Call, Query, Route, Routes};
use axum::Json;
use axum::http::header::{LOCATION, REFERRER_POLICY, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use openidconnect::url::Url;
use overlock_store::Actor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;
use tower_sessions::Session;

/// Anybody may send it: no larger than a token and a name need.
const EXCHANGE: BodyLimits = BodyLimits {
    bytes: 4 << 10,
    unpacked_bytes: 0,
};

/// What the handlers share has the login.
pub trait HasLogin: Callers {
    /// The login.
    fn login(&self) -> &Login;
}

/// Adds the routes of login.
#[must_use]
pub fn add<S: HasLogin>(routes: Routes<S>) -> Routes<S> {
    routes
        .add(
            Route::get("/api/v1/login")
                .about("Log in: leads to the identity provider, and back")
                .query(&[Query {
                    name: "next",
                    about: "where to go then: a path of this server",
                }])
                .media("text/plain"),
            Public,
            start,
        )
        .add(
            Route::get(CALLBACK)
                .about("Where the identity provider sends people back to")
                .query(&[
                    Query {
                        name: "code",
                        about: "what the provider gave",
                    },
                    Query {
                        name: "state",
                        about: "which login it belongs to",
                    },
                ])
                .media("text/plain"),
            Public,
            callback,
        )
        .add(
            Route::post("/api/v1/login/token")
                .about("Exchange a one-time token of `overlock setup` for a lasting one")
                .takes::<Exchange>()
                .gives::<Exchanged>()
                .body(EXCHANGE),
            Public,
            token,
        )
        .add(
            Route::post("/api/v1/logout").about("End the session"),
            Public,
            logout,
        )
        .add(
            Route::get("/api/v1/session")
                .about("Who I am and what I may do")
                .gives::<Session1>(),
            SignedIn,
            session,
        )
}

impl Login {
    /// The caller of a request by its session: nobody, when none came along or it has ended.
    ///
    /// # Errors
    /// When it is a change that may come from another site, or the store fails.
    pub async fn caller(&self, head: &Parts) -> Result<Option<Identified>, Problem> {
        let Some(session) = head.extensions.get::<Session>() else {
            return Ok(None);
        };
        let Some((person, address)) = self.person(session).await? else {
            return Ok(None);
        };
        csrf::check(&head.method, &head.headers, &person.csrf, address)?;
        Ok(grants::identified(&self.store, &person).await?)
    }

    /// The person of a session. A session that another provider vouched for has ended.
    async fn person(&self, session: &Session) -> Result<Option<(Person, &PublicAddress)>, Problem> {
        let Some((oidc, address)) = &self.provider else {
            return Ok(None);
        };
        let person = sessions::person(session, &self.limits, self.clock.now()).await?;
        Ok(person
            .filter(|person| person.issuer == oidc.issuer())
            .map(|person| (person, address)))
    }

    fn provider(&self) -> Result<&(Oidc, PublicAddress), Problem> {
        self.provider.as_ref().ok_or_else(|| {
            Problem::new(
                Code::NotFound,
                "no identity provider is set up; use a token",
            )
        })
    }

    pub(super) fn may_try(&self, address: IpAddr, now: Timestamp) -> Result<(), Problem> {
        self.attempts.check(address, now).map_err(|wait| {
            Problem::new(Code::TooMany, "try again later").retry_after(wait.retry_seconds)
        })
    }
}

/// For whoever has a valid token or session, whatever they may do.
#[derive(Debug, Clone, Copy)]
struct SignedIn;

impl<S: Callers> Access<S> for SignedIn {
    type Proof = Identified;
    type Error = Problem;

    fn needed(self) -> Needed {
        Needed::Public
    }

    async fn prove(
        self,
        shared: &Arc<S>,
        peer: &Peer,
        head: &Parts,
    ) -> Result<Identified, Problem> {
        shared.caller(peer, head).await
    }
}

#[derive(Deserialize)]
struct Start {
    next: Option<String>,
}

async fn start<S: HasLogin>(call: Call<S, Anybody>) -> Result<Response, Problem> {
    let login = call.shared.login();
    let (oidc, address) = login.provider()?;
    let (now, from) = (login.clock.now(), call.peer.address.ip());
    let next = address.after_login(call.query::<Start>()?.next.as_deref());
    // Each one leaves a session in the store, so that begun ones count as well as failed ones.
    login.may_try(from, now)?;
    login.attempts.failed(from, now);
    let (place, pending) = oidc.begin(next, now).await.map_err(refused)?;
    sessions::keep_pending(&session_of(&call)?, pending, &login.limits, now).await?;
    go(&place)
}

async fn callback<S: HasLogin>(call: Call<S, Anybody>) -> Result<Response, Problem> {
    let login = call.shared.login();
    let (oidc, _) = login.provider()?;
    let (now, from) = (login.clock.now(), call.peer.address.ip());
    login.may_try(from, now)?;
    let session = session_of(&call)?;
    let answer: Answer = call.query()?;
    let state = answer.state.as_deref().unwrap_or_default();
    let Some(pending) = sessions::take_pending(&login.sessions, &session, state, now).await? else {
        login.attempts.failed(from, now);
        return Err(Problem::new(
            Code::Unauthenticated,
            "this login was not begun in this browser, was ended already, or took too long; begin again",
        ));
    };
    let next = pending.next().clone();
    let identity = match oidc.finish(pending, answer, now).await {
        Ok(identity) => identity,
        Err(error) => {
            login.attempts.failed(from, now);
            return Err(refused(error));
        }
    };
    let user = grants::user_id(oidc.issuer(), &identity.subject);
    let name = identity.name.as_deref().unwrap_or_default();
    let names = (oidc.issuer(), identity.subject.as_str());
    let known = login.store.user_came(&user, names, name, now).await?;
    if known.disabled.is_some() {
        return Err(Problem::new(
            Code::Forbidden,
            "an administrator has shut this person out",
        ));
    }
    let person = Person {
        user: known.id,
        issuer: oidc.issuer().to_owned(),
        identity,
        csrf: hex(&random::<32>().map_err(Problem::internal)?),
        begun: now,
        seen: now,
    };
    sessions::enter(&session, &person).await?;
    go(&next)
}

async fn token<S: HasLogin>(call: Call<S, Anybody>) -> Result<Response, Problem> {
    let wish: Exchange = call.json()?;
    let login = call.shared.login();
    let exchanged = login.exchange(wish, call.peer.address.ip()).await?;
    Ok((StatusCode::CREATED, Json(exchanged)).into_response())
}

async fn logout<S: HasLogin>(call: Call<S, Anybody>) -> Result<Response, Problem> {
    let session = session_of(&call)?;
    if let Some((person, address)) = call.shared.login().person(&session).await? {
        csrf::check(&Method::POST, call.headers(), &person.csrf, address)?;
        sessions::leave(&session).await?;
    }
    // Browsers keep a cookie with this prefix unless the order to drop it is secure too.
    let dropped = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    let value = HeaderValue::try_from(dropped).map_err(Problem::internal)?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, value)]).into_response())
}

/// Who the caller is and what they may do.
#[derive(Serialize, JsonSchema)]
struct Session1 {
    /// `overlock.session/1`.
    schema: &'static str,
    /// Who, as it stands in the log: `user:ID` or `token:ID`.
    actor: String,
    /// Their name, for people.
    name: String,
    /// Roles, `ROLE` or `ROLE@GROUP`. Without any, an administrator has to grant one to the user or a group of theirs.
    grants: Vec<String>,
    /// What these roles may do, for some hosts at least.
    permissions: Vec<Permission>,
    /// What is only there with a session.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    person: Option<SessionPerson>,
}

#[derive(Serialize, JsonSchema)]
struct SessionPerson {
    /// The identity provider.
    issuer: String,
    /// Address of mail, as the provider says.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Groups at the provider, as of the login.
    groups: Vec<String>,
    /// What each change must bring along in `X-CSRF-Token`.
    csrf: String,
    /// When the session ends if nothing more is done with it.
    ends: Timestamp,
}

async fn session<S: HasLogin>(call: Call<S, Identified>) -> Result<Response, Problem> {
    let login = call.shared.login();
    let Identified {
        actor,
        name,
        grants,
    } = call.proof.clone();
    let person = match (&actor, call.extension::<Session>()) {
        (Actor::User(_), Some(session)) => login.person(&session).await?,
        _ => None,
    };
    let permissions = Permission::ALL
        .into_iter()
        .filter(|permission| grants.iter().any(|grant| permission.is_of(grant.role)))
        .collect();
    let body = Session1 {
        schema: "overlock.session/1",
        actor: actor.to_string(),
        name,
        grants: grants.iter().map(grant_text).collect(),
        permissions,
        person: person.map(|(person, _)| SessionPerson {
            ends: person.ends(&login.limits),
            issuer: person.issuer,
            email: person.identity.email,
            groups: person.identity.groups,
            csrf: person.csrf,
        }),
    };
    Ok(Json(body).into_response())
}

fn session_of<S, P>(call: &Call<S, P>) -> Result<Session, Problem> {
    call.extension()
        .ok_or_else(|| Problem::internal("a request came around the layer of sessions"))
}

/// Sends the browser on; the address that it comes from, with the code in it, stays here.
fn go(place: &Url) -> Result<Response, Problem> {
    let place = HeaderValue::try_from(place.as_str()).map_err(Problem::internal)?;
    let none = HeaderValue::from_static("no-referrer");
    let headers = [(LOCATION, place), (REFERRER_POLICY, none)];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

fn refused(error: OidcError) -> Problem {
    let (code, detail) = match &error {
        OidcError::Discovery(_) | OidcError::Exchange(_) | OidcError::Client(_) => (
            Code::Unavailable,
            "the identity provider gives no usable answer; the log says more",
        ),
        OidcError::Refused(_) => (
            Code::Unauthenticated,
            "the identity provider refuses the login",
        ),
        OidcError::Answer(_) | OidcError::Token(_) | OidcError::Claims(_) => (
            Code::Unauthenticated,
            "what the identity provider says cannot be believed; the log says more",
        ),
    };
    tracing::warn!(error = %super::provider::chain(&error), "a login was refused");
    Problem::new(code, detail)
}
