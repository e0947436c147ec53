//! Groups of hosts: a name for a condition, by which hosts are selected and access is given.
//!
//! Whoever says which hosts a group holds says where the roles given over it reach. So a group over which somebody has a
//! role is changed only by one who could give that role over every host.

pub(crate) mod model;

use super::answer::{nothing, read};
use super::page::{ListQuery, QUERY};
use super::visible::count_of;
use super::{Serves, owned};
use crate::access::{Caller, Needs, NeedsEverywhere, Permission, Reach, is_group_name};
use crate::problem::{Code, Problem};
use crate::routes::{Call, Route, Routes};
use axum::response::Response;
use model::{GroupDocument, GroupGiven, GroupLine, GroupList};
use overlock_store::{Grant, HostGroup, Scope};

pub(crate) fn add<S: Serves>(routes: Routes<S>) -> Routes<S> {
    routes
        .add(
            Route::get("/api/v1/groups")
                .about("Groups of hosts: those that the caller has a role over, or all.")
                .query(QUERY)
                .gives::<GroupList>(),
            Needs(Permission::Read),
            list,
        )
        .add(
            Route::put("/api/v1/groups/{group}")
                .about("Makes a group, or says anew which hosts it holds.")
                .takes::<GroupGiven>()
                .gives::<GroupDocument>(),
            NeedsEverywhere(Permission::Author),
            put,
        )
        .add(
            Route::delete("/api/v1/groups/{group}")
                .about("Removes a group, and the roles that were given over it."),
            NeedsEverywhere(Permission::Author),
            remove,
        )
}

async fn list<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked = call.query::<ListQuery>()?;
    let api = call.shared.api()?;
    let mut groups = api.store.host_groups().await?;
    if let Reach::Groups(own) = call.proof.reach() {
        groups.retain(|group| own.contains(&group.name));
    }
    let page = asked.page(
        "groups",
        groups,
        |group| group.name.clone(),
        api.limits.page,
    )?;
    let items = page
        .items
        .into_iter()
        .map(|group| {
            // A condition that an older server took and this one does not holds no host.
            let hosts = count_of(&api, &group).unwrap_or(0);
            GroupLine::new(group, hosts)
        })
        .collect();
    read(&call, &GroupList::new(items, page.next))
}

async fn put<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<super::NoQuery>()?;
    let api = call.shared.api()?;
    let name: String = call.param("group")?;
    if !is_group_name(&name) {
        return Err(Problem::invalid(
            "`group`: a name is 1 to 64 letters, digits, `-`, `_` and `.`",
        ));
    }
    let given: GroupGiven = call.json()?;
    let group = HostGroup {
        name,
        selection: given.selection,
        owner: owned(
            "owner",
            given.owner.unwrap_or_else(|| call.proof.name().to_owned()),
        )?,
    };
    let hosts = count_of(&api, &group)?;
    may_move(&call, &group.name).await?;
    api.store
        .set_host_group(&group, &call.proof.by(api.clock.now()))
        .await?;
    super::answer::done(&GroupDocument::new(group, hosts))
}

async fn remove<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<super::NoQuery>()?;
    let api = call.shared.api()?;
    let name: String = call.param("group")?;
    may_move(&call, &name).await?;
    let removed = api
        .store
        .delete_host_group(&name, &call.proof.by(api.clock.now()))
        .await?;
    if removed {
        Ok(nothing())
    } else {
        Err(Problem::not_found())
    }
}

/// Refuses who could not give every role that stands over the group to itself, over every host.
async fn may_move<S: Serves>(call: &Call<S, Caller>, group: &str) -> Result<(), Problem> {
    let api = call.shared.api()?;
    let given = api.store.grants().await?;
    let tokens = api.store.api_tokens().await?;
    let refused = given
        .iter()
        .map(|given| &given.grant)
        .chain(
            tokens
                .iter()
                .filter(|known| known.revoked.is_none())
                .flat_map(|known| &known.token.grants),
        )
        .filter(|grant| matches!(&grant.scope, Scope::Group(over) if over == group))
        .find(|grant| {
            !call.proof.may_give(&Grant {
                role: grant.role,
                scope: Scope::All,
            })
        });
    match refused {
        None => Ok(()),
        Some(grant) => Err(Problem::new(
            Code::Forbidden,
            format!(
                "the role `{}` is given over `{group}`: only who may give it everywhere may say which hosts that is",
                grant.role.as_str()
            ),
        )),
    }
}
