//! The stream of events: what comes to the log, to who listens (server-sent events, HTML standard section 9.2).
//!
//! The task that follows the log says how far it is ([`crate::follow`]), whoever wrote there. A stream reads the
//! rows itself and hands on the next only when the client took the one before: a slow client costs one page of rows and
//! no row is lost; who comes back names the last row it saw.

use super::model::LogLine;
use crate::access::Caller;
use crate::api::Serves;
use crate::api::visible::Visible;
use crate::problem::{Code, Problem};
use crate::routes::{Call, Query};
use crate::shared::Shared;
use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use http_body_util::channel::{Channel, Sender};
use overlock_store::LogRow;
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub(super) const QUERY: &[Query] = &[Query {
    name: "since",
    about: "Begin after this row; `Last-Event-ID` comes first.",
}];

/// Rest after the database did not answer.
const REST: Duration = Duration::from_secs(1);
/// How often a stream with nothing to say says so: shorter than what usually ends idle connections.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a client may leave its rows untaken.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a stream lasts: who comes back shows its token again, so that access that was taken ends here too.
const LIFE: Duration = Duration::from_secs(15 * 60);
/// Rows read at once.
const PAGE: u32 = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    since: Option<i64>,
}

pub(super) async fn stream<S: Serves>(call: Call<S, Caller>) -> Result<Response, Problem> {
    let asked: Asked = call.query()?;
    let api = call.shared.api()?;
    let last = match call.header("last-event-id") {
        Some(text) => Some(
            text.parse()
                .map_err(|_| Problem::invalid("`Last-Event-ID` is the number of a row"))?,
        ),
        None => asked.since,
    };
    let place = Arc::clone(&api.own.streams)
        .try_acquire_owned()
        .map_err(|_| {
            Problem::new(Code::Unavailable, "all streams of events are taken").retry_after(30)
        })?;
    let from = match last {
        Some(last) if last < 0 => return Err(Problem::invalid("a row's number is 0 or more")),
        Some(last) => last,
        None => api.store.log_head().await?.rows,
    };
    let (sender, body) = Channel::<Bytes, Infallible>::new(1);
    let caller = call.proof.clone();
    tokio::spawn(async move {
        let open = api.own.metrics.event_stream();
        tokio::select! {
            () = api.stop.stopped() => {}
            () = sleep(LIFE) => {}
            () = feed(&api, &caller, from, sender) => {}
        }
        drop((open, place));
    });
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // For proxies that would gather the stream before they hand it on.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Feeds a client until it is gone.
async fn feed(api: &Arc<Shared>, caller: &Caller, mut last: i64, mut to: Sender<Bytes>) {
    let mut head = api.followed.subscribe();
    if send(&mut to, ": rows of the log follow\n\n".to_owned())
        .await
        .is_err()
    {
        return;
    }
    loop {
        let rows = match api.store.log_since(last, PAGE).await {
            Ok(rows) => rows,
            Err(error) if error.is_passing() => {
                sleep(REST).await;
                continue;
            }
            Err(error) => {
                tracing::error!(%error, "a stream of events ends");
                return;
            }
        };
        if rows.is_empty() {
            let quiet = tokio::select! {
                moved = head.wait_for(|head| *head > last) => {
                    if moved.is_err() {
                        return;
                    }
                    false
                }
                () = sleep(HEARTBEAT) => true,
            };
            if quiet && send(&mut to, ":\n\n".to_owned()).await.is_err() {
                return;
            }
            continue;
        }
        // What the caller may see is asked anew for each page: groups change while streams last.
        let Ok(visible) = Visible::of(api, caller).await else {
            return;
        };
        last = rows.last().map_or(last, |row| row.seq);
        let text = text_of(visible.rows(rows));
        if !text.is_empty() && send(&mut to, text).await.is_err() {
            return;
        }
    }
}

fn text_of(rows: Vec<LogRow>) -> String {
    let mut text = String::new();
    for row in rows {
        let line = LogLine::from(row);
        // JSON text has no line breaks of its own, and a kind is a word of ours.
        let data = serde_json::to_string(&line).unwrap_or_default();
        text.push_str(&format!(
            "id: {}\nevent: {}\ndata: {data}\n\n",
            line.seq, line.kind
        ));
    }
    text
}

struct Gone;

async fn send(to: &mut Sender<Bytes>, text: String) -> Result<(), Gone> {
    match timeout(PATIENCE, to.send_data(Bytes::from(text))).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Gone),
    }
}
