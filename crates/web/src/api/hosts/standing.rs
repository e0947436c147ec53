//! Acts on a host's standing: confirm, release, revoke, forget; and asking its agent to look now.

use super::model::{Confirm, Reason};
use crate::access::Caller;
use crate::api::answer::nothing;
use crate::api::visible::Visible;
use crate::api::{NoQuery, Serves, owned};
use crate::directory::Place;
use crate::problem::{Code, Problem};
use crate::routes::Call;
use crate::shared::Shared;
use axum::response::Response;
use overlock_model::asset::Standing;
use overlock_store::{Host, StandingChange, StandingSet};
use std::sync::Arc;

pub(super) async fn confirm<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let (api, host) = host_of(&call).await?;
    let given: Confirm = call.json()?;
    if host.standing != Standing::Unconfirmed {
        return Err(conflict(&host, "it does not wait to be confirmed"));
    }
    // People copy it from a terminal, with whatever it puts between the digits.
    let fingerprint: String = given
        .fingerprint
        .chars()
        .filter(|sign| *sign != ':' && !sign.is_whitespace())
        .collect::<String>()
        .to_ascii_lowercase();
    if host.key.map(|key| key.to_string()) != Some(fingerprint) {
        return Err(Problem::new(
            Code::Conflict,
            "the host enrolled with another key than this `fingerprint`",
        ));
    }
    let change = StandingChange {
        key: host.key,
        ..StandingChange::new(&host.standing, &Standing::Active)
    };
    become_(&api, &call.proof, &host, &change).await
}

pub(super) async fn release<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let (api, host) = host_of(&call).await?;
    let reason = owned("reason", call.json::<Reason>()?.reason)?;
    // The store may not know of it yet.
    let entry = api.directory.get(&host.id);
    let unwritten = host.standing == Standing::Active
        && entry.is_some_and(|entry| entry.place() == Place::Quarantined);
    if !unwritten && !matches!(host.standing, Standing::Quarantined { .. }) {
        return Err(conflict(&host, "it is not in quarantine"));
    }
    let change = StandingChange {
        reason: Some(&reason),
        ..StandingChange::new(&host.standing, &Standing::Active)
    };
    become_(&api, &call.proof, &host, &change).await
}

pub(super) async fn revoke<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let (api, host) = host_of(&call).await?;
    let why = owned("reason", call.json::<Reason>()?.reason)?;
    if matches!(
        host.standing,
        Standing::Revoked { .. } | Standing::Unmanaged
    ) {
        return Err(conflict(&host, "it has nothing to revoke"));
    }
    let by = call.proof.by(api.clock.now());
    let revoked = Standing::Revoked {
        since: by.at,
        why: why.clone(),
    };
    // The standing first: it alone turns the agent away, and it may be refused.
    let change = StandingChange::new(&host.standing, &revoked);
    let answer = become_(&api, &call.proof, &host, &change).await?;
    api.store.revoke_certificates(&host.id, &why, &by).await?;
    api.written.notify_one();
    Ok(answer)
}

pub(super) async fn forget<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let (api, host) = host_of(&call).await?;
    let by = call.proof.by(api.clock.now());
    if !api.store.delete_host(&host.id, &by).await? {
        return Err(Problem::not_found());
    }
    api.directory.remove(&host.id);
    api.written.notify_one();
    Ok(nothing())
}

pub(super) async fn look<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let (api, host) = host_of(&call).await?;
    if host.standing != Standing::Active {
        return Err(conflict(&host, "no agent of it is listened to"));
    }
    // By way of the log: another replica may hold the agent's poll.
    let by = call.proof.by(api.clock.now());
    if !api.store.ask_to_look(&host.id, &by).await? {
        return Err(Problem::not_found());
    }
    api.written.notify_one();
    Ok(nothing())
}

async fn host_of<S: Serves>(call: &Call<S, Caller>) -> Result<(Arc<Shared>, Host), Problem> {
    call.query::<NoQuery>()?;
    let api = call.shared.api()?;
    let visible = Visible::of(&api, &call.proof).await?;
    let id = visible.find(&call.param::<String>("host")?)?;
    let host = api.store.host(&id).await?.ok_or_else(Problem::not_found)?;
    Ok((api, host))
}

/// Changes the standing, and tells the agent's connections before the answer leaves.
async fn become_(
    shared: &Shared,
    caller: &Caller,
    host: &Host,
    change: &StandingChange<'_>,
) -> Result<Response, Problem> {
    let by = caller.by(shared.clock.now());
    match shared.store.set_standing(&host.id, change, &by).await? {
        StandingSet::Set => {}
        StandingSet::Otherwise => {
            return Err(conflict(host, "that has changed meanwhile; look again"));
        }
        StandingSet::NoHost => return Err(Problem::not_found()),
    }
    if let Some(entry) = shared.directory.get(&host.id) {
        entry.settled();
    }
    if let Some(host) = shared.store.host(&host.id).await? {
        shared.directory.put(&host);
    }
    shared.written.notify_one();
    Ok(nothing())
}

fn conflict(host: &Host, why: &str) -> Problem {
    Problem::new(
        Code::Conflict,
        format!("the host is {}: {why}", host.standing.word()),
    )
}
