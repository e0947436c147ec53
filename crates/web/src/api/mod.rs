//! The API for people and programs, `/api/v1`: one folder for each noun, with model, endpoint and tests beside each other.
//!
//! The server adds [`routes`] to its own. While memory is loaded [`Serves::api`] says that it is not ready, and so does
//! every route. What a caller may see is decided in one place, [`visible`]: every list,
//! count and single host goes through it.
//!
//! ```text
//!  Call (access proved) ─► query, body: unknown words refused ─► visible hosts ─► store, fleet ─► answer with ETag
//!                                                                     │               │
//!                                             cursor: page after page ┘               └ once: idempotency keys
//! ```

mod answer;
mod cursor;
pub mod enrolment;
pub mod exposures;
mod feeds;
pub mod grants;
pub mod groups;
mod health;
pub mod hosts;
pub mod log;
pub mod metrics;
mod once;
pub mod openapi;
pub mod packages;
mod page;
mod reference;
pub mod summary;
#[cfg(test)]
mod tests;
pub mod tokens;
mod visible;

pub use metrics::Metrics;
pub use page::Page;

use crate::access::Callers;
use crate::limits::Limits;
use crate::problem::Problem;
use crate::routes::{RouteInfo, Routes};
use crate::shared::Shared;
use axum::http::Method;
use reference::Reference;
use serde::Deserialize;
use std::sync::{Arc, OnceLock};
use tokio::sync::{Mutex, Semaphore};

/// What shares the server's parts with the handlers of the API.
pub trait Serves: Callers {
    /// The server's parts.
    ///
    /// # Errors
    /// While memory is not loaded.
    fn api(self: &Arc<Self>) -> Result<Arc<Shared>, Problem>;
}

/// What the API keeps for itself among the server's parts.
#[derive(Debug)]
pub struct Own {
    /// What is counted; agents' routes and tasks count here too.
    pub metrics: Metrics,
    /// Places for streams of events.
    pub(crate) streams: Arc<Semaphore>,
    /// The one place for a look at the whole log.
    pub(crate) verifying: Semaphore,
    /// Held while facts are changed, so that nobody changes them between a look and the change that follows from it.
    pub(crate) facts: Mutex<()>,
    reference: OnceLock<Reference>,
}

impl Own {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            metrics: Metrics::default(),
            streams: Arc::new(Semaphore::new(limits.event_streams)),
            verifying: Semaphore::new(1),
            facts: Mutex::new(()),
            reference: OnceLock::new(),
        }
    }

    /// Describes the routes that the server has: once, when all of them are there.
    pub(crate) fn describe(&self, table: &[RouteInfo]) {
        self.reference.get_or_init(|| Reference::of(table));
    }

    pub(crate) fn reference(&self) -> Result<&Reference, Problem> {
        self.reference
            .get()
            .ok_or_else(|| Problem::internal("the routes were not described"))
    }
}

/// All routes of the API.
#[must_use]
pub fn routes<S: Serves>(routes: Routes<S>) -> Routes<S> {
    let routes = health::add(routes);
    let routes = summary::add(routes);
    let routes = hosts::add(routes);
    let routes = exposures::add(routes);
    let routes = packages::add(routes);
    let routes = feeds::add(routes);
    let routes = groups::add(routes);
    let routes = enrolment::add(routes);
    let routes = tokens::add(routes);
    let routes = grants::add(routes);
    let routes = log::add(routes);
    reference::add(routes)
}

/// A query without parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoQuery {}

/// Whether a route makes something, and so answers `201` and takes an idempotency key.
pub(crate) fn creates(info: &RouteInfo) -> bool {
    const MAKERS: [&str; 4] = [
        "/api/v1/enrolment-tokens",
        "/api/v1/tokens",
        "/api/v1/grants",
        "/api/v1/hosts/unmanaged",
    ];
    info.method == Method::POST && MAKERS.contains(&info.path)
}

/// Whether a route changes only the version that was read.
pub(crate) fn needs_match(info: &RouteInfo) -> bool {
    info.method == Method::PATCH
}

/// A text that people gave: 1 to 200 characters on one line.
pub(crate) fn owned(field: &str, text: String) -> Result<String, Problem> {
    let length = text.chars().count();
    if (1..=200).contains(&length) && !text.chars().any(char::is_control) && !text.trim().is_empty()
    {
        Ok(text)
    } else {
        Err(Problem::invalid(format!(
            "`{field}` is 1 to 200 characters on one line"
        )))
    }
}
