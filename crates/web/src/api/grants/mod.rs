//! Grants: who may do what, over which hosts. Nobody gives what they do not have.

pub(crate) mod model;

use super::answer::{Made, nothing, read};
use super::once::{new_id, once};
use super::page::{ListQuery, QUERY};
use super::{Serves, owned};
use crate::access::{Caller, Needs, NeedsEverywhere, Permission, grant_text};
use crate::problem::{Code, Problem};
use crate::routes::{Call, Route, Routes};
use axum::response::Response;
use model::{GrantDocument, GrantGiven, GrantLine, GrantList, UserLine, UserList};
use overlock_store::{Grant, Scope, Store, Subject};

pub(crate) fn add<S: Serves>(routes: Routes<S>) -> Routes<S> {
    routes
        .add(
            Route::get("/api/v1/grants")
                .about("Roles that people and groups of the identity provider have: those that the caller could give.")
                .query(QUERY)
                .gives::<GrantList>(),
            Needs(Permission::Administer),
            list,
        )
        .add(
            Route::post("/api/v1/grants")
                .about("Gives a role.")
                .takes::<GrantGiven>()
                .gives::<GrantDocument>(),
            Needs(Permission::Administer),
            give,
        )
        .add(
            Route::delete("/api/v1/grants/{grant}").about("Takes a role back."),
            Needs(Permission::Administer),
            take,
        )
        .add(
            Route::get("/api/v1/users")
                .about("People who have logged in.")
                .query(QUERY)
                .gives::<UserList>(),
            NeedsEverywhere(Permission::Administer),
            users,
        )
}

async fn list<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked = call.query::<ListQuery>()?;
    let api = call.shared.api()?;
    let items: Vec<GrantLine> = api
        .store
        .grants()
        .await?
        .into_iter()
        .filter(|given| call.proof.may_give(&given.grant))
        .map(GrantLine::from)
        .collect();
    let page = asked.page("grants", items, |given| given.id.clone(), api.limits.page)?;
    read(
        &call,
        &GrantList {
            schema: "overlock.grant-list/1",
            items: page.items,
            next: page.next,
        },
    )
}

async fn give<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<super::NoQuery>()?;
    let api = call.shared.api()?;
    let given: GrantGiven = call.json()?;
    let role = given.role.over(given.group)?;
    may_give(&call.proof, &role.0)?;
    let now = api.clock.now();
    let (store, by) = (api.store.clone(), call.proof.by(now));
    once(&api.store, &call, now, "grants", async move {
        let subject = subject(&store, &given.subject).await?;
        group_is_there(&store, &role.0).await?;
        let id = new_id()?;
        store.grant(&id, &subject, &role.0, &by).await?;
        let line = GrantLine {
            id: id.clone(),
            subject: match subject {
                Subject::User(id) => format!("user:{id}"),
                Subject::OidcGroup(group) => format!("oidc-group:{group}"),
            },
            role: role.clone(),
            created: by.at,
            created_by: by.actor.to_string(),
        };
        let document = GrantDocument {
            schema: "overlock.grant/1",
            grant: line,
        };
        Made::new(&document, None)
    })
    .await
}

async fn take<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<super::NoQuery>()?;
    let api = call.shared.api()?;
    let id: String = call.param("grant")?;
    let given = api
        .store
        .grants()
        .await?
        .into_iter()
        .find(|given| given.id == id)
        .filter(|given| call.proof.may_give(&given.grant))
        .ok_or_else(Problem::not_found)?;
    let taken = api
        .store
        .withdraw(&given.id, &call.proof.by(api.clock.now()))
        .await?;
    if taken {
        Ok(nothing())
    } else {
        Err(Problem::not_found())
    }
}

async fn users<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked = call.query::<ListQuery>()?;
    let api = call.shared.api()?;
    let items: Vec<UserLine> = api
        .store
        .users()
        .await?
        .into_iter()
        .map(|user| UserLine {
            id: user.id,
            issuer: user.issuer,
            subject: user.subject,
            name: user.name,
            seen: user.seen,
            disabled: user.disabled,
        })
        .collect();
    let page = asked.page("users", items, |user| user.id.clone(), api.limits.page)?;
    read(
        &call,
        &UserList {
            schema: "overlock.user-list/1",
            items: page.items,
            next: page.next,
        },
    )
}

/// Refuses to hand on more than the caller has.
pub(crate) fn may_give(caller: &Caller, grant: &Grant) -> Result<(), Problem> {
    if caller.may_give(grant) {
        return Ok(());
    }
    Err(Problem::new(
        Code::Forbidden,
        format!("`{}` is more than the caller has", grant_text(grant)),
    ))
}

/// A role over a group that is not there would hold for whoever makes one of that name.
pub(crate) async fn group_is_there(store: &Store, grant: &Grant) -> Result<(), Problem> {
    let Scope::Group(group) = &grant.scope else {
        return Ok(());
    };
    let groups = store.host_groups().await?;
    if groups.iter().any(|known| known.name == *group) {
        return Ok(());
    }
    Err(Problem::invalid(format!("there is no group `{group}`")))
}

async fn subject(store: &Store, text: &str) -> Result<Subject, Problem> {
    match text.split_once(':') {
        Some(("oidc-group", group)) => Ok(Subject::OidcGroup(owned("subject", group.to_owned())?)),
        Some(("user", who)) => {
            let users = store.users().await?;
            let mut found = users
                .into_iter()
                .filter(|user| user.id == who || user.subject == who);
            match (found.next(), found.next()) {
                (Some(user), None) => Ok(Subject::User(user.id)),
                (None, _) => Err(Problem::invalid(
                    "`subject`: nobody of that id has logged in yet",
                )),
                _ => Err(Problem::invalid(
                    "`subject`: more than one has it; give the id",
                )),
            }
        }
        _ => Err(Problem::invalid(
            "`subject` is `user:ID` or `oidc-group:NAME`",
        )),
    }
}
