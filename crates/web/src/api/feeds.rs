//! Feeds behind the tables in use: how old is what answers are made from.

use super::Serves;
use super::answer::read;
use super::page::{ListQuery, QUERY};
use crate::access::{Caller, Needs, Permission};
use crate::problem::Problem;
use crate::routes::{Call, Route, Routes};
use crate::shared::Shared;
use axum::response::Response;
use overlock_model::feed::FeedStatus;
use schemars::JsonSchema;
use serde::Serialize;

/// Feeds behind the tables in use (`overlock.feed-list/1`).
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FeedList {
    /// `overlock.feed-list/1`.
    pub schema: &'static str,
    /// SHA-256 of what the tables in use hold.
    pub tables: String,
    /// By id.
    pub items: Vec<FeedStatus>,
    /// Where the next page begins; `null` at the end.
    pub next: Option<String>,
}

pub(crate) fn add<S: Serves>(routes: Routes<S>) -> Routes<S> {
    routes.add(
        Route::get("/api/v1/feeds")
            .about("Feeds behind the tables in use, with their dates.")
            .query(QUERY)
            .gives::<FeedList>(),
        Needs(Permission::Read),
        list,
    )
}

async fn list<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked = call.query::<ListQuery>()?;
    let api = call.shared.api()?;
    let world = api.truth.world();
    let page = asked.page(
        "feeds",
        world.feeds().to_vec(),
        |feed| feed.id.clone(),
        api.limits.page,
    )?;
    read(
        &call,
        &FeedList {
            schema: "overlock.feed-list/1",
            tables: world.id().digest.to_string(),
            items: page.items,
            next: page.next,
        },
    )
}

/// Seconds since each feed last said something.
pub(crate) fn ages(shared: &Shared) -> Vec<(String, i64)> {
    let now = shared.clock.now();
    shared
        .truth
        .world()
        .feeds()
        .iter()
        .filter_map(|feed| {
            let since = feed.dated.or(feed.fetched)?;
            Some((feed.id.clone(), now.duration_since(since).as_secs()))
        })
        .collect()
}
