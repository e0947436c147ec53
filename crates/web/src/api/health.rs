//! Whether the server lives, whether it is ready, and its numbers.

use super::Serves;
use super::metrics::State;
use super::visible::Visible;
use crate::access::{Anybody, Caller, NeedsEverywhere, Permission, Public};
use crate::problem::Problem;
use crate::routes::{Call, Route, Routes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

const TEXT: &str = "text/plain; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) fn add<S: Serves>(routes: Routes<S>) -> Routes<S> {
    routes
        .add(
            Route::get("/healthz")
                .about("Says `ok` while the server runs.")
                .media(TEXT),
            Public,
            healthz,
        )
        .add(
            Route::get("/readyz")
                .about("Says `ok` when memory is loaded and the database answers.")
                .media(TEXT),
            Public,
            readyz,
        )
        .add(
            Route::get("/metrics")
                .about("Numbers for monitoring (OpenMetrics).")
                .media(OPENMETRICS),
            NeedsEverywhere(Permission::Read),
            metrics,
        )
}

async fn healthz<S: Serves>(_: Call<S, Anybody>) -> Result<Response, Problem> {
    Ok(([(CONTENT_TYPE, TEXT)], "ok\n").into_response())
}

async fn readyz<S: Serves>(call: Call<S, Anybody>) -> Result<Response, Problem> {
    let api = call.shared.api()?;
    api.store.ping().await?;
    Ok(([(CONTENT_TYPE, TEXT)], "ok\n").into_response())
}

async fn metrics<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    call.query::<super::NoQuery>()?;
    let api = call.shared.api()?;
    let visible = Visible::of(&api, &call.proof).await?;
    let summary = super::summary::of(&api, &visible);
    let state = State {
        hosts: summary.hosts_by_word(),
        exposures: summary.open_by_word(),
        feeds: super::feeds::ages(&api),
        judging: i64::try_from(api.judging.len()).unwrap_or(i64::MAX),
        set_aside: i64::try_from(api.judging.set_aside()).unwrap_or(i64::MAX),
        unreadable: i64::try_from(api.truth.unreadable()).unwrap_or(i64::MAX),
        judges: i64::from(api.judging.judges()),
        log_head: api.store.log_head().await?.rows,
    };
    Ok(([(CONTENT_TYPE, OPENMETRICS)], api.own.metrics.text(&state)?).into_response())
}
