//! Tokens for enrolment: secrets by which new hosts come in.
//!
//! Whoever has a role over some groups only makes tokens for these groups, with facts that put hosts into no other, and for
//! hosts that are already theirs.

pub(crate) mod model;

use super::Serves;
use super::answer::{Made, nothing, read};
use super::once::{new_id, once};
use super::page::{ListQuery, QUERY};
use super::visible::Visible;
use crate::access::{Caller, Needs, Permission, Reach, is_group_name};
use crate::authority::random;
use crate::problem::{Code, Problem};
use crate::routes::{Call, Route, Routes};
use crate::shared::Shared;
use axum::response::Response;
use jiff::SignedDuration;
use model::{EnrolmentTokenGiven, EnrolmentTokenLine, EnrolmentTokenList, EnrolmentTokenMade};
use overlock_fleet::Selection;
use overlock_model::plan::Digest;
use overlock_protocol::enrol::EnrolToken;
use overlock_store::EnrolmentToken;

const VALID: u32 = 15 * 60;
const VALID_MOST: u32 = 90 * 24 * 3600;
const USES_MOST: u32 = 100_000;

pub(crate) fn add<S: Serves>(routes: Routes<S>) -> Routes<S> {
    routes
        .add(
            Route::get("/api/v1/enrolment-tokens")
                .about("Tokens for enrolment: those of the caller's groups.")
                .query(QUERY)
                .gives::<EnrolmentTokenList>(),
            Needs(Permission::Enrol),
            list,
        )
        .add(
            Route::post("/api/v1/enrolment-tokens")
                .about("Makes a token by which new hosts enrol; its secret is shown in this answer only.")
                .takes::<EnrolmentTokenGiven>()
                .gives::<EnrolmentTokenMade>(),
            Needs(Permission::Enrol),
            make,
        )
        .add(
            Route::delete("/api/v1/enrolment-tokens/{token}")
                .about("Withdraws a token for enrolment."),
            Needs(Permission::Enrol),
            withdraw,
        )
}

/// Whether a token for this group is the caller's to see and to make.
fn is_own(caller: &Caller, group: Option<&str>) -> bool {
    match (caller.reach(), group) {
        (Reach::Everything, _) => true,
        (Reach::Groups(groups), Some(group)) => groups.contains(group),
        (Reach::Groups(_), None) => false,
    }
}

/// Refuses what would put hosts among those of others: by a group's condition, or by its name.
async fn keeps_to_own(
    shared: &Shared,
    caller: &Caller,
    given: &EnrolmentTokenGiven,
) -> Result<(), Problem> {
    let Reach::Groups(own) = caller.reach() else {
        return Ok(());
    };
    for group in shared.store.host_groups().await? {
        if own.contains(&group.name) {
            continue;
        }
        // A group whose condition cannot be read holds no host.
        let draws_in = Selection::parse(&group.selection)
            .is_ok_and(|selection| selection.may_draw_in(&given.facts, given.group.as_deref()));
        if draws_in {
            return Err(Problem::new(
                Code::Forbidden,
                format!(
                    "what is said of this token's hosts may put them into the group `{}`, over which the caller has no role \
                     that enrols",
                    group.name
                ),
            ));
        }
    }
    Ok(())
}

async fn list<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked = call.query::<ListQuery>()?;
    let api = call.shared.api()?;
    let items: Vec<EnrolmentTokenLine> = api
        .store
        .enrolment_tokens()
        .await?
        .into_iter()
        .filter(|known| is_own(&call.proof, known.token.group.as_deref()))
        .map(EnrolmentTokenLine::from)
        .collect();
    let page = asked.page(
        "enrolment-tokens",
        items,
        |token| token.id.clone(),
        api.limits.page,
    )?;
    read(
        &call,
        &EnrolmentTokenList {
            schema: "overlock.enrolment-token-list/1",
            items: page.items,
            next: page.next,
        },
    )
}

async fn make<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<super::NoQuery>()?;
    let api = call.shared.api()?;
    let mut given: EnrolmentTokenGiven = call.json()?;
    given.facts.tags.append(&mut given.tags);
    let valid = given.valid_seconds.unwrap_or(VALID);
    if !(1..=VALID_MOST).contains(&valid) {
        return Err(Problem::invalid(format!(
            "`valid_seconds` is 1 to {VALID_MOST}"
        )));
    }
    if !(1..=USES_MOST).contains(&given.uses.unwrap_or(1)) {
        return Err(Problem::invalid(format!("`uses` is 1 to {USES_MOST}")));
    }
    if given.replaces.is_some() && given.uses.is_some_and(|uses| uses > 1) {
        return Err(Problem::invalid(
            "a token that `replaces` a host has one of `uses`",
        ));
    }
    if given
        .group
        .as_deref()
        .is_some_and(|group| !is_group_name(group))
    {
        return Err(Problem::invalid("`group`: no name of a group"));
    }
    super::hosts::facts::bounded(&given.facts)?;
    if !is_own(&call.proof, given.group.as_deref()) {
        return Err(Problem::new(
            Code::Forbidden,
            "the token must be for a `group` of the caller's",
        ));
    }
    keeps_to_own(&api, &call.proof, &given).await?;
    // A token for a host gives its identity: it must be the caller's host.
    let bound = match &given.replaces {
        Some(host) => Some(Visible::of(&api, &call.proof).await?.find(host)?),
        None => None,
    };
    let now = api.clock.now();
    let (store, by) = (api.store.clone(), call.proof.by(now));
    once(&store, &call, now, "enrolment-tokens", async move {
        let secret = EnrolToken::new(
            api.authority.fingerprint().bytes(),
            &random::<32>().map_err(Problem::internal)?,
        );
        let token = EnrolmentToken {
            id: new_id()?,
            uses: given.uses(),
            bound,
            group: given.group.clone(),
            facts: given.facts.clone(),
            needs_confirmation: given.needs_confirmation,
            expires: now + SignedDuration::from_secs(valid.into()),
        };
        api.store
            .add_enrolment_token(&token, Digest::of(secret.secret().as_bytes()), &by)
            .await?;
        let made = EnrolmentTokenMade {
            schema: "overlock.enrolment-token/1",
            id: token.id,
            command: api.install.line(&secret.reveal()),
            token: secret.reveal(),
            uses: given.uses.unwrap_or(1),
            expires: token.expires,
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
        .enrolment_tokens()
        .await?
        .into_iter()
        .map(|known| known.token)
        .find(|token| token.id == id)
        .filter(|token| is_own(&call.proof, token.group.as_deref()))
        .ok_or_else(Problem::not_found)?;
    let withdrawn = api
        .store
        .revoke_enrolment_token(&known.id, &call.proof.by(api.clock.now()))
        .await?;
    if withdrawn {
        Ok(nothing())
    } else {
        Err(Problem::not_found())
    }
}
