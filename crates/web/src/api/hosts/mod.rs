//! Hosts: lists, one host, its history, what people say of it, and acts on its standing.

pub(crate) mod facts;
mod inventory;
mod list;
pub(crate) mod model;
mod show;
mod standing;
mod timeline;
mod unmanaged;

use super::Serves;
use super::page::QUERY;
use crate::access::{Needs, NeedsEverywhere, Permission};
use crate::routes::{Query, Route, Routes};
use inventory::HostExposures;
use model::{
    Confirm, FactsDocument, FactsOfMany, FactsSet, HostDocument, HostList, HostTimeline, Reason,
    UnmanagedGiven, UnmanagedMade,
};
use overlock_model::asset::HostFacts;
use overlock_model::explanation::ExplainReport;
use overlock_model::inventory::Inventory;

const AT: &[Query] = &[Query {
    name: "at",
    about: "As of this time; now, where nothing is said.",
}];

pub(crate) fn add<S: Serves>(routes: Routes<S>) -> Routes<S> {
    let read = Needs(Permission::Read);
    let operate = Needs(Permission::Operate);
    let routes = routes
        .add(
            Route::get("/api/v1/hosts")
                .about("Hosts, by name, with what is open on each.")
                .query(list::QUERY)
                .gives::<HostList>(),
            read,
            list::list,
        )
        .add(
            Route::put("/api/v1/hosts/facts")
                .about("Changes what is said of several hosts.")
                .takes::<FactsOfMany>()
                .gives::<FactsSet>(),
            operate,
            facts::change_many,
        )
        .add(
            Route::post("/api/v1/hosts/unmanaged")
                .about("Tells of hosts without an agent, so that they are counted.")
                .takes::<UnmanagedGiven>()
                .gives::<UnmanagedMade>(),
            NeedsEverywhere(Permission::Operate),
            unmanaged::add,
        )
        .add(
            Route::get("/api/v1/hosts/{host}")
                .about("One host: standing, key, contact, facts, what is open.")
                .gives::<HostDocument>(),
            read,
            show::show,
        )
        .add(
            Route::get("/api/v1/hosts/{host}/timeline")
                .about("What happened on a host, newest first.")
                .query(QUERY)
                .gives::<HostTimeline>(),
            read,
            timeline::show,
        )
        .add(
            Route::get("/api/v1/hosts/{host}/inventory")
                .about("What is, or was, on a host.")
                .query(AT)
                .gives::<Inventory>(),
            read,
            inventory::show,
        )
        .add(
            Route::get("/api/v1/hosts/{host}/exposures")
                .about("What a host is exposed to, with all evidence, and its episodes.")
                .query(QUERY)
                .gives::<HostExposures>(),
            read,
            inventory::exposures,
        )
        .add(
            Route::get("/api/v1/hosts/{host}/explain/{vulnerability}")
                .about("Why a host is affected, not affected or unknown, step by step.")
                .gives::<ExplainReport>(),
            read,
            inventory::why,
        )
        .add(
            Route::get("/api/v1/hosts/{host}/facts")
                .about("What people say of a host.")
                .gives::<FactsDocument>(),
            read,
            facts::show,
        );
    routes
        .add(
            Route::patch("/api/v1/hosts/{host}/facts")
                .about("Changes what is said of a host: JSON Merge Patch, `null` takes away.")
                .takes::<HostFacts>()
                .gives::<FactsDocument>(),
            operate,
            facts::change,
        )
        .add(
            Route::post("/api/v1/hosts/{host}/confirm")
                .about("Confirms the key of a host that waits for it.")
                .takes::<Confirm>(),
            operate,
            standing::confirm,
        )
        .add(
            Route::post("/api/v1/hosts/{host}/release")
                .about("Lets a quarantined host speak again, after somebody has looked.")
                .takes::<Reason>(),
            operate,
            standing::release,
        )
        .add(
            Route::post("/api/v1/hosts/{host}/revoke")
                .about("Refuses a host's certificates from now on.")
                .takes::<Reason>(),
            operate,
            standing::revoke,
        )
        .add(
            Route::post("/api/v1/hosts/{host}/look").about("Asks a host's agent to look now."),
            operate,
            standing::look,
        )
        .add(
            Route::delete("/api/v1/hosts/{host}")
                .about("Forgets a host with its history; its rows in the log stay."),
            operate,
            standing::forget,
        )
}
