//! The log, its check, and the stream of what comes to it.

pub(crate) mod events;
pub(crate) mod model;

use super::Serves;
use super::answer::{done, read};
use super::page::Asked;
use super::visible::Visible;
use crate::access::{Caller, Needs, NeedsEverywhere, Permission};
use crate::problem::{Code, Problem};
use crate::routes::{Call, Query, Route, Routes};
use axum::response::Response;
use model::{LogDocument, LogLine, LogVerdictDocument};
use overlock_store::LogVerdict;
use serde::Deserialize;
use std::time::Duration;

const QUERY: &[Query] = &[
    Query {
        name: "since",
        about: "Only rows after this number.",
    },
    Query {
        name: "limit",
        about: "How many rows at most.",
    },
    Query {
        name: "cursor",
        about: "Where the page begins: `next` of the page before.",
    },
];
/// Time for a look at the whole log: a hundred million rows take some minutes.
const VERIFY: Duration = Duration::from_secs(600);

pub(crate) fn add<S: Serves>(routes: Routes<S>) -> Routes<S> {
    routes
        .add(
            Route::get("/api/v1/log")
                .about("Rows of the log, oldest first.")
                .query(QUERY)
                .gives::<LogDocument>(),
            Needs(Permission::Audit),
            rows,
        )
        .add(
            Route::post("/api/v1/log/verify")
                .about("Takes every hash of the log again.")
                .gives::<LogVerdictDocument>()
                .held(VERIFY),
            NeedsEverywhere(Permission::Audit),
            verify,
        )
        .add(
            Route::get("/api/v1/events")
                .about("Rows of the log as they come (server-sent events): `id` is the number of the row, `event` its kind, `data` the row.")
                .query(events::QUERY)
                .media("text/event-stream"),
            Needs(Permission::Audit),
            events::stream,
        )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogQuery {
    since: Option<i64>,
    limit: Option<usize>,
    cursor: Option<String>,
}

async fn rows<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked: LogQuery = call.query()?;
    let api = call.shared.api()?;
    let since = asked.since.unwrap_or(0);
    if since < 0 {
        return Err(Problem::invalid("`since` is 0 or more"));
    }
    let page = Asked::<i64>::new(
        "log",
        &since,
        asked.cursor.as_deref(),
        asked.limit,
        api.limits.page,
    )?;
    let visible = Visible::of(&api, &call.proof).await?;
    let head = api.store.log_head().await?.rows;
    let rows = api
        .store
        .log_since(
            page.after.unwrap_or(since),
            u32::try_from(page.limit + 1).unwrap_or(u32::MAX),
        )
        .await?;
    let page = page.page(rows, |row| row.seq, |row| row)?;
    let items = visible
        .rows(page.items)
        .into_iter()
        .map(LogLine::from)
        .collect();
    read(
        &call,
        &LogDocument {
            schema: "overlock.log/1",
            items,
            next: page.next,
            head,
        },
    )
}

async fn verify<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<super::NoQuery>()?;
    let api = call.shared.api()?;
    // Each holds a connection of the database for as long as it takes, and a few of them all that there are.
    let _one = api.own.verifying.try_acquire().map_err(|_| {
        Problem::new(Code::TooMany, "the log is being checked for somebody else").retry_after(30)
    })?;
    let verdict = api.store.verify_log(|_, _| {}).await?;
    let schema = "overlock.log-verdict/1";
    done(&match verdict {
        LogVerdict::Holds(head) => LogVerdictDocument {
            schema,
            holds: true,
            rows: head.rows,
            head: Some(head.hash.to_string()),
            seq: None,
            what: None,
        },
        LogVerdict::Broken(broken) => LogVerdictDocument {
            schema,
            holds: false,
            rows: broken.seq.saturating_sub(1),
            head: None,
            seq: Some(broken.seq),
            what: Some(broken.what),
        },
    })
}
